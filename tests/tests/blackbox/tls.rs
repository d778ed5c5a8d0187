//! What a client sees of TLS. Source: tailscale: derp/derpserver/derpserver.go, cmd/derper/cert.go

use crate::patience::relay;
use std::net::IpAddr;
use std::time::Instant;
use wherry_tests::frame::{GONE_DISCONNECTED, GONE_NOT_HERE, MAX_PACKET, disco, frame, kind};
use wherry_tests::http::{request, upgrade};
use wherry_tests::node::{NodeKey, hex, random_bytes};
use wherry_tests::pipe::Pipe;
use wherry_tests::subject::{Setup, write_certificate};
use wherry_tests::tls::{BOTH, Hello, ONLY_12, ONLY_13};
use wherry_tests::{Difference, Join, PATIENCE, Peer, Subject, Wire};
use x509_parser::prelude::{FromDer as _, ParsedExtension, X509Certificate};

#[test]
fn the_last_certificate_names_the_relays_key() {
    let Some(relay) = relay() else { return };
    for versions in [ONLY_13, ONLY_12] {
        // Twice: what is appended for one connection must not stay for the next.
        for _ in 0..2 {
            let pipe = Pipe::tls(relay.main(), &Hello { versions, ..Hello::default() }).expect("a handshake");
            assert_eq!(pipe.chain().len(), 2, "leaf and meta certificate");
            let (_, meta) = X509Certificate::from_der(&pipe.chain()[1]).expect("a certificate");
            let name = format!("CN=derpkey{}", hex(&relay.node_key().public()));
            assert_eq!(meta.subject().to_string(), name);
            assert_eq!(meta.issuer().to_string(), name);
            assert_eq!(meta.raw_serial(), [2], "the protocol version");
            assert_eq!(meta.public_key().algorithm.algorithm.to_id_string(), "1.3.101.112", "Ed25519");
            assert_eq!(meta.extensions().len(), 1);
            let ParsedExtension::BasicConstraints(constraints) = meta.extensions()[0].parsed_extension()
            else {
                panic!("the only extension is about constraints");
            };
            assert!(!constraints.ca);
            assert!(meta.validity().is_valid());
            // 30 days before the start and 30 days after.
            let days =
                (meta.validity().not_after.timestamp() - meta.validity().not_before.timestamp()) / 86_400;
            assert_eq!(days, 60);
        }
    }
}

#[test]
fn an_address_gets_a_certificate_of_its_own_making() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(relay) = relay() else { return };
    let pipe = Pipe::tls(relay.main(), &Hello::default()).expect("a handshake");
    let (_, leaf) = X509Certificate::from_der(&pipe.chain()[0]).expect("a certificate");
    assert_eq!(leaf.subject().to_string(), format!("CN={}", relay.hostname()));
    let names = leaf.subject_alternative_name().expect("one such extension").expect("names");
    let IpAddr::V4(ip) = relay.main().ip() else { panic!("the test speaks IPv4") };
    let octets = ip.octets();
    assert_eq!(names.value.general_names, [x509_parser::extensions::GeneralName::IPAddress(&octets)]);
    assert!(leaf.validity().is_valid());
    let days = (leaf.validity().not_after.timestamp() - leaf.validity().not_before.timestamp()) / 86_400;
    assert!((364..=366).contains(&days), "one year, not {days} days");
    let usage = leaf.extended_key_usage().expect("one such extension").expect("a usage");
    assert!(usage.value.server_auth);

    for (ending, mode) in [("crt", 0o644), ("key", 0o600)] {
        let file = relay.cert_dir().join(format!("{}.{ending}", relay.hostname()));
        let found = std::fs::metadata(&file).expect("the file is there").permissions().mode();
        assert_eq!(found & 0o777, mode, "{}", file.display());
    }
}

#[test]
fn an_address_is_served_whatever_name_is_asked_for() {
    let Some(relay) = relay() else { return };
    for name in [None, Some("derp.example"), Some("localhost")] {
        let hello = Hello { server_name: name.map(str::to_owned), ..Hello::default() };
        assert!(probe_works(&relay, &hello), "{name:?}");
    }
}

#[test]
fn a_name_is_served_only_to_those_who_ask_for_it() {
    let Some(relay) = Subject::start(&Setup { hostname: Some("derp.example"), ..Setup::default() }) else {
        return;
    };
    for (name, served) in [
        (Some("derp.example"), true),
        (Some("other.example"), false),
        (Some("x.derp.example"), false),
        (Some("example"), false),
        (None, false),
    ] {
        for versions in [ONLY_13, ONLY_12] {
            let hello = Hello { server_name: name.map(str::to_owned), versions, ..Hello::default() };
            assert_eq!(probe_works(&relay, &hello), served, "{name:?}");
        }
    }
}

#[test]
fn the_given_certificate_is_served() {
    let Some(relay) = Subject::start(&Setup { hostname: Some("derp.example"), ..Setup::default() }) else {
        return;
    };
    let hello = Hello { server_name: Some("derp.example".to_owned()), ..Hello::default() };
    let pipe = Pipe::tls(relay.main(), &hello).expect("a handshake");
    let file = std::fs::read(relay.cert_dir().join("derp.example.crt")).expect("the certificate is there");
    let (_, pem) = x509_parser::pem::parse_x509_pem(&file).expect("a PEM file");
    assert_eq!(pipe.chain()[0].as_ref(), pem.contents);
}

#[test]
fn a_renewed_certificate_is_served_without_a_restart() {
    let setup = Setup { hostname: Some("derp.example"), ..Setup::default() };
    let Some(relay) = Subject::start(&setup) else { return };
    if !relay.differs(Difference::ReloadsCertificates) {
        return;
    }
    let shown = || Pipe::tls(relay.main(), &relay.hello()).expect("a handshake").chain()[0].to_vec();
    let mut peer = Peer::join(&relay);
    let old = shown();
    // Half a renewal: the new certificate does not fit the old key.
    let new = tempfile::tempdir().expect("a temporary directory");
    write_certificate(new.path(), "derp.example");
    let replace = |ending: &str| {
        let name = format!("derp.example.{ending}");
        std::fs::copy(new.path().join(&name), relay.cert_dir().join(&name)).expect("a file can be copied");
    };
    replace("crt");
    peer.expect_silence();
    assert_eq!(shown(), old, "a certificate without its key");
    replace("key");
    let started = Instant::now();
    while shown() == old {
        assert!(started.elapsed() < PATIENCE, "the new certificate is not served");
        peer.expect_silence();
    }
}

#[test]
fn an_address_in_place_of_a_name_is_no_reason_to_refuse() {
    let Some(relay) = relay() else { return };
    // An address is no legal name there, so it is written over a name of the same length.
    let address = relay.hostname().as_bytes();
    let name = format!("{}.example", "a".repeat(address.len() - ".example".len()));
    let hello = Hello { server_name: Some(name.clone()), ..Hello::default() };
    let mut flight = Pipe::first_flight(&hello);
    let at =
        flight.windows(name.len()).position(|part| part == name.as_bytes()).expect("the name is in clear");
    flight[at..at + address.len()].copy_from_slice(address);
    let mut wire = Wire::plain(relay.main());
    wire.send(&flight);
    assert_eq!(wire.bytes(1, PATIENCE), Ok(vec![0x16]), "a server hello, not an alert");
}

#[test]
fn a_name_without_a_certificate_is_refused_at_start() {
    let flags = vec!["-hostname=other.example".to_owned()];
    let setup = Setup { hostname: Some("derp.example"), flags, ..Setup::default() };
    let Some((code, log)) = Subject::refused(&setup) else { return };
    assert_ne!(code, 0);
    assert!(log.contains("other.example"), "the log names what is missing: {log}");
}

#[test]
fn a_certificate_of_another_name_is_refused_at_start() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    write_certificate(dir.path(), "derp.example");
    for ending in ["crt", "key"] {
        let from = dir.path().join(format!("derp.example.{ending}"));
        std::fs::rename(from, dir.path().join(format!("other.example.{ending}")))
            .expect("a file can be renamed");
    }
    let flags = vec!["-hostname=other.example".to_owned(), format!("-certdir={}", dir.path().display())];
    let Some((code, log)) = Subject::refused(&Setup { flags, ..Setup::default() }) else { return };
    assert_ne!(code, 0);
    assert!(log.contains("other.example"), "the log names what does not fit: {log}");
}

#[test]
fn both_present_versions_of_tls_are_spoken() {
    let Some(relay) = relay() else { return };
    for (versions, expected) in [
        (ONLY_12, rustls::ProtocolVersion::TLSv1_2),
        (ONLY_13, rustls::ProtocolVersion::TLSv1_3),
        (BOTH, rustls::ProtocolVersion::TLSv1_3),
    ] {
        let hello = Hello { versions, ..Hello::default() };
        let pipe = Pipe::tls(relay.main(), &hello).expect("a handshake");
        assert_eq!(pipe.session().and_then(|session| session.protocol_version()), Some(expected));
        assert!(probe_works(&relay, &hello));
    }
}

#[test]
fn older_versions_of_tls_are_refused() {
    let Some(relay) = relay() else { return };
    for minor in [1, 2] {
        let mut wire = Wire::plain(relay.main());
        wire.send(&old_hello(minor));
        let said = wire.rest(PATIENCE).expect("the relay closes");
        // A fatal alert and nothing else: for the version, or because nothing offered will do.
        assert!(matches!(said[..], [0x15, _, _, 0, 2, 2, 70 | 40]), "TLS 1.{}: {said:?}", minor - 1);
    }
}

#[test]
fn alpn_leads_to_http_1() {
    let Some(relay) = relay() else { return };
    let offered = |protocols: &[&str]| {
        let alpn = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let pipe = Pipe::tls(relay.main(), &Hello { alpn, ..Hello::default() })?;
        Ok::<_, std::io::Error>(
            pipe.session().and_then(|session| session.alpn_protocol().map(<[u8]>::to_vec)),
        )
    };
    assert_eq!(offered(&[]).expect("a handshake"), None);
    assert_eq!(offered(&["http/1.1"]).expect("a handshake"), Some(b"http/1.1".to_vec()));
    assert_eq!(offered(&["h2", "http/1.1"]).expect("a handshake"), Some(b"http/1.1".to_vec()));
    assert_eq!(offered(&["acme-tls/1", "http/1.1"]).expect("a handshake"), Some(b"http/1.1".to_vec()));
    assert!(offered(&["nonsense"]).is_err(), "no protocol in common");
    let chosen = offered(&["h2"]).ok().flatten();
    let expected = if relay.differs(Difference::NoHttp2) { None } else { Some(b"h2".to_vec()) };
    assert_eq!(chosen, expected, "only h2 offered");
}

#[test]
fn a_hello_may_come_in_any_pieces() {
    let Some(relay) = relay() else { return };
    for piece in [1, 100] {
        let tcp = std::net::TcpStream::connect(relay.main()).expect("a connection");
        tcp.set_nodelay(true).expect("a fresh socket takes an option");
        let pipe = Pipe::over_pieces(tcp, &relay.hello(), piece).expect("a handshake");
        let mut wire = Wire::from(pipe);
        wire.send(&request("GET", "/derp/probe", relay.hostname(), &[]));
        assert_eq!(wire.response(PATIENCE).expect("a response").status(), 200, "pieces of {piece}");
    }
}

#[test]
fn packets_pass_in_both_versions_of_tls() {
    let Some(relay) = relay() else { return };
    let packet = random_bytes::<MAX_PACKET>();
    for versions in [ONLY_12, ONLY_13] {
        let join = || {
            let hello = Hello { versions, ..Hello::default() };
            let pipe = Pipe::tls(relay.main(), &hello).expect("a handshake");
            Join::default().over(Wire::from(pipe), &relay)
        };
        let (mut one, mut two) = (join(), join());
        one.send_packet(&two.key(), &packet);
        two.expect_packet(&one.key(), &packet);
        two.send_packet(&one.key(), &packet);
        one.expect_packet(&two.key(), &packet);
    }
}

#[test]
fn a_peer_may_renew_its_traffic_keys() {
    let Some(relay) = relay() else { return };
    let hello = Hello { versions: ONLY_13, ..Hello::default() };
    let pipe = Pipe::tls(relay.main(), &hello).expect("a handshake");
    let mut one = Join::default().over(Wire::from(pipe), &relay);
    let mut two = Peer::join(&relay);
    for _ in 0..3 {
        one.wire().pipe_mut().renew_traffic_keys();
        one.send_packet(&two.key(), b"under new keys");
        two.expect_packet(&one.key(), b"under new keys");
        two.send_packet(&one.key(), b"and back");
        one.expect_packet(&two.key(), b"and back");
    }
}

#[test]
fn a_peer_that_says_goodbye_in_tls_has_left() {
    let Some(relay) = relay() else { return };
    let (mut one, mut two) = (Peer::join(&relay), Peer::join(&relay));
    one.send_packet(&two.key(), b"last words");
    two.expect_packet(&one.key(), b"last words");
    one.wire().pipe_mut().say_goodbye();
    two.expect_gone(&one.key(), GONE_DISCONNECTED);
    one.expect_closed();
}

#[test]
fn a_goodbye_behind_the_client_info_leaves_nobody_behind() {
    let Some(relay) = relay() else { return };
    let key = NodeKey::random();
    let mut wire = Wire::tls(&relay);
    let mut last = upgrade(&relay, &["Derp-Fast-Start: 1"]);
    let info = key.client_info(&relay.node_key().public(), b"{\"version\":2}");
    last.extend(frame(kind::CLIENT_INFO, &info));
    wire.pipe_mut().say_last(&last);
    // Whether it was a peer for a moment or not at all.
    let closed = wire.rest(PATIENCE);
    assert!(closed.is_ok(), "{closed:?}");
    let mut other = Peer::join(&relay);
    other.send_packet(&key.public(), &disco(0));
    other.expect_gone(&key.public(), GONE_NOT_HERE);
}

fn probe_works(relay: &Subject, hello: &Hello) -> bool {
    let Ok(pipe) = Pipe::tls(relay.main(), hello) else { return false };
    let mut wire = Wire::from(pipe);
    wire.send(&request("GET", "/derp/probe", relay.hostname(), &[]));
    wire.response(PATIENCE).expect("a response").status() == 200
}

/// A client hello of TLS 1.0 (`minor` 1) or 1.1 (2) that a relay of that age would take.
fn old_hello(minor: u8) -> Vec<u8> {
    // ECDHE with ECDSA and RSA, AES in CBC mode; X25519 and P-256, uncompressed points.
    let suites = [0, 8, 0xc0, 0x09, 0xc0, 0x0a, 0xc0, 0x13, 0xc0, 0x14];
    let extensions = [0, 16, 0, 10, 0, 6, 0, 4, 0, 0x1d, 0, 0x17, 0, 11, 0, 2, 1, 0];
    let body = [&[3, minor][..], &[7; 32], &[0], &suites, &[1, 0], &extensions].concat();
    let len = u8::try_from(body.len()).expect("a short hello");
    [&[0x16, 3, 1, 0, len + 4, 1, 0, 0, len][..], &body].concat()
}
