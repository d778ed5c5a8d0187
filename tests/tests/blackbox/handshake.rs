//! From the HTTP request to a joined peer. Source: tailscale: derp/derpserver/derpserver.go, types/key/derp.go

use crate::patience::relay;
use wherry_tests::frame::{MAGIC, frame, header, kind, ping, send_packet};
use wherry_tests::http::{request, upgrade};
use wherry_tests::node::{NodeKey, hex};
use wherry_tests::peer::{server_info, server_key};
use wherry_tests::subject::Setup;
use wherry_tests::{Ended, Frame, Join, PATIENCE, Peer, Subject, Wire};

#[test]
fn upgrade_is_answered_with_these_bytes_and_nothing_more() {
    let Some(relay) = relay() else { return };
    let server = relay.node_key().public();
    let mut wire = Wire::tls(&relay);
    wire.send(&upgrade(&relay, &[]));
    let expected = [
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\nConnection: Upgrade\r\nDerp-Version: 2\r\n",
        format!("Derp-Public-Key: {}\r\n\r\n", hex(&server)).as_bytes(),
        &header(kind::SERVER_KEY, 40),
        MAGIC,
        &server,
    ]
    .concat();
    let got = wire.bytes(expected.len(), PATIENCE).expect("the upgrade is answered");
    assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(&expected));
    assert_eq!(got, expected);
    // The next bytes are the server's info: no stray byte stood between.
    join_on(&mut wire, &NodeKey::random(), &server).expect("the peer is admitted");
}

#[test]
fn fast_start_is_answered_without_http() {
    let Some(relay) = relay() else { return };
    let server = relay.node_key().public();
    let key = NodeKey::random();
    let mut wire = Wire::tls(&relay);
    let info = frame(kind::CLIENT_INFO, &key.client_info(&server, b"{\"version\":2}"));
    wire.send(&[upgrade(&relay, &["Derp-Fast-Start: 1"]), info, ping([3; 8])].concat());
    let expected = [&header(kind::SERVER_KEY, 40)[..], MAGIC, &server].concat();
    assert_eq!(wire.bytes(expected.len(), PATIENCE).expect("a frame comes"), expected);
    server_info(&mut wire, &key, &server).expect("the peer is admitted");
    assert_eq!(wire.frame(PATIENCE), Ok(Frame { kind: kind::PONG, payload: vec![3; 8] }));
}

#[test]
fn fast_start_may_come_in_any_pieces() {
    let Some(relay) = relay() else { return };
    let server = relay.node_key().public();
    let key = NodeKey::random();
    let info = frame(kind::CLIENT_INFO, &key.client_info(&server, b"{}"));
    let bytes = [upgrade(&relay, &["Derp-Fast-Start: 1"]), info].concat();
    let mut wire = Wire::tls(&relay);
    for byte in &bytes {
        wire.send(&[*byte]);
    }
    assert_eq!(server_key(&mut wire), Ok(server));
    server_info(&mut wire, &key, &server).expect("the peer is admitted");
}

#[test]
fn only_the_value_one_means_fast_start() {
    let Some(relay) = relay() else { return };
    for value in ["0", "2", "true", "11", ""] {
        let mut wire = Wire::tls(&relay);
        wire.send(&upgrade(&relay, &[&format!("Derp-Fast-Start: {value}")]));
        assert_eq!(wire.head(PATIENCE).expect("an HTTP response").status(), 101, "fast start {value:?}");
    }
}

#[test]
fn upgrade_does_not_depend_on_method_case_or_connection_header() {
    let Some(relay) = relay() else { return };
    let host = format!("Host: {}", relay.hostname());
    let requests = [
        request("POST", "/derp", relay.hostname(), &["Upgrade: DERP", "Connection: upgrade"]),
        request(
            "POST",
            "/derp",
            relay.hostname(),
            &["Upgrade: DERP", "Connection: upgrade", "Content-Length: 0"],
        ),
        request("PUT", "/derp", relay.hostname(), &["upgrade: derp", "connection: Upgrade"]),
        request("GET", "/derp", relay.hostname(), &["Upgrade: DeRp"]),
        request("BREW", "/derp", relay.hostname(), &["Upgrade: DERP", "Connection: Upgrade"]),
        request("GET", "/derp?x=y", relay.hostname(), &["Upgrade: DERP", "Connection: Upgrade"]),
        request("GET", "/derp", "elsewhere.example:99", &["Upgrade: DERP", "Connection: Upgrade"]),
        // Very old clients said websocket and meant plain frames.
        request("GET", "/derp", relay.hostname(), &["Upgrade: WebSocket", "Connection: Upgrade"]),
        format!("GET /derp HTTP/1.0\r\n{host}\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n\r\n").into_bytes(),
    ];
    for bytes in requests {
        let mut wire = Wire::tls(&relay);
        wire.send(&bytes);
        let head = wire.head(PATIENCE).expect("a response");
        assert_eq!(
            head.status_line,
            "HTTP/1.1 101 Switching Protocols",
            "{}",
            String::from_utf8_lossy(&bytes)
        );
        let server = server_key(&mut wire).expect("the server's key");
        join_on(&mut wire, &NodeKey::random(), &server).expect("the peer is admitted");
    }
}

#[test]
fn a_request_for_no_known_upgrade_gets_426() {
    let Some(relay) = relay() else { return };
    for line in ["Upgrade: h2c", "Upgrade: derp2", "Upgrade: DERP, websocket", "X-Upgrade: DERP"] {
        let mut wire = Wire::tls(&relay);
        wire.send(&request("GET", "/derp", relay.hostname(), &[line, "Connection: Upgrade"]));
        let response = wire.response(PATIENCE).expect("a response");
        assert_eq!(
            (response.status(), response.text()),
            (426, "DERP requires connection upgrade\n"),
            "{line}"
        );
    }
}

#[test]
fn server_info_is_the_version_and_nothing_else() {
    let Some(relay) = relay() else { return };
    let (mut wire, server) = greeted(&relay);
    let key = NodeKey::random();
    wire.send(&frame(kind::CLIENT_INFO, &key.client_info(&server, b"{\"version\":2,\"CanAckPings\":true}")));
    let info = wire.frame(PATIENCE).expect("the server's info");
    assert_eq!((info.kind, info.payload.len()), (kind::SERVER_INFO, 53));
    let plain = key.open(&server, &info.payload).expect("the server's box opens");
    assert_eq!(String::from_utf8_lossy(&plain), "{\"version\":2}");
}

#[test]
fn frames_may_follow_client_info_at_once() {
    let Some(relay) = relay() else { return };
    let (mut wire, server) = greeted(&relay);
    let key = NodeKey::random();
    let bytes = [
        frame(kind::CLIENT_INFO, &key.client_info(&server, b"{}")),
        frame(kind::NOTE_PREFERRED, &[1]),
        send_packet(&key.public(), b"to myself"),
    ];
    wire.send(&bytes.concat());
    server_info(&mut wire, &key, &server).expect("the peer is admitted");
    assert!(wire.frame(PATIENCE).expect("a packet").carries(&key.public(), b"to myself"));
}

#[test]
fn server_info_comes_before_any_packet() {
    let Some(relay) = relay() else { return };
    let mut sender = Peer::join(&relay);
    for _ in 0..20 {
        let key = NodeKey::random();
        let (mut wire, server) = greeted(&relay);
        let packets = send_packet(&key.public(), b"early").repeat(20);
        sender.wire().send(&packets);
        wire.send(&frame(kind::CLIENT_INFO, &key.client_info(&server, b"{}")));
        sender.wire().send(&packets);
        // Fails if another frame comes first.
        server_info(&mut wire, &key, &server).expect("the peer is admitted");
    }
}

#[test]
fn a_key_in_the_file_is_the_key_of_the_relay() {
    // tailscale: types/key/node_test.go
    let private = "40ab1b58e9076c7a4d9d07291f5edf9d1aa017eb949624ba683317f48a640369";
    let public = "50d20b455ecf12bc453f83c2cfdb2a24925d06cf2598dcaa54e91af82ce9f765";
    let key_file = format!("{{\"privatekey\": \"privkey:{private}\"}}");
    let Some(relay) = Subject::start(&Setup { key_file: Some(key_file.clone()), ..Setup::default() }) else {
        return;
    };
    let mut peer = Peer::join(&relay);
    assert_eq!(hex(&peer.server()), public);
    peer.expect_silence();
    let kept = std::fs::read_to_string(relay.key_file()).expect("the key file is there");
    assert_eq!(kept, key_file, "an existing key file is left as it is");
}

#[test]
fn a_missing_key_file_is_made_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(relay) = relay() else { return };
    let text = std::fs::read_to_string(relay.key_file()).expect("the key file is there");
    let (head, tail) = text.split_once("privkey:").expect("a private key");
    assert_eq!(head, "{\n\t\"PrivateKey\": \"");
    assert_eq!(&tail[64..], "\"\n}");
    let mode = std::fs::metadata(relay.key_file()).expect("the key file is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn every_way_in_leads_to_the_same_relay() {
    use wherry_tests::peer::Way;
    let Some(relay) = relay() else { return };
    let joins = [
        Join { way: Way::WebSocket, ..Join::default() },
        Join { fast_start: true, ..Join::default() },
        Join { not_ideal: true, prober: true, ..Join::default() },
        Join { fast_start: true, mesh: true, ..Join::default() },
    ];
    for join in joins {
        let (mut first, mut peer) = (Peer::join(&relay), join.to(&relay));
        assert_eq!(peer.server(), first.server());
        first.send_packet(&peer.key(), b"there");
        peer.expect_packet(&first.key(), b"there");
        peer.send_packet(&first.key(), b"and back");
        first.expect_packet(&peer.key(), b"and back");
    }
}

/// A connection on which the relay said its key, and the key.
pub(crate) fn greeted(relay: &Subject) -> (Wire, [u8; 32]) {
    let mut wire = Wire::tls(relay);
    wire.send(&upgrade(relay, &[]));
    assert_eq!(wire.head(PATIENCE).expect("a response").status(), 101);
    let server = server_key(&mut wire).expect("the server's key");
    (wire, server)
}

fn join_on(wire: &mut Wire, key: &NodeKey, server: &[u8; 32]) -> Result<Vec<u8>, Ended> {
    wire.send(&frame(kind::CLIENT_INFO, &key.client_info(server, b"{\"version\":2}")));
    server_info(wire, key, server)
}

#[test]
fn packets_of_a_client_that_leaves_at_once_are_relayed() {
    let Some(relay) = relay() else { return };
    let mut receiver = Peer::join(&relay);
    for _ in 0..5 {
        let sender = NodeKey::random();
        let mut wire = Wire::tls(&relay);
        wire.send(&upgrade(&relay, &[]));
        assert_eq!(wire.head(PATIENCE).expect("the upgrade is answered").status(), 101);
        let server = server_key(&mut wire).expect("the server's key comes");
        let info = frame(kind::CLIENT_INFO, &sender.client_info(&server, br#"{"version":2}"#));
        wire.send(&[info, send_packet(&receiver.key(), b"last words")].concat());
        wire.pipe().tcp().shutdown(std::net::Shutdown::Write).expect("the socket is open");
        // Between packets the receiver may hear that an earlier sender is gone.
        let packet =
            std::iter::repeat_with(|| receiver.next_frame()).find(|frame| frame.kind != kind::PEER_GONE);
        assert!(packet.is_some_and(|frame| frame.carries(&sender.public(), b"last words")));
    }
}
