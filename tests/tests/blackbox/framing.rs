//! What the relay does with each frame of a joined peer. Source: tailscale: derp/derpserver/derpserver.go

use wherry_tests::frame::{MAX_PACKET, frame, header, kind};
use wherry_tests::{Peer, Subject, subject::Shared};

/// The bytes cost their sender the connection, at once and without a word; a bystander keeps his.
#[track_caller]
fn closes_only_its_sender(relay: &Subject, mut offender: Peer, bytes: &[u8]) {
    let mut bystander = Peer::join(relay);
    offender.wire().send_lossy(bytes);
    let said = offender.wire().rest(wherry_tests::PATIENCE).expect("the offender is closed");
    assert!(said.is_empty(), "the offender was told {said:?}");
    bystander.expect_silence();
}

#[test]
fn note_preferred_of_any_length_but_one_closes() {
    let Some(relay) = Shared::tls() else { return };
    for len in [0, 2, 8] {
        closes_only_its_sender(&relay, Peer::join(&relay), &frame(kind::NOTE_PREFERRED, &vec![1; len]));
    }
    let mut peer = Peer::join(&relay);
    for value in [0, 1, 1, 0, 2, 255] {
        peer.send(kind::NOTE_PREFERRED, &[value]);
    }
    peer.expect_silence();
}

#[test]
fn send_packet_shorter_than_a_key_closes() {
    let Some(relay) = Shared::tls() else { return };
    for len in [0, 31] {
        closes_only_its_sender(&relay, Peer::join(&relay), &frame(kind::SEND_PACKET, &vec![7; len]));
    }
}

#[test]
fn oversize_send_packet_closes_before_its_body_comes() {
    let Some(relay) = Shared::tls() else { return };
    for len in [32 + MAX_PACKET + 1, 1 << 20, 0xffff_ffff] {
        let len = u32::try_from(len).expect("a frame length");
        closes_only_its_sender(
            &relay,
            Peer::join(&relay),
            &[&header(kind::SEND_PACKET, len)[..], &[7; 32]].concat(),
        );
    }
}
