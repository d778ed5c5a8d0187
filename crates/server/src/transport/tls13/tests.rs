//! Our record layer against rustls' own, and against a client that makes records by hand.

use std::io::{Read, Write};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::UnbufferedServerConnection;
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, ServerConfig, SignatureScheme,
    SupportedCipherSuite,
};

use super::keys::Keys;
use super::*;
use crate::transport::records;

/// A server's record layer and the client it shook hands with.
struct Pair {
    opener: Opener,
    sealer: Sealer,
    client: ClientConnection,
}

/// All cipher suites of TLS 1.3.
const SUITES: [SupportedCipherSuite; 3] = [
    aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256,
    aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384,
    aws_lc_rs::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
];

fn pair(suite: SupportedCipherSuite) -> Pair {
    let (client, server) = shaken(suite);
    let (opener, sealer) = take_over(server).unwrap();
    Pair { opener, sealer, client }
}

/// A client and a server of rustls after their handshake.
fn shaken(suite: SupportedCipherSuite) -> (ClientConnection, UnbufferedServerConnection) {
    let provider = Arc::new(CryptoProvider { cipher_suites: vec![suite], ..aws_lc_rs::default_provider() });
    let issued = rcgen::generate_simple_self_signed(vec!["relay.example".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(issued.signing_key.serialize_der()).unwrap();
    let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![issued.cert.der().clone()], key)
        .unwrap();
    server.enable_secret_extraction = true;
    let mut client = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCert(provider)))
        .with_no_client_auth();
    client.enable_secret_extraction = true;
    let name = ServerName::try_from("relay.example").unwrap();
    let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
    let mut server = UnbufferedServerConnection::new(Arc::new(server)).unwrap();
    while server.is_handshaking() || client.is_handshaking() {
        let (mut wire, mut plain, mut reply) = (written(&mut client), Vec::new(), Vec::new());
        assert_eq!(
            records::open(&mut server, &mut wire, &mut plain, &mut reply).unwrap().consumed,
            wire.len()
        );
        feed(&mut client, &reply);
    }
    assert_eq!(client.negotiated_cipher_suite().map(|suite| suite.suite()), Some(suite.suite()));
    (client, server)
}

/// What the client wants to send.
fn written(client: &mut ClientConnection) -> Vec<u8> {
    let mut wire = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut wire).unwrap();
    }
    wire
}

fn feed(client: &mut ClientConnection, mut records: &[u8]) {
    while !records.is_empty() {
        client.read_tls(&mut records).unwrap();
        client.process_new_packets().unwrap();
    }
}

impl Pair {
    /// What the client has to say, as it would come off the socket.
    fn client_says(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.client.writer().write_all(bytes).unwrap();
        written(&mut self.client)
    }

    fn server_says(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut wire = Vec::new();
        self.sealer.seal(&mut wire, |out| out.extend_from_slice(bytes)).unwrap();
        wire
    }

    /// What the client reads out of `records`.
    fn client_reads(&mut self, records: &[u8]) -> Vec<u8> {
        let mut read = Vec::new();
        for piece in records.chunks(1000) {
            feed(&mut self.client, piece);
            // Nothing more for now is an error of this kind; what was read before it stays.
            match self.client.reader().read_to_end(&mut read) {
                Ok(_) => {}
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
            }
        }
        read
    }

    /// The client's key, to make records by hand.
    fn forge(self) -> (Opener, Forger) {
        let secrets = self.client.dangerous_extract_secrets().unwrap();
        (self.opener, Forger(Keys::new(secrets.tx).unwrap()))
    }
}

/// Makes records that no honest client makes.
struct Forger(Keys);

impl Forger {
    fn record(&mut self, content_type: u8, content: &[u8], padding: usize) -> Vec<u8> {
        let mut inner = [content, &[content_type]].concat();
        inner.resize(inner.len() + padding, 0);
        self.seal(inner)
    }

    fn seal(&mut self, mut inner: Vec<u8>) -> Vec<u8> {
        let [high, low] = u16::try_from(inner.len() + TAG_LEN).unwrap().to_be_bytes();
        let header = [23, 3, 3, high, low];
        let tag = self.0.seal(header, &mut inner).unwrap();
        [&header[..], &inner, &tag].concat()
    }
}

/// Opens `wire` in whole; returns the data and why it stopped.
fn open(opener: &mut Opener, wire: &[u8]) -> (Vec<u8>, Stop) {
    let (mut wire, mut plain) = (wire.to_vec(), Vec::new());
    let (_, stop) = opener.open(&mut wire, &mut plain);
    (plain, stop)
}

fn noise(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from(at * 31 % 251).unwrap()).collect()
}

#[test]
fn every_suite_carries_every_length_both_ways() {
    for suite in SUITES {
        let mut pair = pair(suite);
        for len in [1, 2, 100, 1437, 16_383, 16_384, 16_385, 32_768, 40_000, 65_600, 200_000] {
            let bytes = noise(len);
            // A client's own buffer is bounded.
            for piece in bytes.chunks(50_000) {
                let wire = pair.client_says(piece);
                assert_eq!(open(&mut pair.opener, &wire), (piece.to_vec(), Stop::Dry), "{suite:?} {len}");
            }
            let records = pair.server_says(&bytes);
            assert_eq!(pair.client_reads(&records), bytes, "{suite:?} {len}");
        }
    }
}

#[test]
fn records_are_opened_wherever_the_stream_is_cut() {
    let mut pair = pair(SUITES[0]);
    let bytes = noise(3000);
    let mut wire: Vec<u8> = bytes.chunks(700).flat_map(|piece| pair.client_says(piece)).collect();
    let (mut plain, mut at) = (Vec::new(), 0);
    for end in 0..=wire.len() {
        let (used, stop) = pair.opener.open(&mut wire[at..end], &mut plain);
        assert_eq!(stop, Stop::Dry);
        at += used;
    }
    assert_eq!((at, plain), (wire.len(), bytes));
}

#[test]
fn nothing_to_seal_makes_no_record() {
    let mut pair = pair(SUITES[0]);
    assert_eq!(pair.server_says(b""), b"");
    let records = pair.server_says(b"and goes on");
    assert_eq!(pair.client_reads(&records), b"and goes on");
}

#[test]
fn our_new_key_is_followed_by_the_client() {
    for suite in SUITES {
        let mut pair = pair(suite);
        for round in 0..3 {
            let mut records = Vec::new();
            pair.sealer.renew_key(&mut records).unwrap();
            records.extend(pair.server_says(b"with a new key"));
            assert_eq!(pair.client_reads(&records), b"with a new key", "{suite:?} {round}");
        }
    }
}

#[test]
fn a_key_near_its_limit_is_renewed() {
    let mut pair = pair(SUITES[0]);
    pair.sealer.limit = MARGIN + 10;
    for turn in 0..1000 {
        let bytes = noise(turn * 100 + 1);
        let records = pair.server_says(&bytes);
        assert_eq!(pair.client_reads(&records), bytes);
        assert!(pair.sealer.keys.records() < 20, "{turn}");
    }
}

#[test]
fn the_clients_new_key_is_followed_and_answered() {
    for suite in SUITES {
        let mut pair = pair(suite);
        for round in 0..3 {
            pair.client.refresh_traffic_keys().unwrap();
            let mut wire = pair.client_says(b"with a new key");
            let mut plain = Vec::new();
            let (used, stop) = pair.opener.open(&mut wire, &mut plain);
            assert_eq!(stop, Stop::KeyUpdate { wants_answer: true }, "{suite:?} {round}");
            let mut reply = Vec::new();
            pair.sealer.follow_key_update(&mut pair.opener, true, &mut reply).unwrap();
            let (_, stop) = pair.opener.open(&mut wire[used..], &mut plain);
            assert_eq!((plain.as_slice(), stop), (&b"with a new key"[..], Stop::Dry));
            reply.extend(pair.server_says(b"and so do we"));
            assert_eq!(pair.client_reads(&reply), b"and so do we");
        }
    }
}

#[test]
fn a_key_update_before_the_session_is_answered_before_its_first_frame() {
    let (mut client, mut server) = shaken(SUITES[0]);
    client.refresh_traffic_keys().unwrap();
    client.writer().write_all(b"client info").unwrap();
    let (mut plain, mut reply) = (Vec::new(), Vec::new());
    let mut wire = written(&mut client);
    records::open(&mut server, &mut wire, &mut plain, &mut reply).unwrap();
    assert_eq!(plain, b"client info");
    // As the session does it: the last word by rustls, then the take-over.
    records::seal(&mut server, b"server info", &mut reply).unwrap();
    let (opener, sealer) = take_over(server).unwrap();
    let mut pair = Pair { opener, sealer, client };
    reply.extend(pair.server_says(b" and a packet"));
    assert_eq!(pair.client_reads(&reply), b"server info and a packet");
    let wire = pair.client_says(b"with its new key");
    assert_eq!(open(&mut pair.opener, &wire), (b"with its new key".to_vec(), Stop::Dry));
}

#[test]
fn a_farewell_reaches_the_other_side() {
    let mut pair = pair(SUITES[0]);
    pair.client.send_close_notify();
    let wire = pair.client_says(b"");
    assert_eq!(open(&mut pair.opener, &wire), (Vec::new(), Stop::Closed));
    let mut records = Vec::new();
    pair.sealer.close(&mut records).unwrap();
    let mut records = records.as_slice();
    pair.client.read_tls(&mut records).unwrap();
    assert!(pair.client.process_new_packets().unwrap().peer_has_closed());
}

#[test]
fn the_client_learns_what_it_did_wrong() {
    let mut pair = pair(SUITES[0]);
    let mut records = Vec::new();
    pair.sealer.blame(Fault::BadRecord, &mut records).unwrap();
    pair.client.read_tls(&mut records.as_slice()).unwrap();
    let error = pair.client.process_new_packets().unwrap_err();
    assert_eq!(error, Error::AlertReceived(rustls::AlertDescription::BadRecordMac));
}

#[test]
fn a_changed_record_is_refused_and_not_opened() {
    let wire = pair(SUITES[0]).client_says(b"precious");
    for at in 0..wire.len() {
        let mut pair = pair(SUITES[0]);
        let mut wire = pair.client_says(b"precious");
        wire[at] ^= 0x80;
        let (plain, stop) = open(&mut pair.opener, &wire);
        assert_eq!(plain, b"", "{at}");
        match at {
            0 => assert_eq!(stop, Stop::Fault(Fault::UnexpectedMessage)),
            // A length that is too large, or that waits for more.
            3 => assert_eq!(stop, Stop::Fault(Fault::RecordOverflow)),
            4 => assert_eq!(stop, Stop::Dry),
            _ => assert_eq!(stop, Stop::Fault(Fault::BadRecord), "{at}"),
        }
    }
}

#[test]
fn a_record_is_not_opened_twice() {
    let mut pair = pair(SUITES[0]);
    let wire = pair.client_says(b"once");
    assert_eq!(open(&mut pair.opener, &wire), (b"once".to_vec(), Stop::Dry));
    assert_eq!(open(&mut pair.opener, &wire), (Vec::new(), Stop::Fault(Fault::BadRecord)));
}

#[test]
fn padding_is_taken_off() {
    let (mut opener, mut forger) = pair(SUITES[0]).forge();
    for padding in [0, 1, 255, 10_000] {
        let wire = forger.record(23, b"padded\0", padding);
        assert_eq!(open(&mut opener, &wire), (b"padded\0".to_vec(), Stop::Dry), "{padding}");
    }
}

/// What a client sends, by record: content type, content, padding; and what it gets for it.
type Misdeed = (&'static str, &'static [(u8, &'static [u8])], Stop);

#[test]
fn every_misdeed_has_its_answer() {
    let fault = |fault| Stop::Fault(fault);
    let misdeeds: [Misdeed; 19] = [
        ("unknown content type", &[(42, b"x")], fault(Fault::UnexpectedMessage)),
        ("change of cipher after the handshake", &[(20, b"\x01")], fault(Fault::UnexpectedMessage)),
        ("handshake message without content", &[(22, b"")], fault(Fault::UnexpectedMessage)),
        ("client hello again", &[(22, b"\x01\0\0\x02ab")], fault(Fault::UnexpectedMessage)),
        ("finished again", &[(22, b"\x14\0\0\x01\0")], fault(Fault::UnexpectedMessage)),
        ("key update of a wrong length", &[(22, b"\x18\0\0\x02\0\0")], fault(Fault::UnexpectedMessage)),
        ("key update of a huge length", &[(22, b"\x18\xff\xff\xff\0")], fault(Fault::UnexpectedMessage)),
        ("key update with a wrong value", &[(22, b"\x18\0\0\x01\x02")], fault(Fault::IllegalParameter)),
        ("something behind a key update", &[(22, b"\x18\0\0\x01\0\x18")], fault(Fault::UnexpectedMessage)),
        ("data within a key update", &[(22, b"\x18\0"), (23, b"x")], fault(Fault::UnexpectedMessage)),
        ("alert within a key update", &[(22, b"\x18\0"), (21, b"\x01\0")], fault(Fault::UnexpectedMessage)),
        ("alert without content", &[(21, b"")], fault(Fault::UnexpectedMessage)),
        ("alert of one byte", &[(21, b"\x01")], fault(Fault::Malformed)),
        ("alert of three bytes", &[(21, b"\x01\0\0")], fault(Fault::Malformed)),
        ("fatal alert", &[(21, b"\x02\x28")], fault(Fault::PeerAlert(40))),
        ("warning that TLS 1.3 does not have", &[(21, b"\x01\x64")], fault(Fault::PeerAlert(100))),
        ("cancellation, then farewell", &[(21, b"\x01\x5a"), (21, b"\x01\0")], Stop::Closed),
        (
            "key update in pieces",
            &[(22, b"\x18"), (22, b"\0\0"), (22, b"\x01\0")],
            Stop::KeyUpdate { wants_answer: false },
        ),
        ("data without content", &[(23, b"")], Stop::Dry),
    ];
    for (name, records, expected) in misdeeds {
        let (mut opener, mut forger) = pair(SUITES[0]).forge();
        let wire: Vec<u8> =
            records.iter().flat_map(|(kind, content)| forger.record(*kind, content, 0)).collect();
        assert_eq!(open(&mut opener, &wire), (Vec::new(), expected), "{name}");
    }
}

#[test]
fn a_record_of_zeros_only_is_refused() {
    let (mut opener, mut forger) = pair(SUITES[0]).forge();
    let wire = forger.seal(vec![0; 100]);
    assert_eq!(open(&mut opener, &wire).1, Stop::Fault(Fault::UnexpectedMessage));
}

#[test]
fn a_record_too_long_inside_is_refused_padding_counted() {
    for (content, padding) in [(MAX_CONTENT + 1, 0), (MAX_CONTENT, 1), (1, MAX_CONTENT)] {
        let (mut opener, mut forger) = pair(SUITES[0]).forge();
        let wire = forger.record(23, &noise(content - 1), padding);
        assert_eq!(open(&mut opener, &wire), (noise(content - 1), Stop::Dry), "{content} {padding}");
        let wire = forger.record(23, &noise(content), padding);
        assert_eq!(open(&mut opener, &wire), (Vec::new(), Stop::Fault(Fault::RecordOverflow)));
    }
}

#[test]
fn a_record_too_long_outside_is_refused_before_it_is_whole() {
    let (mut opener, _) = pair(SUITES[0]).forge();
    assert_eq!(open(&mut opener, &[23, 3, 3, 0x41, 0x00]).1, Stop::Dry);
    assert_eq!(open(&mut opener, &[23, 3, 3, 0x41, 0x01]).1, Stop::Fault(Fault::RecordOverflow));
}

#[test]
fn records_that_say_nothing_come_to_an_end() {
    let (mut opener, mut forger) = pair(SUITES[0]).forge();
    for _ in 0..10 {
        let mut wire: Vec<u8> = (0..32).flat_map(|_| forger.record(23, b"", 3)).collect();
        for _ in 0..4 {
            wire.extend(forger.record(23, &noise(MAX_CONTENT), 0));
        }
        assert_eq!(open(&mut opener, &wire).1, Stop::Dry);
    }
    // A byte of data between them does not make up for them.
    let mut wire: Vec<u8> = (0..32).flat_map(|_| forger.record(23, b"", 3)).collect();
    wire.extend(forger.record(23, b"x", 0));
    assert_eq!(open(&mut opener, &wire), (b"x".to_vec(), Stop::Dry));
    let wire: Vec<u8> = (0..1).flat_map(|_| forger.record(23, b"", 3)).collect();
    assert_eq!(open(&mut opener, &wire).1, Stop::Fault(Fault::Idling));
}

#[derive(Debug)]
struct AnyCert(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCert {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
