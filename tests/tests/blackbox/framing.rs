//! What the relay does with each frame of a joined peer. Source: tailscale: derp/derpserver/derpserver.go

use crate::patience::relay;
use wherry_tests::frame::{MAX_PACKET, forward_packet, frame, header, kind, ping, send_packet};
use wherry_tests::node::random_bytes;
use wherry_tests::{PATIENCE, Peer, Subject};

#[test]
fn note_preferred_of_any_length_but_one_closes() {
    let Some(relay) = relay() else { return };
    for len in [0, 2, 8] {
        closes_only_its_sender(&relay, Peer::join(&relay), &frame(kind::NOTE_PREFERRED, &vec![1; len]));
    }
}

#[test]
fn note_preferred_takes_any_value_any_number_of_times() {
    let Some(relay) = relay() else { return };
    let mut peer = Peer::join(&relay);
    for value in [0, 1, 1, 0, 2, 255] {
        peer.send(kind::NOTE_PREFERRED, &[value]);
    }
    peer.expect_silence();
}

#[test]
fn send_packet_shorter_than_a_key_closes() {
    let Some(relay) = relay() else { return };
    for len in [0, 31] {
        closes_only_its_sender(&relay, Peer::join(&relay), &frame(kind::SEND_PACKET, &vec![7; len]));
    }
}

#[test]
fn oversize_send_packet_closes_before_its_body_comes() {
    let Some(relay) = relay() else { return };
    for len in [oversize(32), 1 << 20, u32::MAX] {
        let bytes = [&header(kind::SEND_PACKET, len)[..], &[7; 32]].concat();
        closes_only_its_sender(&relay, Peer::join(&relay), &bytes);
    }
}

#[test]
fn forward_packet_of_a_stranger_closes_whatever_its_size() {
    let Some(relay) = relay() else { return };
    let mut victim = Peer::join(&relay);
    let legal = forward_packet(&[9; 32], &victim.key(), b"forged");
    let oversize = header(kind::FORWARD_PACKET, oversize(64)).to_vec();
    for bytes in [frame(kind::FORWARD_PACKET, &[]), legal, oversize] {
        closes_only_its_sender(&relay, Peer::join(&relay), &bytes);
    }
    victim.expect_silence();
}

#[test]
fn forward_packet_of_a_mesh_peer_must_have_two_keys() {
    let Some(relay) = relay() else { return };
    for len in [0, 32, 63] {
        closes_only_its_sender(&relay, Peer::mesh(&relay), &frame(kind::FORWARD_PACKET, &vec![7; len]));
    }
}

#[test]
fn oversize_forward_packet_closes_before_its_body_comes() {
    let Some(relay) = relay() else { return };
    for len in [oversize(64), u32::MAX] {
        let bytes = [&header(kind::FORWARD_PACKET, len)[..], &[7; 64]].concat();
        closes_only_its_sender(&relay, Peer::mesh(&relay), &bytes);
    }
}

#[test]
fn watch_conns_needs_the_mesh_key_and_no_payload() {
    let Some(relay) = relay() else { return };
    closes_only_its_sender(&relay, Peer::join(&relay), &frame(kind::WATCH_CONNS, &[]));
    closes_only_its_sender(&relay, Peer::join(&relay), &frame(kind::WATCH_CONNS, &[0]));
    closes_only_its_sender(&relay, Peer::mesh(&relay), &frame(kind::WATCH_CONNS, &[0]));
}

#[test]
fn close_peer_needs_the_mesh_key_and_a_whole_key() {
    let Some(relay) = relay() else { return };
    let mut victim = Peer::join(&relay);
    closes_only_its_sender(&relay, Peer::join(&relay), &frame(kind::CLOSE_PEER, &victim.key()));
    for len in [0, 31, 33] {
        closes_only_its_sender(&relay, Peer::mesh(&relay), &frame(kind::CLOSE_PEER, &vec![7; len]));
    }
    victim.expect_silence();
}

#[test]
fn ping_is_answered_with_its_first_eight_bytes() {
    let Some(relay) = relay() else { return };
    let mut peer = Peer::join(&relay);
    for len in [8, 9, 100, 1000] {
        let mut payload = vec![0xee; len];
        payload[..8].copy_from_slice(&random_bytes::<8>());
        peer.send(kind::PING, &payload);
        let pong = peer.next_frame();
        assert_eq!((pong.kind, &pong.payload[..]), (kind::PONG, &payload[..8]), "a ping of {len} bytes");
    }
    peer.expect_silence();
}

#[test]
fn ping_of_a_wrong_length_closes() {
    let Some(relay) = relay() else { return };
    for len in [0, 7, 1001, 5000] {
        closes_only_its_sender(&relay, Peer::join(&relay), &frame(kind::PING, &vec![7; len]));
    }
    // Judged by the header alone.
    closes_only_its_sender(&relay, Peer::join(&relay), &header(kind::PING, u32::MAX));
}

#[test]
fn frames_that_mean_nothing_to_a_relay_are_skipped() {
    let Some(relay) = relay() else { return };
    let server_only = [
        kind::SERVER_KEY,
        kind::CLIENT_INFO,
        kind::SERVER_INFO,
        kind::RECV_PACKET,
        kind::KEEP_ALIVE,
        kind::PEER_GONE,
        kind::PEER_PRESENT,
        kind::PONG,
        kind::HEALTH,
        kind::RESTARTING,
    ];
    let unknown = [0x00, 0x0b, 0x0f, 0x16, 0x17, 0x80, 0xff];
    let mut peer = Peer::join(&relay);
    for kind in server_only.into_iter().chain(unknown) {
        for len in [0, 1, 5, 70_000] {
            peer.send(kind, &vec![kind::PING; len]);
        }
        peer.expect_silence();
    }
    let long = vec![kind::SEND_PACKET; 5 << 20];
    peer.send(0x42, &long);
    peer.expect_silence();
}

#[test]
fn frames_may_come_in_any_pieces() {
    let Some(relay) = relay() else { return };
    let (mut one, mut two) = (Peer::join(&relay), Peer::join(&relay));
    let packet: [u8; 40] = random_bytes();
    let ping = ping([5; 8]);
    let bytes = [frame(0x42, b"skipped"), send_packet(&two.key(), &packet), ping].concat();
    // One TLS record for each byte, then all frames twice in one record.
    for byte in &bytes {
        one.wire().send(&[*byte]);
    }
    two.expect_packet(&one.key(), &packet);
    assert_eq!(one.next_frame().kind, kind::PONG);
    one.wire().send(&[&bytes[..], &bytes].concat());
    two.expect_packet(&one.key(), &packet);
    two.expect_packet(&one.key(), &packet);
    assert_eq!(one.next_frame().kind, kind::PONG);
    two.expect_silence();
}

#[test]
fn a_frame_cut_off_by_its_sender_harms_nobody() {
    let Some(relay) = relay() else { return };
    let mut bystander = Peer::join(&relay);
    let whole = send_packet(&bystander.key(), b"never whole");
    for cut in [1, 4, 5, 20, 37, whole.len() - 1] {
        let mut peer = Peer::join(&relay);
        peer.wire().send(&whole[..cut]);
        drop(peer);
    }
    bystander.expect_silence();
}

/// The first length that is too long for a packet after `keys` bytes of keys.
fn oversize(keys: usize) -> u32 {
    u32::try_from(keys + MAX_PACKET + 1).expect("a frame length")
}

/// The bytes cost their sender the connection, at once and without a word; a bystander keeps his.
#[track_caller]
fn closes_only_its_sender(relay: &Subject, mut offender: Peer, bytes: &[u8]) {
    let mut bystander = Peer::join(relay);
    offender.wire().send_lossy(bytes);
    let said = offender.wire().rest(PATIENCE).expect("the offender is closed");
    assert!(said.is_empty(), "the offender was told {said:?}");
    bystander.expect_silence();
}
