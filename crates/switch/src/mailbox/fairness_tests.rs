//! What one sender can and cannot do to the others.

use std::collections::HashMap;

use wherry_wire::key::NodePublic;

use super::tests::{Seen, disco, frames, key, limits, mailbox, ms, pong};
use super::{Mailbox, MailboxLimits};
use crate::drop::DropTally;

/// Frame bytes each sender got through.
fn bytes_by_sender(out: &[u8]) -> HashMap<NodePublic, usize> {
    let mut bytes = HashMap::new();
    for seen in frames(out) {
        if let Seen::Packet(src, packet) = seen {
            *bytes.entry(src).or_default() += packet.len() + 37;
        }
    }
    bytes
}

fn taken_in(mailbox: &mut Mailbox, takes: usize, budget: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..takes {
        mailbox.take(ms(0), budget, &mut out, &mut DropTally::default());
    }
    out
}

#[test]
fn senders_get_equal_bytes_whatever_the_size_of_their_packets() {
    let sizes = [0, 100, 1_300, 1_400, 9_000, 65_536];
    for budget in [1_500, 16_384] {
        let mut mailbox = mailbox(MailboxLimits { data_bytes: usize::MAX, ..limits() });
        let mut drops = DropTally::default();
        for (sender, size) in (1..).zip(sizes) {
            for _ in 0..=2_000_000 / (size + 37) {
                mailbox.push(&key(sender), &vec![0; size], ms(0), &mut drops);
            }
        }
        let mut out = Vec::new();
        while out.len() < 6_000_000 {
            mailbox.take(ms(0), budget, &mut out, &mut drops);
        }
        for (src, bytes) in bytes_by_sender(&out) {
            // Off by the largest packet, which is sent as a whole.
            assert!((900_000..=1_100_000).contains(&bytes), "{src}: {bytes} of 6,000,000");
        }
    }
}

#[test]
fn polite_senders_lose_nothing_beside_a_flood() {
    let mut mailbox = mailbox(MailboxLimits::default());
    let (mut drops, mut out, mut delivered) = (DropTally::default(), Vec::new(), 0);
    // Half a second: the flood offers 1,400 B forty times a millisecond, the link drains 12,500 B.
    for now in 0..500 {
        for _ in 0..40 {
            mailbox.push(&key(1), &[1; 1_400], ms(now), &mut drops);
        }
        for sender in 2..6 {
            mailbox.push(&key(sender), &[sender; 1_200], ms(now), &mut drops);
        }
        out.clear();
        mailbox.take(ms(now), 12_500, &mut out, &mut drops);
        delivered += bytes_by_sender(&out).iter().filter(|(src, _)| **src != key(1)).count();
    }
    assert_eq!(delivered, 2_000, "each polite packet leaves in the millisecond it came");
    let lost = drops.total();
    assert!(lost.packets > 10_000, "the flood was one");
    assert_eq!(lost.bytes, lost.packets * 1_400, "and only it lost anything");
}

#[test]
fn flood_of_tiny_packets_does_not_evict_large_ones() {
    let mut mailbox = mailbox(limits());
    let mut drops = DropTally::default();
    for _ in 0..3 {
        mailbox.push(&key(2), &[2; 1_400], ms(0), &mut drops);
    }
    for _ in 0..100_000 {
        mailbox.push(&key(1), &[1], ms(0), &mut drops);
    }
    assert_eq!(drops.total().bytes, drops.total().packets, "only tiny packets were lost");
    let out = taken_in(&mut mailbox, 10, 10_000);
    assert_eq!(bytes_by_sender(&out)[&key(2)], 3 * 1_437);
}

#[test]
fn disco_does_not_wait_behind_bulk() {
    let mut mailbox = mailbox(MailboxLimits::default());
    let mut drops = DropTally::default();
    for _ in 0..1_000 {
        mailbox.push(&key(1), &[0; 1_400], ms(0), &mut drops);
    }
    mailbox.push(&key(2), &disco(100), ms(0), &mut drops);
    assert_eq!(frames(&taken_in(&mut mailbox, 1, 16_384))[0], Seen::Packet(key(2), disco(100)));
}

#[test]
fn flood_dressed_up_as_disco_leaves_half_to_data() {
    let mut mailbox = mailbox(MailboxLimits::default());
    let (mut drops, mut out) = (DropTally::default(), Vec::new());
    for _ in 0..100 {
        for _ in 0..200 {
            mailbox.push(&key(1), &disco(1_400), ms(0), &mut drops);
        }
        for _ in 0..6 {
            mailbox.push(&key(2), &[0; 1_200], ms(0), &mut drops);
        }
        mailbox.take(ms(0), 16_384, &mut out, &mut drops);
    }
    let bytes = bytes_by_sender(&out);
    assert_eq!(bytes[&key(2)], 600 * 1_237);
    assert!(bytes[&key(1)] > 600_000, "and the rest is not wasted");
}

#[test]
fn flood_of_disco_does_not_evict_the_disco_of_others() {
    let mut mailbox = mailbox(MailboxLimits::default());
    let mut drops = DropTally::default();
    for sender in 2..100 {
        mailbox.push(&key(sender), &disco(120), ms(0), &mut drops);
    }
    for _ in 0..10_000 {
        mailbox.push(&key(1), &disco(1_000), ms(0), &mut drops);
    }
    assert_eq!(drops.total().bytes, drops.total().packets * 1_000);
    assert_eq!(bytes_by_sender(&taken_in(&mut mailbox, 100, 16_384)).len(), 99);
}

#[test]
fn jumbo_packet_gets_through_beside_endless_disco_and_control() {
    let mut mailbox = mailbox(MailboxLimits::default());
    let mut drops = DropTally::default();
    mailbox.push(&key(2), &[2; 65_536], ms(0), &mut drops);
    for _ in 0..3 {
        mailbox.push(&key(1), &disco(300), ms(0), &mut drops);
        mailbox.push_control(&pong(1)).unwrap();
        let out = taken_in(&mut mailbox, 1, 1_000);
        if bytes_by_sender(&out).contains_key(&key(2)) {
            return;
        }
    }
    panic!("three takes without it");
}

/// Some senders always have a backlog, others send one packet each and are gone: places change all the time.
#[test]
fn coming_and_going_of_others_costs_nobody_a_turn() {
    let bulk = 1..=4;
    let mut mailbox = mailbox(MailboxLimits { data_bytes: usize::MAX, ..limits() });
    let (mut drops, mut out, mut all) = (DropTally::default(), Vec::new(), Vec::new());
    for _ in 0..2_000 {
        for sender in bulk.clone() {
            mailbox.push(&key(sender), &[0; 1_400], ms(0), &mut drops);
        }
    }
    for round in 0..300_u32 {
        for sender in 0..3 {
            let sender = 10 + u8::try_from((round * 3 + sender) % 200).unwrap();
            mailbox.push(&key(sender), &[0; 700], ms(0), &mut drops);
        }
        // One full turn of everybody and a bit.
        out.clear();
        mailbox.take(ms(0), 4 * 1_437 + 3 * 737 + 1_000, &mut out, &mut drops);
        all.extend_from_slice(&out);
    }
    let bytes = bytes_by_sender(&all);
    let shares: Vec<_> = bulk.map(|sender| bytes[&key(sender)] / 1_437).collect();
    let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
    assert!(most - least <= 300 / 20, "{shares:?}");
    let sparse =
        bytes.iter().filter(|(src, _)| src.as_bytes()[0] >= 10).map(|(_, bytes)| bytes / 737).sum::<usize>();
    assert!(sparse >= 890, "{sparse} of 900");
}
