//! Several connections of one key. Source: tailscale: derp/derpserver/derpserver.go

use crate::patience::relay;
use std::time::{Duration, Instant};
use wherry_tests::frame::{frame, kind, ping, send_packet};
use wherry_tests::node::random_bytes;
use wherry_tests::peer::brief;
use wherry_tests::{PATIENCE, Peer};

#[test]
fn the_latest_connection_of_a_key_gets_its_packets() {
    let Some(relay) = relay() else { return };
    let mut sender = Peer::join(&relay);
    let mut first = Peer::join(&relay);
    let mut second = first.again(&relay);
    goes_to(&mut sender, &mut second);
    let mut third = first.again(&relay);
    goes_to(&mut sender, &mut third);
    // The others stay open and are read, else the first frame of their settling would not be a pong.
    goes_to(&mut sender, &mut third);
    first.expect_silence();
}

#[test]
fn whoever_speaks_last_gets_the_packets_of_its_key() {
    let Some(relay) = relay() else { return };
    let mut sender = Peer::join(&relay);
    let mut first = Peer::join(&relay);
    let (mut second, mut third) = (first.again(&relay), first.again(&relay));
    // Any frame counts, also one that means nothing.
    let frames =
        [ping([1; 8]), frame(0x42, b"?"), frame(kind::NOTE_PREFERRED, &[1]), send_packet(&[7; 32], b"")];
    for (at, speech) in frames.iter().cycle().take(12).enumerate() {
        let speaker =
            [&mut first, &mut second, &mut third].into_iter().nth(at % 3).expect("three connections");
        speaker.wire().send(speech);
        // An answered frame after it proves that it was handled.
        drop(speaker.settle());
        goes_to(&mut sender, speaker);
    }
}

#[test]
fn a_connection_that_is_not_active_still_sends() {
    let Some(relay) = relay() else { return };
    let mut friend = Peer::join(&relay);
    let mut first = Peer::join(&relay);
    let _second = first.again(&relay);
    first.send_packet(&friend.key(), b"from the older one");
    friend.expect_packet(&first.key(), b"from the older one");
}

#[test]
fn the_survivor_of_two_connections_takes_over() {
    let Some(relay) = relay() else { return };
    let mut sender = Peer::join(&relay);
    let mut first = Peer::join(&relay);
    let mut second = first.again(&relay);
    goes_to(&mut sender, &mut second);
    drop(second);
    comes_to(&mut sender, &mut first);
    goes_to(&mut sender, &mut first);
    // It is an ordinary connection again: a new one takes over as before.
    let mut third = first.again(&relay);
    goes_to(&mut sender, &mut third);
}

#[test]
fn when_the_active_connection_leaves_the_last_speaker_takes_over() {
    let Some(relay) = relay() else { return };
    let mut sender = Peer::join(&relay);
    let mut first = Peer::join(&relay);
    let mut second = first.again(&relay);
    let mut third = first.again(&relay);
    first.expect_silence();
    second.expect_silence();
    third.expect_silence();
    drop(third);
    comes_to(&mut sender, &mut second);
    goes_to(&mut sender, &mut second);
    drop(second);
    comes_to(&mut sender, &mut first);
}

#[test]
fn a_second_connection_that_never_spoke_is_not_remembered() {
    let Some(relay) = relay() else { return };
    let mut sender = Peer::join(&relay);
    let mut first = Peer::join(&relay);
    let second = first.again(&relay);
    let third = first.again(&relay);
    drop(third);
    // The third was remembered on joining, the first when the second came.
    comes_to(&mut sender, &mut first);
    drop(second);
    goes_to(&mut sender, &mut first);
}

#[test]
fn a_third_connection_is_remembered_though_it_never_spoke() {
    let Some(relay) = relay() else { return };
    let mut sender = Peer::join(&relay);
    let first = Peer::join(&relay);
    let mut second = first.again(&relay);
    let mut third = first.again(&relay);
    second.expect_silence();
    drop(second);
    comes_to(&mut sender, &mut third);
    goes_to(&mut sender, &mut third);
}

#[test]
fn a_leaving_connection_that_was_not_active_changes_nothing() {
    let Some(relay) = relay() else { return };
    let mut sender = Peer::join(&relay);
    let first = Peer::join(&relay);
    let second = first.again(&relay);
    let mut third = first.again(&relay);
    for left in [first, second] {
        drop(left);
        for _ in 0..10 {
            goes_to(&mut sender, &mut third);
        }
    }
}

/// The next packet for the key of `active` arrives there.
#[track_caller]
fn goes_to(sender: &mut Peer, active: &mut Peer) {
    let packet: [u8; 16] = random_bytes();
    sender.send_packet(&active.key(), &packet);
    active.expect_packet(&sender.key(), &packet);
}

/// Packets for the key of `heir` arrive there soon: the relay has to notice first that another one left.
#[track_caller]
pub(crate) fn comes_to(sender: &mut Peer, heir: &mut Peer) {
    let deadline = Instant::now() + PATIENCE;
    let mut sent = Vec::new();
    while Instant::now() < deadline {
        let packet: [u8; 16] = random_bytes();
        sender.send_packet(&heir.key(), &packet);
        sent.push(packet);
        if let Ok(frame) = heir.wire().frame(Duration::from_millis(50)) {
            assert!(sent.iter().any(|packet| frame.carries(&sender.key(), packet)), "{}", brief(&frame));
            // The rest of what was sent since it took over.
            drop(sender.settle());
            drop(heir.settle());
            return;
        }
    }
    panic!("nothing came to the remaining connection");
}
