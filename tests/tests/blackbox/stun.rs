//! STUN. Source: tailscale: net/stun/stun.go, net/stunserver/stunserver.go

use crate::patience::relay;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};
use wherry_tests::node::random_bytes;
use wherry_tests::stun::{Request, parse_reply, receive, socket};
use wherry_tests::subject::{Listen, Setup};
use wherry_tests::{Difference, PATIENCE, Subject};

#[test]
fn a_request_is_answered_with_its_source_address() {
    let Some(relay) = relay() else { return };
    for _ in 0..20 {
        let socket = socket(relay.stun());
        let request = Request::default();
        let reply = parse_reply(&exchange(&socket, &request.bytes()));
        assert_eq!((reply.tx, reply.addr, reply.len), (request.tx, local(&socket), 32));
    }
}

#[test]
fn each_request_gets_one_answer() {
    let Some(relay) = relay() else { return };
    let socket = socket(relay.stun());
    let requests: Vec<_> = (0..50).map(|_| Request::default()).collect();
    for request in &requests {
        socket.send(&request.bytes()).expect("a datagram goes out");
    }
    let mut answered: Vec<_> = requests.iter().map(|_| parse_reply(&next(&socket)).tx).collect();
    let mut asked: Vec<_> = requests.iter().map(|request| request.tx).collect();
    answered.sort_unstable();
    asked.sort_unstable();
    assert_eq!(answered, asked);
    // The same request again is a new one: nothing is remembered.
    for _ in 0..3 {
        assert_eq!(parse_reply(&exchange(&socket, &requests[0].bytes())).tx, requests[0].tx);
    }
    hears_nothing_more(&socket);
}

#[test]
fn unusual_but_valid_requests_are_answered() {
    let Some(relay) = relay() else { return };
    let software = ([0x80, 0x22], 8, b"tailnode".to_vec());
    let padded = ([0x00, 0x06], 5, b"user1\0\0\0".to_vec());
    let unknown = ([0x7f, 0xff], 0, Vec::new());
    let other_software = ([0x80, 0x22], 3, b"abc\0".to_vec());
    let base = Request::default();
    let valid = [
        ("an unknown attribute before", vec![unknown.clone(), software.clone()], None),
        ("an unknown attribute after", vec![software.clone(), unknown], None),
        ("a padded attribute", vec![padded, software.clone()], None),
        ("the name in the second of two", vec![other_software, software.clone()], None),
        ("the name twice", vec![software.clone(), software.clone()], None),
        ("a header length too short", vec![software.clone()], Some(0)),
        ("a header length too long", vec![software], Some(0xfffc)),
    ];
    let socket = socket(relay.stun());
    for (what, attributes, length) in valid {
        let request = Request { attributes, length, ..base.clone() };
        socket.send(&request.bytes()).expect("a datagram goes out");
        let reply = receive(&socket, PATIENCE).unwrap_or_else(|| panic!("{what}: no answer"));
        assert_eq!(parse_reply(&reply).tx, request.tx, "{what}");
    }
}

#[test]
fn everything_else_is_met_with_silence() {
    let Some(relay) = relay() else { return };
    let base = Request::default();
    let good = base.bytes();
    let software = |name: &[u8], len| vec![([0x80, 0x22], len, name.to_vec())];
    let mut junk: Vec<(String, Vec<u8>)> = vec![
        ("an empty datagram".into(), Vec::new()),
        ("a bare header".into(), good[..20].to_vec()),
        ("noise".into(), random_bytes::<512>().to_vec()),
        ("zeros".into(), vec![0; 40]),
        ("text".into(), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("bytes behind the fingerprint".into(), [&good[..], &[0; 4]].concat()),
        ("one byte behind the fingerprint".into(), [&good[..], &[0]].concat()),
        ("no fingerprint".into(), Request { fingerprint: false, ..base.clone() }.bytes()),
        ("no name".into(), Request { attributes: Vec::new(), ..base.clone() }.bytes()),
        ("another name".into(), Request { attributes: software(b"tailnodf", 8), ..base.clone() }.bytes()),
        (
            "a longer name".into(),
            Request { attributes: software(b"tailnode\0\0\0\0", 9), ..base.clone() }.bytes(),
        ),
        ("a shorter name".into(), Request { attributes: software(b"tailnod\0", 7), ..base.clone() }.bytes()),
        (
            "an attribute past the end".into(),
            Request { attributes: software(b"tailnode", 99), ..base.clone() }.bytes(),
        ),
        ("a response".into(), Request { kind: [1, 1], ..base.clone() }.bytes()),
        ("an indication".into(), Request { kind: [0, 0x11], ..base.clone() }.bytes()),
        ("another method".into(), Request { kind: [0, 3], ..base.clone() }.bytes()),
        ("top bits set".into(), Request { kind: [0x40, 1], ..base.clone() }.bytes()),
        ("another cookie".into(), Request { cookie: [0; 4], ..base }.bytes()),
    ];
    for (what, at) in [("fingerprint value", good.len() - 1), ("transaction id", 10), ("name", 25)] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        junk.push((format!("a flipped bit in the {what}"), bad));
    }
    for len in 1..good.len() {
        junk.push((format!("the first {len} bytes"), good[..len].to_vec()));
    }
    let socket = socket(relay.stun());
    for (what, bytes) in &junk {
        socket.send(bytes).expect("a datagram goes out");
        // An answer to the good request behind it proves that the bad one was passed over.
        let request = Request::default();
        let reply = parse_reply(&exchange(&socket, &request.bytes()));
        assert_eq!(reply.tx, request.tx, "{what} was answered");
    }
    hears_nothing_more(&socket);
}

#[test]
fn ipv6_is_answered_with_an_ipv6_address() {
    let Some(relay) = Subject::start(&Setup { listen: Listen::V6, ..Setup::default() }) else { return };
    let socket = socket(relay.stun());
    let request = Request::default();
    let reply = parse_reply(&exchange(&socket, &request.bytes()));
    assert_eq!((reply.tx, reply.addr, reply.len), (request.tx, local(&socket), 44));
    // The relay itself is served there too.
    wherry_tests::Peer::join(&relay).expect_silence();
}

#[test]
fn a_wildcard_socket_answers_both_families() {
    let Some(relay) = Subject::start(&Setup { listen: Listen::Wildcard, ..Setup::default() }) else { return };
    let request = Request::default();
    let v4 = socket(relay.stun());
    let reply = parse_reply(&exchange(&v4, &request.bytes()));
    let IpAddr::V4(ip) = local(&v4).ip() else { panic!("an IPv4 socket") };
    let expected: IpAddr =
        if relay.differs(Difference::StunUnmapsIpv4) { ip.into() } else { ip.to_ipv6_mapped().into() };
    assert_eq!((reply.tx, reply.addr), (request.tx, SocketAddr::new(expected, local(&v4).port())));

    let v6 = socket(SocketAddr::new("::1".parse().expect("an address"), relay.stun().port()));
    let reply = parse_reply(&exchange(&v6, &request.bytes()));
    assert_eq!((reply.tx, reply.addr), (request.tx, local(&v6)));
}

#[test]
fn stun_can_be_off() {
    let flags = vec!["-stun=false".to_owned()];
    let Some(relay) = Subject::start(&Setup { flags, ..Setup::default() }) else { return };
    let socket = socket(relay.stun());
    // The system itself answers for a closed port, which the socket reports as an error.
    let asked = Instant::now();
    let sent = socket.send(&Request::default().bytes());
    assert!(sent.is_err() || receive(&socket, PATIENCE).is_none());
    assert!(asked.elapsed() < PATIENCE, "the port is closed, not silent");
}

#[track_caller]
fn exchange(socket: &UdpSocket, bytes: &[u8]) -> Vec<u8> {
    socket.send(bytes).expect("a datagram goes out");
    next(socket)
}

#[track_caller]
fn next(socket: &UdpSocket) -> Vec<u8> {
    receive(socket, PATIENCE).expect("an answer comes")
}

/// All earlier datagrams were handled before the last exchange; only an answer still under way could come.
#[track_caller]
fn hears_nothing_more(socket: &UdpSocket) {
    let more = receive(socket, Duration::from_millis(50));
    assert_eq!(more, None, "an answer to something else");
}

fn local(socket: &UdpSocket) -> SocketAddr {
    socket.local_addr().expect("a bound socket has an address")
}
