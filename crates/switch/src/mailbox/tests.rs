//! One behaviour of a mailbox each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use std::time::Duration;

use wherry_wire::derp::{ToClient, encode, header::Header};
use wherry_wire::key::NodePublic;

use super::{Full, Mailbox, MailboxLimits, MailboxTerms, MemoryBudget, Taken};
use crate::drop::{DropReason, DropTally, Dropped, Kind};

pub(super) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(super) fn key(number: u8) -> NodePublic {
    NodePublic::from_bytes([number; 32])
}

pub(super) fn limits() -> MailboxLimits {
    MailboxLimits { data_bytes: 10_000, disco_bytes: 1_000, control_bytes: 200, max_age: ms(600) }
}

pub(super) fn mailbox(limits: MailboxLimits) -> Mailbox {
    Mailbox::new(Arc::new(MailboxTerms { limits, memory: MemoryBudget::new(usize::MAX) }))
}

/// A packet that looks like disco, at least 62 bytes long.
pub(super) fn disco(len: usize) -> Vec<u8> {
    let mut packet = vec![0; len.max(62)];
    packet[..6].copy_from_slice(&wherry_wire::disco::MAGIC);
    packet
}

/// A frame of either sort, as a client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Packet(NodePublic, Vec<u8>),
    Pong([u8; 8]),
}

/// Whole frames in `bytes`; panics if anything else is in there.
pub(super) fn frames(mut bytes: &[u8]) -> Vec<Seen> {
    let mut seen = Vec::new();
    while let Some((header, rest)) = bytes.split_first_chunk() {
        let header = Header::decode(header);
        let (payload, rest) = rest.split_at(usize::try_from(header.len).unwrap());
        seen.push(match ToClient::decode(header.frame_type, payload) {
            Ok(Some(ToClient::RecvPacket { src, packet })) => Seen::Packet(src, packet.to_vec()),
            Ok(Some(ToClient::Pong(data))) => Seen::Pong(data),
            other => panic!("unexpected frame {other:?}"),
        });
        bytes = rest;
    }
    assert!(bytes.is_empty(), "{} bytes behind the last frame", bytes.len());
    seen
}

pub(super) fn pong(data: u64) -> Vec<u8> {
    let mut frame = Vec::new();
    encode::pong(&mut frame, data.to_le_bytes());
    frame
}

fn take(mailbox: &mut Mailbox, now: Duration, budget: usize) -> (Vec<Seen>, Taken, DropTally) {
    let (mut out, mut drops) = (Vec::new(), DropTally::default());
    let taken = mailbox.take(now, budget, &mut out, &mut drops);
    (frames(&out), taken, drops)
}

fn packet(src: u8, bytes: &[u8]) -> Seen {
    Seen::Packet(key(src), bytes.to_vec())
}

#[test]
fn frames_leave_as_control_then_disco_then_data() {
    let mut mailbox = mailbox(limits());
    let mut drops = DropTally::default();
    mailbox.push(&key(1), b"data", ms(10), &mut drops);
    mailbox.push(&key(1), &disco(70), ms(20), &mut drops);
    mailbox.push_control(&pong(7)).unwrap();
    let (seen, taken, _) = take(&mut mailbox, ms(30), 1_000);
    assert_eq!(seen, [Seen::Pong(7_u64.to_le_bytes()), packet(1, &disco(70)), packet(1, b"data")]);
    assert_eq!(
        taken,
        Taken { frames: 3, packets: 2, bytes: 74, disco_packets: 1, disco_bytes: 70, waited_ms: 30 }
    );
    assert!(mailbox.is_empty());
    assert_eq!(drops, DropTally::default());
}

#[test]
fn empty_packets_are_legal() {
    let mut mailbox = mailbox(limits());
    mailbox.push(&key(1), b"", ms(0), &mut DropTally::default());
    assert_eq!((mailbox.packets(), mailbox.bytes()), (1, 37));
    assert_eq!(take(&mut mailbox, ms(0), 0).0, [packet(1, b"")]);
}

#[test]
fn first_frame_is_taken_whatever_the_budget() {
    let mut mailbox = mailbox(limits());
    for _ in 0..2 {
        mailbox.push(&key(1), &[0; 900], ms(0), &mut DropTally::default());
    }
    assert_eq!(take(&mut mailbox, ms(0), 0).0.len(), 1);
    assert_eq!(take(&mut mailbox, ms(0), 937).0.len(), 1);
    assert_eq!(take(&mut mailbox, ms(0), 937).0.len(), 0);
}

#[test]
fn budget_is_filled_to_the_byte_and_not_passed() {
    let mut mailbox = mailbox(limits());
    for _ in 0..3 {
        mailbox.push(&key(1), &[0; 63], ms(0), &mut DropTally::default());
    }
    let mut out = vec![1, 2, 3];
    mailbox.take(ms(0), 200, &mut out, &mut DropTally::default());
    assert_eq!(out.len(), 203, "what stood in the buffer does not count");
    assert_eq!(mailbox.packets(), 1);
}

#[test]
fn control_lane_is_cut_between_frames() {
    let mut mailbox = mailbox(limits());
    mailbox.push_control(&[pong(1), pong(2), pong(3)].concat()).unwrap();
    mailbox.push(&key(1), b"data", ms(0), &mut DropTally::default());
    assert_eq!(
        take(&mut mailbox, ms(0), 30).0,
        [Seen::Pong(1_u64.to_le_bytes()), Seen::Pong(2_u64.to_le_bytes())]
    );
    assert_eq!(take(&mut mailbox, ms(0), 100).0, [Seen::Pong(3_u64.to_le_bytes()), packet(1, b"data")]);
}

#[test]
fn full_control_lane_refuses_and_keeps_what_it_has() {
    let mut mailbox = mailbox(limits());
    for data in 0..15 {
        mailbox.push_control(&pong(data)).unwrap();
    }
    assert_eq!(mailbox.push_control(&pong(15)), Err(Full { bytes: 195 }));
    assert_eq!(take(&mut mailbox, ms(0), 1_000).0.len(), 15);
    mailbox.push_control(&pong(16)).unwrap();
}

#[test]
fn half_frames_in_the_control_lane_do_no_harm() {
    for garbage in [&[5][..], &[5, 0, 0], &[5, 255, 255, 255, 255, 1, 2], &[0; 12]] {
        let mut mailbox = mailbox(limits());
        mailbox.push_control(garbage).unwrap();
        let mut out = Vec::new();
        while mailbox.take(ms(0), 100, &mut out, &mut DropTally::default()).frames > 0 {}
        assert_eq!(out, garbage);
        assert!(mailbox.is_empty());
    }
}

#[test]
fn oldest_packet_makes_room_for_the_newest() {
    let mut mailbox = mailbox(limits());
    let mut drops = DropTally::default();
    for number in 0..11 {
        mailbox.push(&key(1), &[number; 963], ms(0), &mut drops);
    }
    assert_eq!(drops.of(DropReason::QueueHead, Kind::Other), Dropped { packets: 1, bytes: 963 });
    assert_eq!(drops.total().packets, 1);
    assert_eq!(take(&mut mailbox, ms(0), 0).0, [packet(1, &[1; 963])]);
}

#[test]
fn disco_lane_has_its_own_bound() {
    let mut mailbox = mailbox(limits());
    let mut drops = DropTally::default();
    for _ in 0..10 {
        mailbox.push(&key(1), &[0; 963], ms(0), &mut drops);
        mailbox.push(&key(1), &disco(163), ms(0), &mut drops);
    }
    assert_eq!(drops.of(DropReason::QueueHead, Kind::Disco), Dropped { packets: 5, bytes: 5 * 163 });
    assert_eq!(drops.total().packets, 5);
}

#[test]
fn packet_larger_than_the_lane_is_dropped_itself() {
    let mut mailbox = mailbox(limits());
    let mut drops = DropTally::default();
    mailbox.push(&key(1), b"stays", ms(0), &mut drops);
    mailbox.push(&key(1), &[0; 9_964], ms(0), &mut drops);
    assert_eq!(drops.of(DropReason::QueueTail, Kind::Other), Dropped { packets: 1, bytes: 9_964 });
    mailbox.push(&key(1), &[0; 9_963], ms(0), &mut drops);
    assert_eq!(drops.of(DropReason::QueueHead, Kind::Other), Dropped { packets: 1, bytes: 5 });
    assert_eq!(mailbox.packets(), 1);
}

#[test]
fn packet_larger_than_the_protocol_allows_is_dropped_and_not_framed() {
    let mut mailbox = mailbox(MailboxLimits::default());
    let mut drops = DropTally::default();
    mailbox.push(&key(1), &[0; 65_537], ms(0), &mut drops);
    assert_eq!(drops.of(DropReason::QueueTail, Kind::Other).packets, 1);
    assert!(mailbox.is_empty());
    mailbox.push(&key(1), &[0; 65_536], ms(0), &mut drops);
    assert_eq!(take(&mut mailbox, ms(0), 0).1.bytes, 65_536);
}

#[test]
fn packet_past_its_age_is_dropped_when_taken() {
    let mut mailbox = mailbox(limits());
    mailbox.push(&key(1), b"old", ms(1_000), &mut DropTally::default());
    mailbox.push(&key(1), &disco(62), ms(1_000), &mut DropTally::default());
    mailbox.push(&key(1), b"young", ms(1_001), &mut DropTally::default());
    let (seen, taken, drops) = take(&mut mailbox, ms(1_601), 1_000);
    assert_eq!(seen, [packet(1, b"young")]);
    assert_eq!(taken.waited_ms, 600);
    assert_eq!(drops.of(DropReason::Aged, Kind::Other), Dropped { packets: 1, bytes: 3 });
    assert_eq!(drops.of(DropReason::Aged, Kind::Disco), Dropped { packets: 1, bytes: 62 });
}

#[test]
fn packets_past_their_age_make_room_for_their_sender() {
    let mut mailbox = mailbox(limits());
    let mut drops = DropTally::default();
    for _ in 0..5 {
        mailbox.push(&key(1), b"old", ms(0), &mut drops);
    }
    mailbox.push(&key(1), b"young", ms(601), &mut drops);
    assert_eq!(drops.of(DropReason::Aged, Kind::Other), Dropped { packets: 5, bytes: 15 });
    assert_eq!(mailbox.packets(), 1);
}

#[test]
fn data_that_was_due_and_grew_old_does_not_hide_disco() {
    let mut mailbox = mailbox(limits());
    mailbox.push(&key(1), &[0; 500], ms(0), &mut DropTally::default());
    mailbox.push(&key(1), &disco(62), ms(500), &mut DropTally::default());
    mailbox.push(&key(1), &disco(62), ms(500), &mut DropTally::default());
    assert_eq!(take(&mut mailbox, ms(500), 200).0.len(), 1);
    assert_eq!(take(&mut mailbox, ms(700), 200).0, [packet(1, &disco(62))]);
}

#[test]
fn clock_that_lags_behind_ages_nothing() {
    let mut mailbox = mailbox(limits());
    mailbox.push(&key(1), b"data", ms(1_000), &mut DropTally::default());
    let (seen, taken, _) = take(&mut mailbox, ms(900), 1_000);
    assert_eq!((seen.len(), taken.waited_ms), (1, 0));
}

#[test]
fn ages_are_right_across_the_wrap_of_the_stamp() {
    let wrap = ms(1 << 32);
    let mut mailbox = mailbox(limits());
    mailbox.push(&key(1), b"old", wrap - ms(500), &mut DropTally::default());
    mailbox.push(&key(1), b"young", wrap - ms(400), &mut DropTally::default());
    let (seen, taken, drops) = take(&mut mailbox, wrap + ms(150), 1_000);
    assert_eq!((seen.len(), taken.waited_ms), (1, 550));
    assert_eq!(drops.of(DropReason::Aged, Kind::Other).packets, 1);
}

#[test]
fn closing_drops_what_is_queued_and_what_follows() {
    let mut mailbox = mailbox(limits());
    let mut drops = DropTally::default();
    mailbox.push(&key(1), b"data", ms(0), &mut drops);
    mailbox.push(&key(2), &disco(62), ms(0), &mut drops);
    mailbox.push_control(&pong(1)).unwrap();
    mailbox.close(&mut drops);
    assert!(mailbox.is_empty() && mailbox.is_closed());
    mailbox.push(&key(1), b"late", ms(0), &mut drops);
    mailbox.push_control(&pong(2)).unwrap();
    assert_eq!(drops.of(DropReason::GoneDisconnected, Kind::Other), Dropped { packets: 2, bytes: 8 });
    assert_eq!(drops.of(DropReason::GoneDisconnected, Kind::Disco), Dropped { packets: 1, bytes: 62 });
    assert_eq!(take(&mut mailbox, ms(0), 1_000).0, []);
    mailbox.close(&mut drops);
    assert_eq!(drops.total().packets, 3);
}

#[test]
fn empty_mailbox_owns_no_heap_and_is_small() {
    assert!(size_of::<Mailbox>() <= 40, "{}", size_of::<Mailbox>());
    let mut mailbox = mailbox(limits());
    mailbox.push(&key(1), &[0; 9_999], ms(0), &mut DropTally::default());
    assert!(mailbox.is_empty(), "a packet that never fits leaves nothing behind");
    mailbox.push(&key(1), b"data", ms(0), &mut DropTally::default());
    assert!(!mailbox.is_empty());
    take(&mut mailbox, ms(0), 1_000);
    assert!(mailbox.is_empty());
    mailbox.push(&key(1), b"data", ms(0), &mut DropTally::default());
    take(&mut mailbox, ms(10_000), 1_000);
    assert!(mailbox.is_empty(), "nor does one that grew old");
}

#[test]
fn push_tells_what_its_sender_lost_and_not_what_others_did() {
    let mut mailbox = mailbox(limits());
    let mut drops = DropTally::default();
    for _ in 0..10 {
        assert_eq!(mailbox.push(&key(1), &[0; 963], ms(0), &mut drops), 0);
    }
    assert_eq!(mailbox.push(&key(2), &[0; 463], ms(0), &mut drops), 0, "the other one paid");
    assert_eq!(mailbox.push(&key(1), &[0; 963], ms(0), &mut drops), 1_000);
    assert_eq!(mailbox.push(&key(2), &[0; 10_000], ms(0), &mut drops), 10_037);
    assert_eq!(mailbox.push(&key(2), &[0; 63], ms(700), &mut drops), 500, "grown old counts as lost");
    mailbox.close(&mut drops);
    assert_eq!(mailbox.push(&key(2), &[0; 63], ms(700), &mut drops), 100);
}

#[test]
fn waker_is_kept_and_replaced_by_another() {
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let counts = [(); 2].map(|()| Arc::new(Count(AtomicUsize::new(0))));
    let woken = || counts.each_ref().map(|count| count.0.load(Ordering::Relaxed));
    let mut mailbox = mailbox(limits());
    mailbox.wake();
    mailbox.set_waker(&Waker::from(Arc::clone(&counts[0])));
    mailbox.wake();
    mailbox.wake();
    assert_eq!(woken(), [2, 0]);
    mailbox.set_waker(&Waker::from(Arc::clone(&counts[1])));
    mailbox.wake();
    assert_eq!(woken(), [2, 1]);
}
