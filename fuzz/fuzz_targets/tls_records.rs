//! Records of TLS 1.3 that a client seals with the right keys, honest or not, cut anywhere: data comes out as it was meant,
//! cuts change nothing, an error is final, and a client understands all that it is told.
#![no_main]

use std::io::Read;
use std::sync::{Arc, LazyLock, Mutex};

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use libfuzzer_sys::fuzz_target;
use rustls::crypto::{CryptoProvider, aws_lc_rs as provider};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, Error, KeyLog, RootCertStore, ServerConfig};
use wherry_server::transport::{Codec, Opener, Progress, Sealer, split};

/// Operations of one list, for the reason that `switch_ops` has.
const MOST_OPS: usize = 64;

/// Most that a list may put on the wire, in bytes.
const MOST_WIRE: usize = 256 << 10;

/// Largest content of a record.
const MAX_CONTENT: usize = 1 << 14;

/// Records that say nothing of which a relay takes as many at least.
const FEW: usize = 30;

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const DATA: u8 = 23;

fuzz_target!(|input: &[u8]| {
    let (whole, cut) = (run(input, None), run(input, Some(input)));
    // Without the data in the message, of which there may be much.
    assert!(
        whole == cut,
        "cuts change nothing: {} and {} bytes, {:?}",
        whole.0.len(),
        cut.0.len(),
        [whole.1, cut.1]
    );
});

/// What came of a list: the data that was opened, and how it ended.
type End = (Vec<u8>, Option<String>);

/// Plays the list; the wire is presented record by record, or in pieces as long as `cuts` says.
fn run(input: &[u8], cuts: Option<&[u8]>) -> End {
    let mut world = World::new();
    let mut ops = Ops(input);
    for _ in 0..MOST_OPS {
        let Some(op) = ops.byte() else { break };
        if world.wire.len() > MOST_WIRE {
            break;
        }
        world.step(op, &mut ops);
        if cuts.is_none() {
            world.present(world.wire.len());
        }
    }
    for cut in cuts.into_iter().flatten().map(|byte| 1 + usize::from(*byte) * 16) {
        world.present((world.at + cut).min(world.wire.len()).max(world.presented));
    }
    world.present(world.wire.len());
    world.end()
}

/// The input as a list of operations.
struct Ops<'a>(&'a [u8]);

impl Ops<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// Up to `most`, as two bytes say.
    fn length(&mut self, most: usize) -> usize {
        let bytes = [self.byte().unwrap_or(0), self.byte().unwrap_or(0)];
        usize::from(u16::from_be_bytes(bytes)) % (most + 1)
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let len = self.length(most).min(self.0.len());
        let (taken, rest) = self.0.split_at(len);
        self.0 = rest;
        taken.to_vec()
    }
}

struct World {
    client: ClientConnection,
    forger: Forger,
    opener: Opener,
    sealer: Sealer,
    /// All that the client has sent, and how far it was presented and opened.
    wire: Vec<u8>,
    presented: usize,
    at: usize,
    /// What was meant as data, and what came out.
    meant: Vec<u8>,
    plain: Vec<u8>,
    /// Whether the client did what an honest one does not, and how many of its records carried no data.
    cheated: bool,
    idling: usize,
    /// How it ended.
    ended: Option<String>,
    /// What the relay said, and what the client has read of it.
    said: Vec<u8>,
    read: Vec<u8>,
}

impl World {
    fn new() -> Self {
        let secrets = Arc::new(Secrets::default());
        let mut config = CONFIGS.client.clone();
        config.key_log = Arc::clone(&secrets) as _;
        let name = ServerName::try_from("relay.example").unwrap();
        let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut codec = Codec::tls(Arc::clone(&CONFIGS.server)).unwrap();
        while client.is_handshaking() || !codec.is_established() {
            let (mut wire, mut reply) = (Vec::new(), Vec::new());
            while client.wants_write() {
                client.write_tls(&mut wire).unwrap();
            }
            let opened = codec.open(&mut wire, &mut Vec::new(), &mut reply).unwrap();
            assert_eq!(opened.consumed, wire.len());
            feed(&mut client, &reply).unwrap();
        }
        let (opener, sealer) = split(codec).unwrap();
        let secret = secrets.0.lock().unwrap().take().unwrap();
        let forger = Forger { secret, records: 0 };
        Self {
            client,
            forger,
            opener,
            sealer,
            wire: Vec::new(),
            presented: 0,
            at: 0,
            meant: Vec::new(),
            plain: Vec::new(),
            cheated: false,
            idling: 0,
            ended: None,
            said: Vec::new(),
            read: Vec::new(),
        }
    }

    /// An operation, and what it needs from those that follow.
    fn step(&mut self, op: u8, ops: &mut Ops<'_>) {
        self.cheated |= (6..=10).contains(&(op % 12));
        match op % 12 {
            0..=2 => {
                let (len, fill) = (ops.length(300), ops.byte().unwrap_or(1));
                self.record(DATA, &vec![fill; len], 0);
            }
            3 => {
                let (len, padding) = (16_380 + ops.length(8), ops.length(300));
                self.record(DATA, &vec![7; len], padding);
            }
            4 => {
                let content = ops.bytes(100);
                self.record(DATA, &content, usize::from(op / 12));
            }
            5 => {
                // A key update as an honest client sends it.
                let asks = op / 12 % 2;
                self.record(HANDSHAKE, &[24, 0, 0, 1, asks], 0);
                self.forger.next_key();
            }
            6 => {
                // A piece of one, or of something else.
                let (from, len) = (usize::from(op / 12) % 5, 1 + ops.length(5));
                let piece: Vec<u8> = [24, 0, 0, 1, 1].into_iter().skip(from).take(len).collect();
                self.record(HANDSHAKE, &piece, 0);
            }
            7 => self.forger.next_key(),
            8 => {
                let content = ops.bytes(4);
                self.record(ALERT, &content, 0);
            }
            9 => {
                let (kind, content) = (ops.byte().unwrap_or(0), ops.bytes(100));
                self.record(kind, &content, ops.length(3));
            }
            10 => {
                let noise = ops.bytes(400);
                self.wire.extend(noise);
            }
            _ => {
                let len = ops.length(40_000);
                self.say(len);
            }
        }
    }

    fn record(&mut self, kind: u8, content: &[u8], padding: usize) {
        self.cheated |= content.len() + padding > MAX_CONTENT;
        self.idling += usize::from(kind != DATA || content.is_empty());
        let mut inner = [content, &[kind]].concat();
        // The kind is what stands before the padding, which a kind of zero is taken for.
        if let Some(end) = inner.iter().rposition(|byte| *byte != 0)
            && inner[end] == DATA
        {
            self.meant.extend(&inner[..end]);
        }
        inner.resize(inner.len() + padding, 0);
        self.forger.seal(inner, &mut self.wire);
    }

    /// Presents the wire up to there, unless it has ended.
    fn present(&mut self, end: usize) {
        if self.ended.is_some() {
            return;
        }
        self.presented = end;
        let wire = &mut self.wire[self.at..end];
        let before = self.plain.len();
        let opened = match self.opener.open(wire, &mut self.plain) {
            Progress::Done(opened) => Ok(opened),
            Progress::NeedsSealer(need) => {
                let Self { opener, sealer, plain, said, .. } = self;
                opener.open_with(sealer, need, wire, plain, said)
            }
        };
        assert!(self.plain.len() - before <= wire.len(), "nothing is opened that was not sent");
        match opened {
            Ok(opened) => {
                assert!(opened.consumed <= wire.len());
                self.at += opened.consumed;
                self.ended = opened.finished.then(|| "closed".to_owned());
            }
            Err(err) => {
                self.ended = Some(err.to_string());
                self.stays_ended();
            }
        }
        assert!(self.meant.starts_with(&self.plain), "what comes out is what was meant");
    }

    /// After an error nothing is opened or sealed.
    fn stays_ended(&mut self) {
        let (mut plain, mut reply) = (Vec::new(), Vec::new());
        let Progress::NeedsSealer(need) = self.opener.open(&mut [1; 40], &mut plain) else {
            panic!("it opens after an error")
        };
        let opened = self.opener.open_with(&mut self.sealer, need, &mut [1; 40], &mut plain, &mut reply);
        assert!(opened.is_err() && self.sealer.seal(&mut reply, |out| out.push(1)).is_err());
        assert_eq!((plain, reply), (Vec::new(), Vec::new()));
    }

    /// The relay says something, and the client reads it.
    fn say(&mut self, len: usize) {
        let before = self.said.len();
        let sealed = self.sealer.seal(&mut self.said, |out| out.resize(out.len() + len, 5));
        assert_eq!(sealed.is_ok(), self.ended.as_ref().is_none_or(|end| end == "closed"));
        if sealed.is_err() {
            assert_eq!(self.said.len(), before, "nothing leaves unsealed");
            return;
        }
        let read = self.read.len();
        self.client_reads().unwrap();
        assert_eq!(self.read.len() - read, len);
    }

    /// Feeds the client what was said.
    fn client_reads(&mut self) -> Result<(), Error> {
        for piece in std::mem::take(&mut self.said).chunks(9000) {
            feed(&mut self.client, piece)?;
            let mut buf = [0; 16_384];
            while let Ok(len @ 1..) = self.client.reader().read(&mut buf) {
                self.read.extend(&buf[..len]);
            }
        }
        Ok(())
    }

    fn end(mut self) -> End {
        let understood = self.client_reads();
        let is_alert = |err: &Error| matches!(err, Error::AlertReceived(_));
        assert!(understood.as_ref().map_or_else(is_alert, |()| true), "the client hears {understood:?}");
        assert!(self.read.iter().all(|byte| *byte == 5));
        if !self.cheated && self.idling <= FEW {
            assert!(
                self.ended.is_none() && self.plain == self.meant,
                "an honest client is heard: {:?}",
                self.ended
            );
        }
        (self.plain, self.ended)
    }
}

fn feed(client: &mut ClientConnection, mut records: &[u8]) -> Result<(), Error> {
    while !records.is_empty() {
        client.read_tls(&mut records).unwrap();
        client.process_new_packets()?;
    }
    Ok(())
}

/// Seals records with the client's keys (RFC 8446, sections 5.2, 5.3 and 7.3).
struct Forger {
    secret: Vec<u8>,
    records: u64,
}

impl Forger {
    fn seal(&mut self, mut inner: Vec<u8>, wire: &mut Vec<u8>) {
        let key = UnboundKey::new(&AES_128_GCM, &self.expand("key", 16)).unwrap();
        let mut nonce: [u8; NONCE_LEN] = self.expand("iv", NONCE_LEN).try_into().unwrap();
        for (byte, count) in nonce.iter_mut().rev().zip(self.records.to_le_bytes()) {
            *byte ^= count;
        }
        self.records += 1;
        let [high, low] = u16::try_from(inner.len() + 16).unwrap().to_be_bytes();
        let header = [DATA, 3, 3, high, low];
        let nonce = Nonce::assume_unique_for_key(nonce);
        LessSafeKey::new(key).seal_in_place_append_tag(nonce, Aad::from(header), &mut inner).unwrap();
        wire.extend(header);
        wire.extend(inner);
    }

    /// Goes on with the key that follows this one (section 7.2).
    fn next_key(&mut self) {
        (self.secret, self.records) = (self.expand("traffic upd", 32), 0);
    }

    /// HKDF-Expand-Label without context, for at most 32 bytes (section 7.1).
    fn expand(&self, label: &str, len: usize) -> Vec<u8> {
        let label = format!("tls13 {label}");
        let [high, low] = u16::try_from(len).unwrap().to_be_bytes();
        let info = [&[high, low, u8::try_from(label.len()).unwrap()], label.as_bytes(), &[0, 1]].concat();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.secret);
        hmac::sign(&key, &info).as_ref()[..len].to_vec()
    }
}

/// The client's first traffic secret, as a key log has it.
#[derive(Debug, Default)]
struct Secrets(Mutex<Option<Vec<u8>>>);

impl KeyLog for Secrets {
    fn log(&self, label: &str, _: &[u8], secret: &[u8]) {
        if label == "CLIENT_TRAFFIC_SECRET_0" {
            *self.0.lock().unwrap() = Some(secret.to_vec());
        }
    }
}

struct Configs {
    client: ClientConfig,
    server: Arc<ServerConfig>,
}

/// Both sides know one cipher suite, and one quick way to agree on keys.
static CONFIGS: LazyLock<Configs> = LazyLock::new(|| {
    let provider = Arc::new(CryptoProvider {
        cipher_suites: vec![provider::cipher_suite::TLS13_AES_128_GCM_SHA256],
        kx_groups: vec![provider::kx_group::X25519],
        ..provider::default_provider()
    });
    let issued = rcgen::generate_simple_self_signed(vec!["relay.example".to_owned()]).unwrap();
    let certificate: CertificateDer<'static> = issued.cert.der().clone();
    let key = PrivateKeyDer::try_from(issued.signing_key.serialize_der()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    server.enable_secret_extraction = true;
    Configs { client, server: Arc::new(server) }
});
