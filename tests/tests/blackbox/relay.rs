//! Packets from peer to peer. Source: tailscale: derp/derpserver/derpserver.go

use crate::patience::relay;
use wherry_tests::frame::{MAX_PACKET, disco, kind, send_packet};
use wherry_tests::node::random_bytes;
use wherry_tests::peer::Way;
use wherry_tests::subject::{Setup, Shared};
use wherry_tests::{Difference, Join, Peer, Subject};

#[test]
fn a_packet_reaches_its_destination_and_nobody_else() {
    let Some(relay) = relay() else { return };
    let (mut one, mut two, mut three) = (Peer::join(&relay), Peer::join(&relay), Peer::join(&relay));
    one.send_packet(&two.key(), b"hello");
    two.expect_packet(&one.key(), b"hello");
    two.send_packet(&three.key(), b"onward");
    three.expect_packet(&two.key(), b"onward");
    for peer in [&mut one, &mut two, &mut three] {
        peer.expect_silence();
    }
}

#[test]
fn a_peer_may_send_to_itself() {
    let Some(relay) = relay() else { return };
    let mut peer = Peer::join(&relay);
    for packet in [b"data".to_vec(), disco(1)] {
        peer.send_packet(&peer.key(), &packet);
        peer.expect_packet(&peer.key(), &packet);
    }
    peer.expect_silence();
}

#[test]
fn packets_of_any_size_arrive_unchanged() {
    let Some(relay) = relay() else { return };
    let (mut one, mut two) = (Peer::join(&relay), Peer::join(&relay));
    let noise: Vec<u8> = random_bytes::<MAX_PACKET>().to_vec();
    // Around the borders of the reference's buffers, of TLS records and of the protocol.
    let sizes = [
        0,
        1,
        31,
        32,
        61,
        62,
        63,
        1280,
        1500,
        2048,
        4096,
        16_346,
        16_347,
        16_348,
        16_384,
        16_385,
        32_768,
        65_503,
        65_504,
        65_505,
        MAX_PACKET - 1,
        MAX_PACKET,
    ];
    for size in sizes {
        one.send_packet(&two.key(), &noise[..size]);
        two.expect_packet(&one.key(), &noise[..size]);
    }
    two.expect_silence();
}

#[test]
fn packets_of_one_sender_keep_their_order() {
    let Some(relay) = relay() else { return };
    let (mut one, mut two) = (Peer::join(&relay), Peer::join(&relay));
    // Bursts stay below the 32 packets that the reference queues for a peer.
    for burst in 0..50_u32 {
        let packets: Vec<_> = (0..24_u32)
            .map(|at| [burst.to_be_bytes(), at.to_be_bytes()].concat().repeat(1 + burst as usize))
            .collect();
        let bytes: Vec<_> = packets.iter().flat_map(|packet| send_packet(&two.key(), packet)).collect();
        one.wire().send(&bytes);
        for packet in &packets {
            two.expect_packet(&one.key(), packet);
        }
    }
}

#[test]
fn discovery_packets_of_one_sender_keep_their_order() {
    let Some(relay) = relay() else { return };
    let (mut one, mut two) = (Peer::join(&relay), Peer::join(&relay));
    for _ in 0..20 {
        let bytes: Vec<_> = (0..20).flat_map(|at| send_packet(&two.key(), &disco(at))).collect();
        one.wire().send(&bytes);
        for at in 0..20 {
            two.expect_packet(&one.key(), &disco(at));
        }
    }
}

#[test]
fn many_pairs_talk_at_once() {
    let Some(relay) = relay() else { return };
    let relay: &Subject = &relay;
    std::thread::scope(|scope| {
        for way in [Way::Tls, Way::WebSocket].into_iter().cycle().take(16) {
            scope.spawn(move || {
                let mut one = Join { way, ..Join::default() }.to(relay);
                let mut two = Peer::join(relay);
                for _ in 0..50 {
                    let packet: [u8; 1200] = random_bytes();
                    one.send_packet(&two.key(), &packet);
                    two.send_packet(&one.key(), &packet);
                    two.expect_packet(&one.key(), &packet);
                    one.expect_packet(&two.key(), &packet);
                }
            });
        }
    });
}

#[test]
fn plain_http_carries_the_same_protocol() {
    let Some(relay) = Shared::plain() else { return };
    let plain = Join { way: Way::Plain, ..Join::default() };
    let fast = Join { fast_start: true, ..plain.clone() };
    let (mut one, mut two) = (plain.to(&relay), fast.to(&relay));
    let packet = vec![7; MAX_PACKET];
    one.send_packet(&two.key(), &packet);
    two.expect_packet(&one.key(), &packet);
    two.send_packet(&one.key(), b"back");
    one.expect_packet(&two.key(), b"back");
    one.expect_silence();
}

#[test]
fn a_slow_receiver_loses_the_oldest_packets_and_keeps_the_order() {
    let Some(relay) = patient_relay() else { return };
    let (mut sender, mut slow) = (Peer::join(&relay), Peer::join(&relay));
    // Far more than sockets and queues on the way hold.
    let count = 6000_u32;
    for at in 0..count {
        sender.send_packet(&slow.key(), &[&at.to_be_bytes()[..], &[0; 8188]].concat());
    }
    sender.expect_silence();
    let mut seen = Vec::new();
    while seen.last() != Some(&(count - 1)) {
        let frame = slow.next_frame();
        assert_eq!((frame.kind, frame.payload.len()), (kind::RECV_PACKET, 32 + 8192));
        seen.push(u32::from_be_bytes(*frame.payload[32..].first_chunk().expect("a number")));
    }
    assert!(seen.is_sorted_by(|a, b| a < b), "no packet comes twice or late: {seen:?}");
    assert!(seen.len() < count as usize, "the test sent too little to overflow anything");
    if relay.differs(Difference::WritesBeforeDropping) {
        assert_eq!(seen.first(), Some(&0), "what was written before the overflow still comes");
    }
}

#[test]
fn discovery_is_not_displaced_by_data() {
    let Some(relay) = patient_relay() else { return };
    let (mut flooder, mut polite) = (Peer::join(&relay), Peer::join(&relay));
    let mut slow = Peer::join(&relay);
    let bulk = send_packet(&slow.key(), &[0; 8192]).repeat(100);
    (0..50).for_each(|_| flooder.wire().send(&bulk));
    flooder.expect_silence();
    (0..10).for_each(|at| polite.send_packet(&slow.key(), &disco(at)));
    polite.expect_silence();
    (0..20).for_each(|_| flooder.wire().send(&bulk));
    flooder.expect_silence();
    let mut packets = packets_until_silence(&mut slow);
    packets.retain(|packet| packet.starts_with(&polite.key()));
    let expected: Vec<_> = (0..10).map(|at| [&polite.key()[..], &disco(at)].concat()).collect();
    assert_eq!(packets, expected);
}

#[test]
fn one_sender_does_not_displace_another() {
    let Some(relay) = patient_relay() else { return };
    if !relay.differs(Difference::FairBetweenSenders) {
        return;
    }
    let (mut flooder, mut polite) = (Peer::join(&relay), Peer::join(&relay));
    let mut slow = Peer::join(&relay);
    let bulk = send_packet(&slow.key(), &[0; 8192]).repeat(100);
    (0..50).for_each(|_| flooder.wire().send(&bulk));
    flooder.expect_silence();
    (0..10).for_each(|at| polite.send_packet(&slow.key(), &[at; 1000]));
    polite.expect_silence();
    (0..20).for_each(|_| flooder.wire().send(&bulk));
    flooder.expect_silence();
    let mut packets = packets_until_silence(&mut slow);
    packets.retain(|packet| packet.starts_with(&polite.key()));
    let expected: Vec<_> = (0..10).map(|at| [&polite.key()[..], &[at; 1000]].concat()).collect();
    assert_eq!(packets, expected);
}

#[test]
fn a_frozen_receiver_does_not_stop_the_others_of_its_sender() {
    // A relay that waited for the frozen one would wait longer than the test's patience.
    let Some(relay) = patient_relay() else { return };
    let (mut sender, frozen, mut good) = (Peer::join(&relay), Peer::join(&relay), Peer::join(&relay));
    let bulk = send_packet(&frozen.key(), &vec![0; 32 << 10]).repeat(16);
    for _ in 0..60 {
        sender.wire().send(&bulk);
        let packet: [u8; 100] = random_bytes();
        sender.send_packet(&good.key(), &packet);
        good.expect_packet(&sender.key(), &packet);
    }
    drop(frozen);
}

/// A relay that waits long for receivers that take nothing, and keeps what waits for them. By default the reference
/// ends them after 2 s, and wherry drops packets after less.
fn patient_relay() -> Option<Subject> {
    let flags = vec!["-tcp-write-timeout=60s".to_owned()];
    let envs = vec![("WHERRY_LIMITS_MAILBOX_AGE".to_owned(), "60s".to_owned())];
    Subject::start(&Setup { flags, envs, ..Setup::default() })
}

/// Reads all that waits: source and packet of each.
fn packets_until_silence(peer: &mut Peer) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    loop {
        let frames = peer.settle();
        if frames.is_empty() {
            return packets;
        }
        assert!(frames.iter().all(|frame| frame.kind == kind::RECV_PACKET));
        packets.extend(frames.into_iter().map(|frame| frame.payload));
    }
}
