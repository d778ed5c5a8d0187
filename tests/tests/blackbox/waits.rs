//! Time limits and keep-alives: tests that mostly wait. Source: tailscale: derp/derpserver/derpserver.go, cmd/derper

use crate::patience::Waiting;
use std::ops::Range;
use std::time::{Duration, Instant};
use wherry_tests::frame::{frame, header, kind, ping, send_packet};
use wherry_tests::http::{request, upgrade};
use wherry_tests::node::NodeKey;
use wherry_tests::peer::{Way, brief, server_key, upgrade_to_websocket};
use wherry_tests::{Ended, Join, Peer, Subject, Wire};

pub(crate) static ALL: [&Waiting; 6] =
    [&KEEP_ALIVE, &SILENT_CLIENTS, &SLOW_CLIENTS, &PLAIN_PORT, &DERP_HANDSHAKE, &STALLED_MESH_PEER];

static KEEP_ALIVE: Waiting = Waiting::new(keep_alive);
static SILENT_CLIENTS: Waiting = Waiting::new(silent_clients);
static SLOW_CLIENTS: Waiting = Waiting::new(slow_clients);
static PLAIN_PORT: Waiting = Waiting::new(plain_port);
static DERP_HANDSHAKE: Waiting = Waiting::new(derp_handshake);
static STALLED_MESH_PEER: Waiting = Waiting::new(stalled_mesh_peer);

/// The limit for anything before the upgrade is 30 s.
const BEFORE_UPGRADE: Range<Duration> = Duration::from_secs(25)..Duration::from_secs(45);
/// The limit for joining after the upgrade is 10 s.
const JOINING: Range<Duration> = Duration::from_secs(8)..Duration::from_secs(22);

#[test]
fn a_keep_alive_comes_once_in_60_to_65_seconds() {
    KEEP_ALIVE.collect();
}

#[test]
fn a_client_that_says_nothing_is_cut_after_30_seconds() {
    SILENT_CLIENTS.collect();
}

#[test]
fn a_client_that_is_slow_is_cut_after_30_seconds() {
    SLOW_CLIENTS.collect();
}

#[test]
fn the_plain_port_cuts_after_30_seconds() {
    PLAIN_PORT.collect();
}

#[test]
fn a_client_that_does_not_join_is_cut_after_10_seconds() {
    DERP_HANDSHAKE.collect();
}

#[test]
fn a_mesh_peer_may_stall_longer_than_others() {
    STALLED_MESH_PEER.collect();
}

fn keep_alive(relay: &'static Subject) {
    let quiet = Join::default();
    let mut joins = vec![quiet.clone(); 12];
    joins.push(Join { mesh: true, ..quiet.clone() });
    joins.push(Join { prober: true, fast_start: true, ..quiet.clone() });
    joins.push(Join { way: Way::WebSocket, ..quiet });
    let after = std::thread::scope(|scope| {
        let talker = scope.spawn(|| first_keep_alive(relay, Join::default(), true));
        let quiet: Vec<_> =
            joins.into_iter().map(|join| scope.spawn(|| first_keep_alive(relay, join, false))).collect();
        let quiet =
            quiet.into_iter().map(|thread| thread.join().expect("a keep-alive comes")).collect::<Vec<_>>();
        talker.join().expect("a keep-alive comes also to those who talk");
        quiet
    });
    let (first, last) = (after.iter().min().expect("some"), after.iter().max().expect("some"));
    assert!(*last - *first > Duration::from_millis(100), "each connection has a time of its own: {after:?}");
}

/// How long after joining the first keep-alive came; nothing else comes before it.
fn first_keep_alive(relay: &Subject, join: Join, talks: bool) -> Duration {
    let started = Instant::now();
    let mut peer = join.to(relay);
    let joined = Instant::now();
    let pause = Duration::from_secs(if talks { 1 } else { 100 });
    loop {
        match peer.wire().frame(pause) {
            Ok(frame) if frame.kind == kind::KEEP_ALIVE => {
                assert!(frame.payload.is_empty(), "{}", brief(&frame));
                break;
            }
            Ok(frame) => assert!(talks && frame.kind == kind::PONG, "{}", brief(&frame)),
            Err(Ended::TimedOut) if talks => peer.wire().send(&ping([1; 8])),
            Err(ended) => panic!("no keep-alive after {:?}: {ended:?}", joined.elapsed()),
        }
    }
    // Traffic does not put it off.
    assert!(started.elapsed() > Duration::from_secs(60), "after {:?}", started.elapsed());
    assert!(joined.elapsed() < Duration::from_secs(70), "after {:?}", joined.elapsed());
    joined.elapsed()
}

fn silent_clients(relay: &'static Subject) {
    let half_hello = [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[7; 100]].concat();
    let half_request = format!("GET /derp HTTP/1.1\r\nHost: {}\r\nUpgr", relay.hostname()).into_bytes();
    let answered = request("GET", "/derp/probe", relay.hostname(), &[]);
    std::thread::scope(|scope| {
        let cases = [
            ("a silent connection", Wire::plain(relay.main()), Vec::new()),
            ("half a TLS hello", Wire::plain(relay.main()), half_hello),
            ("silence after the TLS handshake", Wire::tls(relay), Vec::new()),
            ("half a request", Wire::tls(relay), half_request),
            ("silence after a response", Wire::tls(relay), answered),
        ];
        for (what, mut wire, bytes) in cases {
            scope.spawn(move || {
                wire.send(&bytes);
                cut_in(&BEFORE_UPGRADE, what, wire);
            });
        }
    });
}

fn slow_clients(relay: &'static Subject) {
    let long =
        request("GET", "/derp", relay.hostname(), &["X-Long: 0123456789012345678901234567890123456789"]);
    std::thread::scope(|scope| {
        for (what, wire) in
            [("a slow request", Wire::tls(relay)), ("a slow hello", Wire::plain(relay.main()))]
        {
            let bytes =
                if what.contains("hello") { [&[0x16, 3, 1, 2, 0][..], &long].concat() } else { long.clone() };
            scope.spawn(move || drips(&BEFORE_UPGRADE, what, wire, &bytes));
        }
    });
}

fn plain_port(relay: &'static Subject) {
    std::thread::scope(|scope| {
        for (what, bytes) in [("silence on the plain port", &b""[..]), ("half a request there", b"GET / HT")]
        {
            scope.spawn(move || {
                let mut wire = Wire::plain(relay.http());
                wire.send(bytes);
                cut_in(&BEFORE_UPGRADE, what, wire);
            });
        }
    });
}

fn derp_handshake(relay: &'static Subject) {
    let info = frame(kind::CLIENT_INFO, &NodeKey::random().client_info(&relay.node_key().public(), b"{}"));
    std::thread::scope(|scope| {
        for (what, bytes) in [
            ("no client info", &b""[..]),
            ("half a header", &info[..3]),
            ("half a client info", &info[..60]),
            ("a long client info that does not come", &header(kind::CLIENT_INFO, 200_000)[..]),
        ] {
            let bytes = bytes.to_vec();
            scope.spawn(move || {
                let mut wire = greeted(relay, &[]);
                wire.send(&bytes);
                cut_in(&JOINING, what, wire);
            });
        }
        scope.spawn(|| {
            cut_in(&JOINING, "a fast start without client info", greeted(relay, &["Derp-Fast-Start: 1"]))
        });
        scope.spawn(|| drips(&JOINING, "a slow client info", greeted(relay, &[]), &info));
        scope.spawn(|| {
            let mut wire = Wire::tls(relay);
            upgrade_to_websocket(&mut wire, relay);
            server_key(&mut wire).expect("the server's key");
            cut_in(&JOINING, "a silent websocket", wire);
        });
    });
}

fn stalled_mesh_peer(relay: &'static Subject) {
    let (mut stalled, mut sender, mut watcher) = (Peer::mesh(relay), Peer::join(relay), Peer::mesh(relay));
    watcher.send(kind::WATCH_CONNS, &[]);
    drop(watcher.settle());
    let started = Instant::now();
    // More than sockets and queues on the way hold.
    let packet = send_packet(&stalled.key(), &vec![0; 32 << 10]);
    for _ in 0..1500 {
        sender.wire().send(&packet);
    }
    let key = stalled.key();
    // Other peers come and go meanwhile.
    while !watcher_hears_gone(&mut watcher, &key, started) {}
    let after = started.elapsed();
    // Its write limit is 30 s, but the kernel's limit for unacknowledged bytes, 15 s, cuts it before.
    assert!((Duration::from_secs(10)..Duration::from_secs(50)).contains(&after), "cut after {after:?}");
    stalled.expect_closed();
}

fn watcher_hears_gone(watcher: &mut Peer, key: &[u8; 32], started: Instant) -> bool {
    assert!(started.elapsed() < Duration::from_secs(60), "the stalled peer is never cut");
    watcher.wire().frame(Duration::from_secs(1)).is_ok_and(|frame| frame.is_gone(key, 0))
}

/// A connection that is expected to join next.
fn greeted(relay: &Subject, extra: &[&str]) -> Wire {
    let mut wire = Wire::tls(relay);
    wire.send(&upgrade(relay, extra));
    if extra.is_empty() {
        assert_eq!(wire.head(Duration::from_secs(20)).expect("a response").status(), 101);
    }
    server_key(&mut wire).expect("the server's key");
    wire
}

/// The relay closes `wire` within `limits` from now.
fn cut_in(limits: &Range<Duration>, what: &str, mut wire: Wire) {
    let started = Instant::now();
    let ended = wire.rest(limits.end);
    let after = started.elapsed();
    assert!(ended.is_ok(), "{what} is not cut");
    // What the time before `started` took is missing here.
    assert!(limits.contains(&(after + Duration::from_millis(500))), "{what} is cut after {after:?}");
}

/// The relay closes `wire` within `limits` from now although a byte comes every second.
fn drips(limits: &Range<Duration>, what: &str, mut wire: Wire, bytes: &[u8]) {
    let started = Instant::now();
    for byte in bytes {
        if !wire.send_lossy(&[*byte]) {
            break;
        }
        match wire.more(Duration::from_secs(1)) {
            Ok(()) | Err(Ended::TimedOut) => {}
            Err(Ended::Closed) => break,
        }
        assert!(started.elapsed() < limits.end, "{what} is not cut");
    }
    assert!(limits.contains(&started.elapsed()), "{what} is cut after {:?}", started.elapsed());
}
