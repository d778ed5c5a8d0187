//! Stalled receivers, pings and the end of the process. Source: tailscale: derp/derpserver/derpserver.go

use crate::patience::relay;
use std::time::{Duration, Instant};
use wherry_tests::bystanders::Bystanders;
use wherry_tests::differences::NOT_YET;
use wherry_tests::frame::{GONE_NOT_HERE, disco, kind, ping, send_packet};
use wherry_tests::node::random_bytes;
use wherry_tests::peer::Way;
use wherry_tests::stun::{Request, receive, socket};
use wherry_tests::subject::Setup;
use wherry_tests::{Difference, Join, PATIENCE, Peer, Subject};

#[test]
fn every_ping_is_answered_when_the_answer_is_awaited() {
    let Some(relay) = relay() else { return };
    for way in [Way::Tls, Way::WebSocket] {
        let mut peer = Join { way, ..Join::default() }.to(&relay);
        for _ in 0..200 {
            let data: [u8; 8] = random_bytes();
            peer.wire().send(&ping(data));
            let pong = peer.next_frame();
            assert_eq!((pong.kind, pong.payload), (kind::PONG, data.to_vec()));
        }
    }
}

#[test]
fn a_flood_of_pings_may_be_answered_in_part_but_in_order() {
    let Some(relay) = relay() else { return };
    let mut peer = Peer::join(&relay);
    let flood: Vec<u8> = (0..5000_u64).flat_map(|at| ping(at.to_be_bytes())).collect();
    peer.wire().send(&flood);
    // A ping more might go unanswered too; a packet to itself does not.
    let mut pongs = Vec::new();
    for mark in [&b"all handled"[..], b"and still served"] {
        peer.send_packet(&peer.key(), mark);
        loop {
            let frame = peer.next_frame();
            if frame.carries(&peer.key(), mark) {
                break;
            }
            pongs.push((frame.kind, frame.payload));
        }
    }
    assert!(!pongs.is_empty());
    assert!(pongs.iter().all(|(kind, _)| *kind == kind::PONG));
    assert!(pongs.is_sorted_by(|a, b| a.1 < b.1), "no pong comes twice or late");
}

#[test]
fn a_receiver_that_stalls_is_cut_after_two_seconds() {
    // Else the kernel's limit for unacknowledged bytes, 15 s, would do it as well.
    let flags = vec!["-tcp-user-timeout=2m".to_owned()];
    let Some(relay) = Subject::start(&Setup { flags, ..Setup::default() }) else { return };
    let bystanders = Bystanders::start(&relay);
    let (mut sender, mut stalled) = (Peer::join(&relay), Peer::join(&relay));
    let started = Instant::now();
    // More than sockets and queues on the way hold.
    let packet = send_packet(&stalled.key(), &vec![0; 32 << 10]);
    for _ in 0..1500 {
        sender.wire().send(&packet);
    }
    let key = stalled.key();
    // Nobody tells a sender that a receiver left; discovery to it finds out.
    let gone = loop {
        sender.send_packet(&key, &disco(0));
        if sender.settle().iter().any(|frame| frame.is_gone(&key, GONE_NOT_HERE)) {
            break started.elapsed();
        }
        assert!(started.elapsed() < PATIENCE, "the stalled receiver is not cut");
    };
    assert!(gone > Duration::from_millis(1900), "cut after {gone:?}");
    stalled.expect_closed();
    sender.expect_silence();
    bystanders.expect_undisturbed();
}

#[test]
fn the_end_of_the_process_is_the_end_of_all_connections() {
    for signal in ["TERM", "INT"] {
        let Some(relay) = Subject::start(&Setup::default()) else { return };
        let mut peers = [Peer::join(&relay), Peer::mesh(&relay)];
        let mut web = Join { way: Way::WebSocket, ..Join::default() }.to(&relay);
        relay.signal(signal);
        for peer in &mut peers {
            let said = peer.wire().rest(PATIENCE).expect("the relay closes");
            if relay.differs(Difference::SaysRestarting) {
                assert_eq!(
                    (said.len(), said.first()),
                    (13, Some(&kind::RESTARTING)),
                    "on {signal}: {said:?}"
                );
            } else {
                assert!(said.is_empty(), "on {signal}: {said:?}");
            }
        }
        web.expect_closed();
        assert_eq!(relay.exit_within(PATIENCE), Some(0), "on {signal}");
        assert!(std::net::TcpStream::connect(relay.main()).is_err(), "nobody listens any more");
        assert!(std::net::TcpStream::connect(relay.http()).is_err(), "nobody listens any more");
        let socket = socket(relay.stun());
        assert!(socket.send(&Request::default().bytes()).is_err() || receive(&socket, PATIENCE).is_none());
    }
}

#[test]
fn what_is_said_to_be_missing_is_missing() {
    for (flag, purpose) in NOT_YET {
        let Some(code) = Subject::exit_after_flag_not_yet_served(&format!("{flag}=true")) else { return };
        assert_eq!(code, 64, "if {purpose} is served, {flag} must leave the list");
    }
}
