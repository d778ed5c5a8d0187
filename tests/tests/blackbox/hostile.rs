//! Clients that mean harm: the offender is cut or ignored, a pair of bystanders loses nothing.

use std::net::TcpStream;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use wherry_tests::bystanders::Bystanders;
use wherry_tests::frame::{GONE_NOT_HERE, disco, frame, header, kind, ping, send_packet};
use wherry_tests::http::{request, upgrade};
use wherry_tests::node::{NodeKey, random_bytes};
use wherry_tests::peer::{Way, server_key, upgrade_to_websocket};
use wherry_tests::subject::{Setup, Subject};
use wherry_tests::websocket::{PING, masked};
use wherry_tests::{Ended, Join, PATIENCE, Peer, Wire};

#[test]
fn a_skipped_frame_of_four_gibibytes_costs_no_memory() {
    let Some(relay) = victim() else { return };
    let bystanders = Bystanders::start(relay);
    let mut offenders: Vec<_> = (0..8).map(|_| Peer::join(relay)).collect();
    for offender in &mut offenders {
        offender.wire().send(&header(0x42, u32::MAX));
    }
    let before = relay.resident_bytes();
    let chunk = vec![0xff; 1 << 20];
    for _ in 0..16 {
        for offender in &mut offenders {
            // It is taken, however much comes.
            offender.wire().send(&chunk);
        }
    }
    let grown = relay.resident_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "grown by {grown} bytes for 128 MiB of nothing");
    bystanders.expect_undisturbed();
}

#[test]
fn an_announced_body_that_does_not_come_costs_little_memory() {
    let Some(relay) = victim() else { return };
    let bystanders = Bystanders::start(relay);
    let before = relay.resident_bytes();
    let mut offenders: Vec<_> = (0..300).map(|_| Peer::join(relay)).collect();
    for offender in &mut offenders {
        offender.wire().send(&header(kind::SEND_PACKET, 32 + 65_536));
        offender.wire().send(&[7; 33]);
    }
    bystanders.expect_undisturbed();
    let each = relay.resident_bytes().saturating_sub(before) / 300;
    assert!(each < 400 << 10, "{each} bytes for each");
}

#[test]
fn websocket_pings_whose_pongs_are_not_read_cost_little_memory() {
    let Some(relay) = Subject::start(&Setup::default()) else { return };
    let pings = masked(true, PING, &[7; 125]).repeat(2000);
    for joins in [false, true] {
        let mut peer = None;
        let mut stranger = None;
        let pipe = if joins {
            let join = Join { way: Way::WebSocket, ..Join::default() };
            peer.insert(join.to(&relay)).wire().pipe_mut()
        } else {
            let wire = stranger.insert(Wire::tls(&relay));
            upgrade_to_websocket(wire, &relay);
            wire.pipe_mut()
        };
        let before = relay.resident_bytes();
        for _ in 0..200 {
            // Once the relay takes no more, or ends it, there is nothing to prove.
            if pipe.write_all(&pings, Instant::now() + Duration::from_secs(1)).is_err() {
                break;
            }
        }
        let grown = relay.resident_bytes().saturating_sub(before);
        assert!(grown < 16 << 20, "grown by {grown} bytes; joined: {joins}");
    }
}

#[test]
fn an_endless_stream_of_frames_leaves_room_for_others() {
    let Some(relay) = victim() else { return };
    let bystanders = Bystanders::start(relay);
    let unknown = NodeKey::random().public();
    let streams = [
        frame(0x42, b"").repeat(2000),
        frame(kind::PONG, &[0; 8]).repeat(1000),
        ping([0; 8]).repeat(1000),
        frame(kind::NOTE_PREFERRED, &[1]).repeat(1000),
        [frame(kind::NOTE_PREFERRED, &[1]), frame(kind::NOTE_PREFERRED, &[0])].concat().repeat(500),
        send_packet(&unknown, b"").repeat(400),
        send_packet(&unknown, &disco(0)).repeat(100),
    ];
    std::thread::scope(|scope| {
        for bytes in &streams {
            scope.spawn(move || {
                let mut offender = Peer::join(relay);
                let end = Instant::now() + Duration::from_secs(1);
                // Pongs are never read, so the relay may end this as a stalled receiver.
                while Instant::now() < end && offender.wire().send_lossy(bytes) {}
            });
        }
    });
    bystanders.expect_undisturbed();
}

#[test]
fn connections_that_vanish_leave_nobody_behind() {
    let Some(relay) = victim() else { return };
    let bystanders = Bystanders::start(relay);
    let server = relay.node_key().public();
    let keys: Vec<_> = (0..60).map(|_| NodeKey::random()).collect();
    for (at, key) in keys.iter().enumerate() {
        let info = frame(kind::CLIENT_INFO, &key.client_info(&server, b"{}"));
        let bytes = [upgrade(relay, &["Derp-Fast-Start: 1"]), info, ping([0; 8])].concat();
        let mut wire = Wire::tls(relay);
        // Cut anywhere, and reset instead of closed.
        let cut = bytes.len() - (at * 7) % bytes.len();
        wire.send(&bytes[..cut]);
        if at % 2 == 0 {
            let answered = wire.frame(Duration::from_millis(20));
            assert!(matches!(answered, Ok(_) | Err(Ended::TimedOut | Ended::Closed)));
        }
        let _reset: bool = socket2::SockRef::from(wire.pipe().tcp()).set_linger(Some(Duration::ZERO)).is_ok();
    }
    for key in &keys {
        let started = Instant::now();
        loop {
            // Each asks but once: the answers are limited.
            let mut asker = Peer::join(relay);
            asker.send_packet(&key.public(), &disco(0));
            if asker.settle().iter().any(|frame| frame.is_gone(&key.public(), GONE_NOT_HERE)) {
                break;
            }
            assert!(started.elapsed() < PATIENCE, "a ghost stays");
        }
    }
    bystanders.expect_undisturbed();
}

#[test]
fn many_connections_of_one_key_come_and_go() {
    let Some(relay) = victim() else { return };
    let bystanders = Bystanders::start(relay);
    let mut first = Peer::join(relay);
    let mut others: Vec<_> = (0..150).map(|_| first.again(relay)).collect();
    for other in others.iter_mut().step_by(3) {
        other.expect_silence();
    }
    // In an order that is neither that of coming nor its reverse.
    while !others.is_empty() {
        drop(others.swap_remove(others.len() / 2));
    }
    let started = Instant::now();
    let mut sender = Peer::join(relay);
    loop {
        sender.send_packet(&first.key(), b"still there");
        if first
            .wire()
            .frame(Duration::from_millis(50))
            .is_ok_and(|frame| frame.carries(&sender.key(), b"still there"))
        {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "the one that stayed gets nothing");
    }
    bystanders.expect_undisturbed();
}

#[test]
fn garbage_in_place_of_tls_is_cut() {
    let Some(relay) = victim() else { return };
    let bystanders = Bystanders::start(relay);
    let noise: [u8; 4096] = random_bytes();
    let too_long = [&[0x16, 3, 1, 0xff, 0xff][..], &noise].concat();
    let not_a_hello = [&[0x16, 3, 3, 0, 4][..], &[2, 0, 0, 0]].concat();
    let data_first = [&[0x17, 3, 3, 0, 16][..], &noise[..16]].concat();
    let empty_records = [0x16, 3, 3, 0, 0].repeat(2000);
    let alert = vec![0x15, 3, 3, 0, 2, 2, 40];
    let lying_hello = [&[0x16, 3, 1, 0, 10, 1, 0, 0, 6, 3, 3][..], &noise[..4]].concat();
    let mut first_byte_odd = noise.to_vec();
    first_byte_odd[0] = 0xff;
    for bytes in [first_byte_odd, too_long, not_a_hello, data_first, empty_records, alert, lying_hello] {
        let mut wire = Wire::plain(relay.main());
        wire.send_lossy(&bytes);
        let said = wire.rest(PATIENCE).unwrap_or_else(|_| panic!("not cut: {:?}", &bytes[..11]));
        // At most an alert.
        assert!(said.is_empty() || (said[0] == 0x15 && said.len() == 7), "{said:?} for {:?}", &bytes[..11]);
    }
    bystanders.expect_undisturbed();
}

#[test]
fn garbage_inside_tls_is_cut() {
    let Some(relay) = victim() else { return };
    let bystanders = Bystanders::start(relay);
    // Past the TLS layer: a record that does not open, in the handshake's place and in a joined peer's.
    let record = [&[0x17, 3, 3, 1, 0][..], &random_bytes::<256>()].concat();
    let mut before = Wire::tls(relay);
    let mut after = Peer::join(relay);
    for wire in [&mut before, after.wire()] {
        use std::io::Write as _;
        let mut tcp: &TcpStream = wire.pipe().tcp();
        tcp.write_all(&record).expect("the relay takes bytes");
        wire.rest(PATIENCE).expect("the relay closes");
    }
    bystanders.expect_undisturbed();
}

#[test]
fn requests_that_can_be_read_in_two_ways_are_refused() {
    let Some(relay) = victim() else { return };
    let bystanders = Bystanders::start(relay);
    let host = relay.hostname();
    let bad = [
        format!("POST /x HTTP/1.1\r\nHost: {host}\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
        format!("POST /x HTTP/1.1\r\nHost: {host}\r\nContent-Length: -1\r\n\r\n"),
        format!("POST /x HTTP/1.1\r\nHost: {host}\r\nContent-Length: +3\r\n\r\nabc"),
        format!("POST /x HTTP/1.1\r\nHost: {host}\r\nContent-Length: 99999999999999999999\r\n\r\n"),
        format!("POST /x HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: cow\r\n\r\n"),
        format!("GET /x HTTP/1.1\r\nHost: {host}\r\nBad Header: x\r\n\r\n"),
        format!("GET /x HTTP/1.1\r\nHost: {host}\r\nBad : x\r\n\r\n"),
        format!("GET /x HTTP/1.1\r\nHost: {host}\r\nNoColon\r\n\r\n"),
        format!("GET /x HTTP/1.1\r\nHost: {host}\r\nA: b\0c\r\n\r\n"),
        format!("GET /x HTTP/1.1\r\nHost : {host}\r\n\r\n"),
        format!("GET /x y HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET /x HTTP/9.9\r\nHost: {host}\r\n\r\n"),
        format!("GET /x\r\nHost: {host}\r\n\r\n"),
        format!("G@T /x HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "\r\n\r\n\r\n\r\nnonsense\r\n\r\n".to_owned(),
    ];
    for text in bad {
        let mut wire = Wire::tls(relay);
        let hidden = request("GET", "/robots.txt", host, &[]);
        wire.send_lossy(&[text.as_bytes(), &hidden].concat());
        let said = wire.rest(PATIENCE).unwrap_or_else(|_| panic!("not closed after {text:?}"));
        let said = String::from_utf8_lossy(&said).into_owned();
        let status = said.split(' ').nth(1).unwrap_or_default().to_owned();
        assert!(said.is_empty() || status.starts_with('4') || status.starts_with('5'), "{text:?} got {said}");
        assert!(!said.contains("User-agent"), "what stood behind {text:?} was answered: {said}");
    }
    bystanders.expect_undisturbed();
}

#[test]
fn a_head_without_end_is_cut() {
    let Some(relay) = victim() else { return };
    let bystanders = Bystanders::start(relay);
    for endless in ["X-Long: a\r\n".repeat(100), "a".repeat(1024)] {
        let mut wire = Wire::tls(relay);
        wire.send(format!("GET / HTTP/1.1\r\nHost: {}\r\nX: ", relay.hostname()).as_bytes());
        let started = Instant::now();
        let mut sent = 0;
        while wire.send_lossy(endless.as_bytes()) {
            sent += endless.len();
            assert!(sent < 64 << 20, "the relay takes any amount of head");
        }
        assert!(started.elapsed() < PATIENCE, "by its size, not by the time limit");
    }
    bystanders.expect_undisturbed();
}

#[test]
fn ten_thousand_silent_connections_do_not_keep_others_out() {
    let Some(relay) = victim() else { return };
    let bystanders = Bystanders::start(relay);
    let mut silent = Vec::new();
    for _ in 0..10_000 {
        silent.push(TcpStream::connect_timeout(&relay.main(), PATIENCE).expect("a connection is accepted"));
    }
    let after_tls: Vec<_> = (0..200).map(|_| Wire::tls(relay)).collect();
    let greeted: Vec<_> = (0..200)
        .map(|_| {
            let mut wire = Wire::tls(relay);
            wire.send(&upgrade(relay, &[]));
            wire
        })
        .collect();
    let (mut one, mut two) = (Peer::join(relay), Peer::join(relay));
    one.send_packet(&two.key(), b"through the crowd");
    two.expect_packet(&one.key(), b"through the crowd");
    bystanders.expect_undisturbed();
    drop((silent, after_tls, greeted));
}

#[test]
fn a_crowd_of_impostors_does_not_keep_others_out() {
    let Some(relay) = victim() else { return };
    let bystanders = Bystanders::start(relay);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..25 {
                    let mut wire = Wire::tls(relay);
                    wire.send(&upgrade(relay, &["Derp-Fast-Start: 1"]));
                    wire.send(&frame(kind::CLIENT_INFO, &random_bytes::<200>()));
                    server_key(&mut wire).expect("the server's key");
                    assert_eq!(wire.rest(PATIENCE), Ok(Vec::new()), "an impostor is not admitted");
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..10 {
                Peer::join(relay).expect_silence();
            }
        });
    });
    bystanders.expect_undisturbed();
}

#[test]
fn mesh_rights_cannot_be_had_by_size_or_time() {
    let Some(relay) = victim() else { return };
    let mut peer = Join { prober: true, ..Join::default() }.to(relay);
    let mut other = Peer::join(relay);
    // A duplicate of a mesh peer's key without the mesh key has no rights either.
    let mesh = Peer::mesh(relay);
    let mut impostor = mesh.again(relay);
    for offender in [&mut peer, &mut impostor] {
        offender.send(kind::CLOSE_PEER, &other.key());
        offender.expect_closed();
    }
    other.expect_silence();
}

/// A relay for these tests alone, so that one they bring down takes no other test with it.
fn victim() -> Option<&'static Subject> {
    static VICTIM: OnceLock<Option<Subject>> = OnceLock::new();
    VICTIM.get_or_init(|| Subject::start(&Setup::default())).as_ref()
}
