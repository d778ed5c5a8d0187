//! Who may join, by a URL or by the local node. Source: tailscale: derp/derpserver/derpserver.go, client/local/local.go

use std::time::{Duration, Instant};
use tempfile::TempDir;
use wherry_tests::frame::{frame, kind};
use wherry_tests::hook::{Answer, Hook};
use wherry_tests::http::upgrade;
use wherry_tests::node::{NodeKey, hex};
use wherry_tests::peer::{server_info, server_key};
use wherry_tests::subject::Setup;
use wherry_tests::{PATIENCE, Peer, Subject, Wire};

const ALLOW: &str = r#"{"Allow":true}"#;

#[test]
fn the_url_is_asked_who_may_join() {
    let Some((relay, hook)) = with_url(&[]) else { return };
    let key = NodeKey::random();
    assert!(admits(&relay, &key));
    let asked = hook.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    let (head, body) = asked[0].split_once("\r\n\r\n").expect("head and body");
    assert!(head.starts_with("POST /verify HTTP/1.1\r\n"), "{head}");
    assert_eq!(body, format!(r#"{{"NodePublic":"nodekey:{}","Source":"127.0.0.1"}}"#, hex(&key.public())));
}

#[test]
fn the_answer_of_the_url_decides() {
    let Some((relay, hook)) = with_url(&[]) else { return };
    let long = format!("{ALLOW}{}", " ".repeat(4000));
    let too_long = format!("{}{ALLOW}", " ".repeat(4096));
    let cases = [
        ("200 OK", ALLOW, true),
        ("200 OK", r#"{"allow":true,"More":[1]}"#, true),
        ("200 OK", &long, true),
        ("200 OK", &too_long, false),
        ("200 OK", r#"{"Allow":false}"#, false),
        ("200 OK", "{}", false),
        ("200 OK", "", false),
        ("200 OK", "yes", false),
        ("200 OK", r#"{"Allow":"true"}"#, false),
        ("201 Created", ALLOW, false),
        ("204 No Content", "", false),
        ("403 Forbidden", ALLOW, false),
        ("500 Internal Server Error", ALLOW, false),
    ];
    for (status, body, admitted) in cases {
        hook.set(Answer::status(status, body));
        assert_eq!(admits(&relay, &NodeKey::random()), admitted, "{status} {}", &body[..body.len().min(60)]);
    }
}

#[test]
fn an_unreachable_url_admits_unless_told_otherwise() {
    // Nobody listens on this port of this address.
    let url = "-verify-client-url=http://127.3.2.1:9/verify";
    for (flag, admitted) in [("", true), ("-verify-client-url-fail-open=false", false)] {
        let Some(relay) = with_flags(&[url, flag]) else { return };
        assert_eq!(admits(&relay, &NodeKey::random()), admitted, "{flag}");
    }
}

#[test]
fn a_url_that_does_not_answer_is_waited_for_five_seconds() {
    let Some((relay, hook)) = with_url(&["-verify-client-url-fail-open=false"]) else { return };
    hook.set(Answer::Never);
    let started = Instant::now();
    assert!(!admits(&relay, &NodeKey::random()));
    let after = started.elapsed();
    assert!((Duration::from_secs(4)..Duration::from_secs(9)).contains(&after), "{after:?}");
}

#[test]
fn mesh_peers_are_not_asked_about() {
    let Some((relay, hook)) = with_url(&[]) else { return };
    hook.set(Answer::status("200 OK", "{}"));
    Peer::mesh(&relay).expect_silence();
    assert_eq!(hook.asked(), Vec::<String>::new());
}

#[test]
fn the_local_node_is_asked_who_may_join() {
    let Some((relay, hook, _dir)) = with_local_node(&[]) else { return };
    let key = NodeKey::random();
    assert!(admits(&relay, &key));
    let asked = hook.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    let target = format!("GET /localapi/v0/whois?addr=nodekey%3A{} HTTP/1.1\r\n", hex(&key.public()));
    assert!(asked[0].starts_with(&target), "{asked:?}");
    let lower = asked[0].to_lowercase();
    assert!(lower.contains("\r\nhost: local-tailscaled.sock\r\n"), "{asked:?}");
    assert!(lower.contains("\r\ntailscale-cap: "), "{asked:?}");
    assert!(!lower.contains("\r\nreferer:") && !lower.contains("\r\norigin:"), "{asked:?}");
}

#[test]
fn the_answer_of_the_local_node_decides() {
    let Some((relay, hook, _dir)) = with_local_node(&[]) else { return };
    let cases = [
        ("200 OK", r#"{"Node":{},"UserProfile":{}}"#, true),
        ("200 OK", "not JSON", false),
        ("404 Not Found", "no match for IP:port\n", false),
        ("400 Bad Request", "invalid 'addr' parameter\n", false),
        ("403 Forbidden", "no\n", false),
        ("412 Precondition Failed", "no\n", false),
        ("500 Internal Server Error", "no\n", false),
    ];
    for (status, body, admitted) in cases {
        hook.set(Answer::status(status, body));
        assert_eq!(admits(&relay, &NodeKey::random()), admitted, "{status} {body}");
    }
    hook.set(Answer::Bytes(Vec::new()));
    assert!(!admits(&relay, &NodeKey::random()), "a local node that hangs up");
    Peer::mesh(&relay).expect_silence();
}

#[test]
fn an_absent_local_node_admits_nobody() {
    let Some(relay) = with_flags(&["-verify-clients", "-socket=/nonexistent/tailscaled.sock"]) else {
        return;
    };
    assert!(!admits(&relay, &NodeKey::random()));
}

#[test]
fn local_node_and_url_must_both_agree() {
    let (url, addr) = Hook::tcp(Answer::status("200 OK", ALLOW));
    let Some((relay, node, _dir)) = with_local_node(&[&format!("-verify-client-url=http://{addr}/verify")])
    else {
        return;
    };
    assert!(admits(&relay, &NodeKey::random()));
    url.set(Answer::status("200 OK", "{}"));
    assert!(!admits(&relay, &NodeKey::random()));
    url.set(Answer::status("200 OK", ALLOW));
    node.set(Answer::status("404 Not Found", ""));
    assert!(!admits(&relay, &NodeKey::random()));
}

fn with_flags(flags: &[&str]) -> Option<Subject> {
    let flags = flags.iter().filter(|flag| !flag.is_empty()).map(|flag| (*flag).to_owned()).collect();
    Subject::start(&Setup { flags, ..Setup::default() })
}

fn with_url(flags: &[&str]) -> Option<(Subject, Hook)> {
    let (hook, addr) = Hook::tcp(Answer::status("200 OK", ALLOW));
    let url = format!("-verify-client-url=http://{addr}/verify");
    Some((with_flags(&[&[&*url], flags].concat())?, hook))
}

/// The directory holds the socket and has to stay as long as the relay.
fn with_local_node(flags: &[&str]) -> Option<(Subject, Hook, TempDir)> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("tailscaled.sock");
    let hook = Hook::unix(&path, Answer::status("200 OK", r#"{"Node":{},"UserProfile":{}}"#));
    let socket = format!("-socket={}", path.display());
    Some((with_flags(&[&["-verify-clients", &socket], flags].concat())?, hook, dir))
}

fn admits(relay: &Subject, key: &NodeKey) -> bool {
    let mut wire = Wire::tls(relay);
    wire.send(&upgrade(relay, &[]));
    assert_eq!(wire.head(PATIENCE).expect("a response").status(), 101);
    let server = server_key(&mut wire).expect("the server's key");
    wire.send(&frame(kind::CLIENT_INFO, &key.client_info(&server, b"{\"version\":2}")));
    server_info(&mut wire, key, &server).is_ok()
}
