//! What a client says of itself, and what the relay makes of it. Source: tailscale: derp/derpserver/derpserver.go,
//! types/key/derp.go

use crate::handshake::greeted;
use crate::patience::relay;
use std::time::Instant;
use wherry_tests::frame::{MAX_CLIENT_INFO, frame, header, kind};
use wherry_tests::http::upgrade;
use wherry_tests::node::{NodeKey, random_bytes};
use wherry_tests::peer::{server_info, server_key};
use wherry_tests::{PATIENCE, Peer, Subject, Wire};

#[test]
fn the_first_frame_must_be_client_info() {
    let Some(relay) = relay() else { return };
    let key = NodeKey::random();
    let info = key.client_info(&relay.node_key().public(), b"{}");
    for kind in [0, kind::SERVER_KEY, kind::SERVER_INFO, kind::SEND_PACKET, kind::PING, 0xff] {
        refused(&relay, &frame(kind, &info));
    }
}

#[test]
fn client_info_shorter_than_key_and_nonce_is_refused() {
    let Some(relay) = relay() else { return };
    for len in [0, 32, 55, 56, 71] {
        refused(&relay, &frame(kind::CLIENT_INFO, &vec![7; len]));
    }
}

#[test]
fn client_info_has_a_limit_judged_by_its_header() {
    let Some(relay) = relay() else { return };
    let limit = u32::try_from(MAX_CLIENT_INFO).expect("a frame length");
    for len in [limit + 1, u32::MAX] {
        refused(&relay, &header(kind::CLIENT_INFO, len));
    }
    let (mut wire, server) = greeted(&relay);
    let key = NodeKey::random();
    // Key, nonce and tag take 72 bytes of the limit; JSON may end in white space.
    let mut json = b"{\"version\":2}".to_vec();
    json.resize(MAX_CLIENT_INFO - 72, b' ');
    let payload = key.client_info(&server, &json);
    assert_eq!(payload.len(), MAX_CLIENT_INFO);
    wire.send(&frame(kind::CLIENT_INFO, &payload));
    server_info(&mut wire, &key, &server).expect("the longest info is admitted");
}

#[test]
fn a_box_that_does_not_open_is_refused() {
    let Some(relay) = relay() else { return };
    let server = relay.node_key().public();
    let (key, other) = (NodeKey::random(), NodeKey::random());
    let good = key.client_info(&server, b"{\"version\":2}");
    // A flipped bit in key, nonce, tag and text.
    for at in [0, 31, 32, 55, 56, 71, 72, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        refused(&relay, &frame(kind::CLIENT_INFO, &bad));
    }
    refused(&relay, &frame(kind::CLIENT_INFO, &good[..good.len() - 1]));
    refused(&relay, &frame(kind::CLIENT_INFO, &[&good[..], &[0]].concat()));
    // Sealed to another relay; sealed by another key than the one named.
    refused(&relay, &frame(kind::CLIENT_INFO, &key.client_info(&other.public(), b"{}")));
    let impostor = [&key.public()[..], &other.seal(&server, b"{}")].concat();
    refused(&relay, &frame(kind::CLIENT_INFO, &impostor));
    refused(&relay, &frame(kind::CLIENT_INFO, &[&key.public()[..], &random_bytes::<80>()].concat()));
}

#[test]
fn who_asks_and_is_refused_in_one_breath_is_greeted_all_the_same() {
    let Some(relay) = relay() else { return };
    let server = relay.node_key().public();
    let info = NodeKey::random().client_info(&NodeKey::random().public(), b"{}");
    let mut wire = Wire::tls(&relay);
    wire.send(&[upgrade(&relay, &["Derp-Fast-Start: 1"]), frame(kind::CLIENT_INFO, &info)].concat());
    assert_eq!(server_key(&mut wire), Ok(server));
    assert_eq!(wire.rest(PATIENCE), Ok(Vec::new()), "the relay closes without another word");
}

#[test]
fn a_zero_key_is_refused_and_harms_nobody() {
    let Some(relay) = relay() else { return };
    let mut bystander = Peer::join(&relay);
    let sealed = NodeKey::random().seal(&relay.node_key().public(), b"{}");
    refused(&relay, &frame(kind::CLIENT_INFO, &[&[0; 32], &sealed[..]].concat()));
    refused(&relay, &frame(kind::CLIENT_INFO, &[0; 120]));
    bystander.expect_silence();
}

#[test]
fn client_info_is_read_as_the_reference_reads_json() {
    let Some(relay) = relay() else { return };
    let mesh = relay.mesh_key();
    let admitted = [
        "{}".to_owned(),
        " \t\r\n{ } \n".to_owned(),
        "null".to_owned(),
        r#"{"version":2,"CanAckPings":true}"#.to_owned(),
        r#"{"Version":2,"VERSION":3,"canackpings":false,"iSpRoBeR":true,"appname":"x"}"#.to_owned(),
        r#"{"version":-7}"#.to_owned(),
        r#"{"version":0}"#.to_owned(),
        r#"{"version":9007199254740993}"#.to_owned(),
        r#"{"version":null,"CanAckPings":null,"IsProber":null,"AppName":null}"#.to_owned(),
        r#"{"version":2,"version":2}"#.to_owned(),
        r#"{"later":{"deep":[1,2.5e3,"x",{"y":null}]},"":0,"version":2}"#.to_owned(),
        r#"{"AppName":"\u00e9\ud83d\ude00\n"}"#.to_owned(),
        r#"{"AppName":"\ud800"}"#.to_owned(),
        r#"{"can_ack_pings":"no","is_prober":7,"mesh_key":"none","version":2}"#.to_owned(),
        format!(r#"{{"meshKey":"{mesh}"}}"#),
        format!(r#"{{"MESHKEY":"{}"}}"#, mesh.to_uppercase()),
        format!(r#"{{"meshkey":"{}"}}"#, "0".repeat(64)),
        format!(r#"{{"meshKey":"{}"}}"#, "ab".repeat(32)),
    ];
    for json in admitted {
        assert!(admits(&relay, json.as_bytes()), "{json} is to be admitted");
    }
    assert!(admits(&relay, b"{\"AppName\":\"\xff\xfe\"}"), "invalid UTF-8 inside a string is to be admitted");

    let denied = [
        String::new(),
        "{".to_owned(),
        "[]".to_owned(),
        "7".to_owned(),
        r#""text""#.to_owned(),
        "true".to_owned(),
        "{} {}".to_owned(),
        "{}x".to_owned(),
        "{}\0".to_owned(),
        r"{'version':2}".to_owned(),
        r#"{"version":2,}"#.to_owned(),
        r#"{version:2}"#.to_owned(),
        r#"{"version":"2"}"#.to_owned(),
        r#"{"version":2.5}"#.to_owned(),
        r#"{"version":true}"#.to_owned(),
        r#"{"version":9223372036854775808}"#.to_owned(),
        r#"{"version":2,"VERSION":"2"}"#.to_owned(),
        r#"{"CanAckPings":1}"#.to_owned(),
        r#"{"CanAckPings":"true"}"#.to_owned(),
        r#"{"IsProber":{}}"#.to_owned(),
        r#"{"later":01}"#.to_owned(),
        r#"{"later":"\x"}"#.to_owned(),
        "{\"later\":\"\n\"}".to_owned(),
        r#"{"meshKey":null}"#.to_owned(),
        r#"{"meshKey":""}"#.to_owned(),
        r#"{"meshKey":7}"#.to_owned(),
        r#"{"meshkey":"none"}"#.to_owned(),
        format!(r#"{{"meshKey":"{}"}}"#, &mesh[1..]),
        format!(r#"{{"meshKey":"{mesh}0"}}"#),
        format!(r#"{{"meshKey":" {mesh}"}}"#),
        format!(r#"{{"meshKey":"{}"}}"#, "g".repeat(64)),
    ];
    for json in denied {
        assert!(!admits(&relay, json.as_bytes()), "{json} is to be denied");
    }
}

#[test]
fn a_wrong_or_zero_mesh_key_makes_an_ordinary_peer() {
    let Some(relay) = relay() else { return };
    for mesh in ["ab".repeat(32), "0".repeat(64)] {
        let (mut wire, server) = greeted(&relay);
        let key = NodeKey::random();
        let json = format!(r#"{{"meshKey":"{mesh}","version":2}}"#);
        wire.send(&frame(kind::CLIENT_INFO, &key.client_info(&server, json.as_bytes())));
        server_info(&mut wire, &key, &server).expect("the peer is admitted");
        wire.send(&frame(kind::WATCH_CONNS, &[]));
        assert_eq!(wire.rest(PATIENCE), Ok(Vec::new()), "an ordinary peer may not watch");
    }
}

#[test]
fn a_mesh_key_may_be_in_upper_case() {
    let Some(relay) = relay() else { return };
    let (mut wire, server) = greeted(&relay);
    let key = NodeKey::random();
    let json = format!(r#"{{"MeshKey":"{}"}}"#, relay.mesh_key().to_uppercase());
    wire.send(&frame(kind::CLIENT_INFO, &key.client_info(&server, json.as_bytes())));
    server_info(&mut wire, &key, &server).expect("the peer is admitted");
    wire.send(&frame(kind::WATCH_CONNS, &[]));
    assert_eq!(wire.frame(PATIENCE).expect("a watcher is told who is here").kind, kind::PEER_PRESENT);
}

fn admits(relay: &Subject, json: &[u8]) -> bool {
    let (mut wire, server) = greeted(relay);
    let key = NodeKey::random();
    let started = Instant::now();
    wire.send(&frame(kind::CLIENT_INFO, &key.client_info(&server, json)));
    let admitted = server_info(&mut wire, &key, &server);
    assert!(started.elapsed() < PATIENCE / 2, "an answer at once, not by a time limit");
    admitted.is_ok()
}

/// After the greeting, `bytes` end the connection at once and without a word.
#[track_caller]
fn refused(relay: &Subject, bytes: &[u8]) {
    let (mut wire, _) = greeted(relay);
    let started = Instant::now();
    wire.send_lossy(bytes);
    assert_eq!(wire.rest(PATIENCE), Ok(Vec::new()), "the relay closes without a word");
    // The handshake as a whole has 10 s.
    assert!(started.elapsed().as_secs() < 8, "the relay closes at once, not by a time limit");
}
