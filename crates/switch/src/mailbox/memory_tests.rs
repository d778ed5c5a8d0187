//! Many mailboxes and one budget.

use std::sync::Arc;

use proptest::prelude::*;

use super::tests::{disco, frames, key, ms, pong};
use super::{Mailbox, MailboxLimits, MailboxTerms, MemoryBudget};
use crate::drop::{DropReason, DropTally, Kind};

fn mailboxes<const N: usize>(limits: &MailboxLimits, memory: usize) -> (Arc<MemoryBudget>, [Mailbox; N]) {
    let memory = MemoryBudget::new(memory);
    let terms = Arc::new(MailboxTerms { limits: limits.clone(), memory: Arc::clone(&memory) });
    (memory, std::array::from_fn(|_| Mailbox::new(Arc::clone(&terms))))
}

fn fill(mailbox: &mut Mailbox, src: u8, drops: &mut DropTally) {
    for _ in 0..3_000 {
        mailbox.push(&key(src), &[src; 1_400], ms(0), drops);
    }
}

fn drain(mailbox: &mut Mailbox) -> Vec<u8> {
    let (mut out, mut drops) = (Vec::new(), DropTally::default());
    while mailbox.take(ms(0), 16_384, &mut out, &mut drops).frames > 0 {}
    assert_eq!(drops, DropTally::default());
    out
}

#[test]
fn newcomer_has_room_beside_ten_that_hoard() {
    let (memory, [mut newcomer, mut hoarders @ ..]) = mailboxes::<11>(&MailboxLimits::default(), 8 << 20);
    let (mut lost, mut drops) = (DropTally::default(), DropTally::default());
    for hoarder in &mut hoarders {
        fill(hoarder, 1, &mut lost);
    }
    assert_eq!(lost.total(), lost.of(DropReason::Memory, Kind::Other), "memory is the only bound reached");
    assert!(lost.total().packets > 20_000);
    assert!(memory.used() > 3 << 20, "most of it is used: {}", memory.used());
    for _ in 0..100 {
        newcomer.push(&key(2), &[2; 1_400], ms(0), &mut drops);
    }
    assert_eq!(drops, DropTally::default());
    assert_eq!(frames(&drain(&mut newcomer)).len(), 100);
    for hoarder in &mut hoarders {
        assert_eq!(hoarder.fault(), None);
        drain(hoarder);
    }
    assert_eq!(memory.used(), 0);
}

#[test]
fn without_memory_room_is_made_from_whoever_holds_most_there() {
    let (memory, [mut mailbox]) = mailboxes(&MailboxLimits::default(), 2 << 20);
    let (mut flood, mut polite) = (DropTally::default(), DropTally::default());
    fill(&mut mailbox, 1, &mut flood);
    for sender in 2..8 {
        for number in 0..10 {
            let lost = mailbox.push(&key(sender), &[number; 1_400], ms(0), &mut polite);
            assert_eq!(lost, 0, "the flood pays");
        }
        mailbox.push(&key(sender), &disco(100), ms(0), &mut polite);
    }
    assert_eq!(polite.total(), polite.of(DropReason::Memory, Kind::Other));
    assert!((1..100).contains(&polite.total().packets), "little more than was needed: {polite:?}");
    let holds = mailbox.holdings(Kind::Other);
    assert!(holds[1..].iter().all(|(_, bytes)| *bytes == 14_370), "{holds:?}");
    assert!(holds[0].1 > 50_000, "{holds:?}");
    let before = flood.total().packets;
    fill(&mut mailbox, 1, &mut flood);
    assert_eq!(flood.total().packets, before + 3_000, "and goes on paying");
    assert_eq!(mailbox.holdings(Kind::Other)[1..], holds[1..]);
    mailbox.close(&mut flood);
    assert_eq!(memory.used(), 0);
}

#[test]
fn memory_of_packets_long_gone_is_not_missed() {
    let (memory, [mut mailbox]) = mailboxes(&MailboxLimits::default(), 1 << 20);
    let (mut out, mut drops) = (Vec::new(), DropTally::default());
    for _ in 0..60 {
        mailbox.push(&key(1), &[1; 1_400], ms(0), &mut drops);
    }
    mailbox.take(ms(0), 58 * 1_437, &mut out, &mut drops);
    for _ in 0..60 {
        mailbox.push(&key(2), &[2; 1_400], ms(0), &mut drops);
    }
    assert_eq!(drops, DropTally::default(), "what the first needs no more the second has");
    drop(mailbox);
    assert_eq!(memory.used(), 0);
}

#[test]
fn control_frames_need_memory_too() {
    let limits = MailboxLimits { control_bytes: 10 << 20, ..MailboxLimits::default() };
    let (memory, [mut one, mut two]) = mailboxes(&limits, 400_000);
    let full = (0..10_000).find(|data| one.push_control(&pong(*data)).is_err());
    assert!(full.is_some_and(|sent| sent > 500), "{full:?}");
    assert_eq!(one.fault(), None);
    two.push_control(&pong(1)).unwrap();
    drain(&mut one);
    drain(&mut two);
    assert_eq!(memory.used(), 0);
}

#[test]
fn mailbox_in_use_gives_back_what_it_needs_no_more() {
    let (memory, [mut mailbox]) = mailboxes(&MailboxLimits::default(), 64 << 20);
    let (mut out, mut drops) = (Vec::new(), DropTally::default());
    for sender in 1..5 {
        for _ in 0..300 {
            mailbox.push(&key(sender), &[sender; 1_400], ms(0), &mut drops);
        }
    }
    let most = memory.used();
    mailbox.take(ms(0), 4 * 300 * 1_437 - 1_437, &mut out, &mut drops);
    assert!(!mailbox.is_empty());
    assert!(memory.used() < most / 2, "{} of {most}", memory.used());
    assert_eq!(mailbox.fault(), None);
}

#[derive(Clone, Debug)]
enum Op {
    Push { at: usize, src: u8, len: usize, is_disco: bool },
    Control { at: usize },
    Take { at: usize, budget: usize },
    Close { at: usize },
}

fn op() -> impl Strategy<Value = Op> {
    let len = prop_oneof![0_usize..50, 1_000_usize..1_500, 1_000_usize..66_000];
    prop_oneof![
        60 => (0_usize..4, 1_u8..5, len, any::<bool>())
            .prop_map(|(at, src, len, is_disco)| Op::Push { at, src, len, is_disco }),
        5 => (0_usize..4).prop_map(|at| Op::Control { at }),
        20 => (0_usize..4, 0_usize..40_000).prop_map(|(at, budget)| Op::Take { at, budget }),
        1 => (0_usize..4).prop_map(|at| Op::Close { at }),
    ]
}

proptest! {
    #[test]
    fn mailboxes_together_never_pass_the_limit(
        limit in prop_oneof![Just(0_usize), 1_000_usize..500_000],
        ops in proptest::collection::vec(op(), 0..300),
    ) {
        let (memory, mut mailboxes) = mailboxes::<4>(&MailboxLimits::default(), limit);
        let (mut out, mut drops) = (Vec::new(), DropTally::default());
        let (mut pushed, mut taken) = (0, 0);
        for op in ops {
            match op {
                Op::Push { at, src, len, is_disco } => {
                    let packet = if is_disco { disco(len) } else { vec![0; len] };
                    let before = drops.total().packets;
                    let lost = mailboxes[at].push(&key(src), &packet, ms(0), &mut drops);
                    assert!(lost == 0 || drops.total().packets > before, "what is lost is counted");
                    pushed += 1;
                }
                Op::Control { at } => {
                    let full = mailboxes[at].push_control(&pong(0)).is_err();
                    assert!(!full || mailboxes[at].bytes() > 0 || memory.used() + 4_096 > limit);
                }
                Op::Take { at, budget } => {
                    out.clear();
                    taken += mailboxes[at].take(ms(0), budget, &mut out, &mut drops).packets;
                }
                Op::Close { at } => mailboxes[at].close(&mut drops),
            }
            assert!(mailboxes.iter().all(|mailbox| mailbox.fault().is_none()));
            let granted: usize = mailboxes.iter().map(Mailbox::granted).sum();
            assert_eq!(memory.used(), granted);
            assert!(granted <= limit);
            let queued: usize = mailboxes.iter().map(Mailbox::packets).sum();
            assert_eq!(pushed, taken + queued + usize::try_from(drops.total().packets).unwrap());
        }
        for mailbox in &mut mailboxes {
            drain(mailbox);
        }
        assert_eq!(memory.used(), 0);
    }
}
