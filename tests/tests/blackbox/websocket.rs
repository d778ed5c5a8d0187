//! DERP inside WebSocket messages. Source: tailscale: cmd/derper/websocket.go, net/wsconn; RFC 6455

use crate::patience::relay;
use std::time::Instant;
use wherry_tests::frame::{MAX_PACKET, frame, header, kind, send_packet};
use wherry_tests::http::request;
use wherry_tests::node::{NodeKey, random_bytes};
use wherry_tests::peer::{Way, server_info, server_key, upgrade_to_websocket};
use wherry_tests::websocket::{BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, masked, message, unmasked};
use wherry_tests::{Difference, Ended, Join, PATIENCE, Peer, Subject, Wire};

const NORMAL: u16 = 1000;
const PROTOCOL_ERROR: u16 = 1002;
const UNSUPPORTED: u16 = 1003;
const TOO_BIG: u16 = 1009;

#[test]
fn packets_pass_between_websocket_and_plain_peers() {
    let Some(relay) = relay() else { return };
    let (mut web, mut stock) = (join(&relay), Peer::join(&relay));
    let noise: Vec<u8> = random_bytes::<MAX_PACKET>().to_vec();
    for size in [0, 1, 1280, 16_384, 32_000] {
        web.send_packet(&stock.key(), &noise[..size]);
        stock.expect_packet(&web.key(), &noise[..size]);
    }
    // Towards the client there is no limit but the protocol's.
    for size in [0, 1, 1280, 32_768, MAX_PACKET] {
        stock.send_packet(&web.key(), &noise[..size]);
        web.expect_packet(&stock.key(), &noise[..size]);
    }
    web.expect_silence();
}

#[test]
fn frames_and_messages_have_nothing_to_do_with_each_other() {
    let Some(relay) = relay() else { return };
    let (mut web, mut stock) = (join(&relay), Peer::join(&relay));
    let bytes = [frame(0x42, b"skipped"), send_packet(&stock.key(), b"in pieces")].concat();
    for byte in &bytes {
        web.wire().send(&[*byte]);
    }
    stock.expect_packet(&web.key(), b"in pieces");
    web.wire().send(&bytes.repeat(3));
    for _ in 0..3 {
        stock.expect_packet(&web.key(), b"in pieces");
    }
    // An empty message, and a message in fragments with a ping between them.
    let (head, tail) = bytes.split_at(9);
    web.wire().send(&[]);
    web.wire().send_raw(&masked(false, BINARY, head));
    web.wire().send_raw(&message(PING, b"between"));
    web.wire().send_raw(&masked(false, CONTINUATION, &[]));
    web.wire().send_raw(&masked(true, CONTINUATION, tail));
    stock.expect_packet(&web.key(), b"in pieces");
    web.expect_silence();
    assert_eq!(web.wire().other_messages(), [(PONG, b"between".to_vec())]);
}

#[test]
fn large_packets_need_large_messages() {
    let Some(relay) = relay() else { return };
    let (mut web, mut stock) = (join(&relay), Peer::join(&relay));
    let packet = vec![9; MAX_PACKET];
    if relay.differs(Difference::LargeWebSocketMessages) {
        web.send_packet(&stock.key(), &packet);
        stock.expect_packet(&web.key(), &packet);
    } else {
        let _taken: bool = web.wire().send_lossy(&send_packet(&stock.key(), &packet));
        closed_with(&mut web, TOO_BIG);
    }
    // Cut into messages it passes everywhere.
    let mut web = join(&relay);
    for piece in send_packet(&stock.key(), &packet).chunks(32 << 10) {
        web.wire().send(piece);
    }
    stock.expect_packet(&web.key(), &packet);
}

#[test]
fn a_text_message_is_unsupported() {
    let Some(relay) = relay() else { return };
    let mut web = join(&relay);
    web.wire().send_raw(&message(TEXT, b"hello"));
    closed_with(&mut web, UNSUPPORTED);
}

#[test]
fn a_close_is_answered_with_a_close() {
    let Some(relay) = relay() else { return };
    let mut web = join(&relay);
    web.wire().send_raw(&message(CLOSE, &NORMAL.to_be_bytes()));
    closed_with(&mut web, NORMAL);
}

#[test]
fn a_client_that_breaks_the_rules_of_websocket_is_closed() {
    let Some(relay) = relay() else { return };
    let reserved_bit = {
        let mut bytes = message(BINARY, b"x");
        bytes[0] |= 0x40;
        bytes
    };
    let offences = [
        unmasked(BINARY, b"x"),
        reserved_bit,
        message(0x3, b"x"),
        masked(true, CONTINUATION, b"x"),
        masked(false, PING, b"x"),
        message(PING, &[0; 126]),
    ];
    for bytes in offences {
        let mut web = join(&relay);
        web.wire().send_raw(&bytes);
        let started = Instant::now();
        let mut open = true;
        while open && (relay.differs(Difference::ClosesBrokenWebSockets) || web.wire().close_code().is_none())
        {
            open = web.wire().more(PATIENCE) != Err(Ended::Closed);
            assert!(started.elapsed() < PATIENCE, "neither closed nor told so after {bytes:?}");
        }
        let code = web.wire().close_code();
        // The reference calls some of them normal.
        assert!(matches!(code, None | Some(NORMAL | PROTOCOL_ERROR)), "{code:?} for {bytes:?}");
    }
}

#[test]
fn an_offence_against_derp_closes_the_websocket() {
    let Some(relay) = relay() else { return };
    let mut web = join(&relay);
    web.wire().send(&frame(kind::NOTE_PREFERRED, &[]));
    web.expect_closed();
}

#[test]
fn a_handshake_may_be_refused_inside_a_websocket() {
    let Some(relay) = relay() else { return };
    let mut wire = Wire::tls(&relay);
    upgrade_to_websocket(&mut wire, &relay);
    server_key(&mut wire).expect("the server's key");
    wire.send(&header(kind::CLIENT_INFO, 1 << 30));
    assert_eq!(wire.rest(PATIENCE), Ok(Vec::new()), "closed without a frame");
}

#[test]
fn fast_start_is_not_for_websockets() {
    let Some(relay) = relay() else { return };
    let mut wire = Wire::tls(&relay);
    wire.send(&websocket_request(&relay, &["Sec-WebSocket-Protocol: derp", "Derp-Fast-Start: 1"]));
    assert_eq!(wire.head(PATIENCE).expect("a response").status(), 101);
    wire.become_websocket();
    let server = server_key(&mut wire).expect("the server's key, in a message");
    let key = NodeKey::random();
    wire.send(&frame(kind::CLIENT_INFO, &key.client_info(&server, b"{}")));
    server_info(&mut wire, &key, &server).expect("the peer is admitted");
}

#[test]
fn the_derp_subprotocol_is_picked_from_a_list_and_any_origin_is_welcome() {
    let Some(relay) = relay() else { return };
    for lines in [
        &["Sec-WebSocket-Protocol: chat, derp"][..],
        &["Sec-WebSocket-Protocol: derp", "Origin: https://elsewhere.example"],
        &[
            "Sec-WebSocket-Protocol: derp",
            "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
        ],
    ] {
        let mut wire = Wire::tls(&relay);
        wire.send(&websocket_request(&relay, lines));
        let head = wire.head(PATIENCE).expect("a response");
        assert_eq!(head.status(), 101, "{lines:?}");
        assert_eq!(head.header("Sec-WebSocket-Protocol"), Some("derp"), "{lines:?}");
        assert_eq!(head.header("Sec-WebSocket-Extensions"), None, "{lines:?}");
        wire.become_websocket();
        server_key(&mut wire).expect("the server's key, in a message");
    }
}

#[test]
fn without_the_derp_subprotocol_it_is_no_websocket() {
    let Some(relay) = relay() else { return };
    for lines in [&[][..], &["Sec-WebSocket-Protocol: chat"]] {
        let mut wire = Wire::tls(&relay);
        wire.send(&websocket_request(&relay, lines));
        let head = wire.head(PATIENCE).expect("a response");
        assert_eq!((head.status(), head.header("Upgrade")), (101, Some("DERP")), "{lines:?}");
        server_key(&mut wire).expect("the server's key, in a bare frame");
    }
}

#[test]
fn a_subprotocol_that_only_contains_the_word_is_closed() {
    let Some(relay) = relay() else { return };
    let mut wire = Wire::tls(&relay);
    wire.send(&websocket_request(&relay, &["Sec-WebSocket-Protocol: derp2"]));
    let head = wire.head(PATIENCE).expect("a response");
    assert_eq!((head.status(), head.header("Sec-WebSocket-Protocol")), (101, None));
    wire.become_websocket();
    assert_eq!(wire.rest(PATIENCE), Ok(Vec::new()));
    assert_eq!(wire.close_code(), Some(1008));
}

#[test]
fn a_malformed_websocket_request_is_an_http_error() {
    let Some(relay) = relay() else { return };
    let protocol = "Sec-WebSocket-Protocol: derp";
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    let upgrade = "Upgrade: websocket";
    let version = "Sec-WebSocket-Version: 13";
    let connection = "Connection: Upgrade";
    let cases = [
        ("GET", &[upgrade, connection, protocol, version][..]),
        ("GET", &[upgrade, connection, protocol, key]),
        ("GET", &[upgrade, connection, protocol, key, "Sec-WebSocket-Version: 8"]),
        ("GET", &[upgrade, connection, protocol, version, "Sec-WebSocket-Key: short"]),
        ("POST", &[upgrade, connection, protocol, version, key]),
        ("GET", &[upgrade, protocol, version, key]),
    ];
    for (method, lines) in cases {
        let mut wire = Wire::tls(&relay);
        wire.send(&request(method, "/derp", relay.hostname(), lines));
        let head = wire.head(PATIENCE).expect("a response");
        assert!((400..500).contains(&head.status()), "{method} {lines:?}: {head:?}");
    }
}

fn join(relay: &Subject) -> Peer {
    Join { way: Way::WebSocket, ..Join::default() }.to(relay)
}

fn websocket_request(relay: &Subject, lines: &[&str]) -> Vec<u8> {
    let usual = [
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    request("GET", "/derp", relay.hostname(), &[&usual[..], lines].concat())
}

#[track_caller]
fn closed_with(web: &mut Peer, code: u16) {
    web.expect_closed();
    assert_eq!(web.wire().close_code(), Some(code));
}
