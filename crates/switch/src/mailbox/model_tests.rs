//! A mailbox against a naive model of itself, over random operations.
//!
//! The model holds packets in plain lists. Where the mailbox may choose (whom to serve, which of two equal senders loses a
//! packet), the model follows what it sees and checks that the choice was allowed.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use wherry_wire::key::NodePublic;

use super::tests::{Seen, disco, frames, key, limits, mailbox, ms, pong};
use super::{Mailbox, MailboxLimits};
use crate::drop::{DropReason, DropTally, Kind};

#[derive(Clone, Debug)]
enum Op {
    Push { src: u8, len: usize, kind: Kind },
    Control { frames: usize },
    Take { budget: usize },
    Wait { ms: u64 },
    Close,
}

fn op() -> impl Strategy<Value = Op> {
    let len = prop_oneof![0_usize..50, 50_usize..1_500, 1_000_usize..12_000];
    let kind = prop_oneof![3 => Just(Kind::Other), 1 => Just(Kind::Disco)];
    let budget = prop_oneof![Just(0), 1_usize..500, 500_usize..5_000, Just(16_384)];
    prop_oneof![
        50 => (1_u8..6, len, kind).prop_map(|(src, len, kind)| Op::Push { src, len, kind }),
        5 => (1_usize..5).prop_map(|frames| Op::Control { frames }),
        20 => budget.prop_map(|budget| Op::Take { budget }),
        10 => (0_u64..400).prop_map(|ms| Op::Wait { ms }),
        1 => Just(Op::Close),
    ]
}

type Queue = VecDeque<(Vec<u8>, u64)>;

struct Model {
    mailbox: Mailbox,
    limits: MailboxLimits,
    now: u64,
    serial: u64,
    control: VecDeque<u64>,
    queues: BTreeMap<(bool, NodePublic), Queue>,
    closed: bool,
    drops: DropTally,
    pushed: (u64, u64),
    taken: (u64, u64),
}

fn cost(packet: &[u8]) -> usize {
    packet.len() + 37
}

impl Model {
    fn new() -> Self {
        Self {
            mailbox: mailbox(limits()),
            limits: limits(),
            now: (1 << 32) - 2_000,
            serial: 0,
            control: VecDeque::new(),
            queues: BTreeMap::new(),
            closed: false,
            drops: DropTally::default(),
            pushed: (0, 0),
            taken: (0, 0),
        }
    }

    fn run(&mut self, op: &Op) {
        match *op {
            Op::Push { src, len, kind } => self.push(&key(src), len, kind),
            Op::Control { frames } => self.control(frames),
            Op::Take { budget } => self.take(budget),
            Op::Wait { ms } => self.now += ms,
            Op::Close => {
                self.closed = true;
                self.control.clear();
                self.queues.clear();
                self.mailbox.close(&mut self.drops);
            }
        }
        assert_eq!(self.mailbox.fault(), None);
        let queued = self.queues.values().flatten();
        let queued =
            queued.fold((0, 0), |(packets, bytes), (packet, _)| (packets + 1, bytes + size(packet.len())));
        assert_eq!(self.mailbox.packets(), usize::try_from(queued.0).unwrap());
        assert_eq!(self.mailbox.is_empty(), queued.0 == 0 && self.control.is_empty());
        let lost = self.drops.total();
        assert_eq!(
            self.pushed,
            (self.taken.0 + lost.packets + queued.0, self.taken.1 + lost.bytes + queued.1)
        );
    }

    fn push(&mut self, src: &NodePublic, len: usize, kind: Kind) {
        self.serial += 1;
        let mut packet = match kind {
            Kind::Disco => disco(len),
            Kind::Other => vec![0; len],
        };
        if let Some(tail) = packet.last_chunk_mut() {
            *tail = self.serial.to_le_bytes();
        }
        let mut drops = DropTally::default();
        self.mailbox.push(src, &packet, ms(self.now), &mut drops);
        self.drops.merge(&drops);
        self.pushed = (self.pushed.0 + 1, self.pushed.1 + size(packet.len()));
        if self.closed {
            assert_eq!(drops.of(DropReason::GoneDisconnected, kind).packets, 1);
            return;
        }
        let bound = match kind {
            Kind::Disco => self.limits.disco_bytes,
            Kind::Other => self.limits.data_bytes,
        };
        if cost(&packet) > bound {
            assert_eq!(drops.of(DropReason::QueueTail, kind).packets, 1);
            assert_eq!(drops.total().packets, 1);
            return;
        }
        let now = self.now;
        let queue = self.queues.entry((kind == Kind::Disco, *src)).or_default();
        queue.push_back((packet, now));
        let mut aged = 0;
        while queue.front().is_some_and(|(_, at)| now - at > 600) {
            queue.pop_front();
            aged += 1;
        }
        assert_eq!(drops.of(DropReason::Aged, kind).packets, aged);
        let evicted = self.evict(kind, bound);
        assert_eq!(drops.of(DropReason::QueueHead, kind).packets, evicted);
        assert_eq!(drops.total().packets, aged + evicted);
    }

    /// Makes room as the rule says; among senders who hold equally much, as the mailbox did.
    fn evict(&mut self, kind: Kind, bound: usize) -> u64 {
        let holds: BTreeMap<NodePublic, usize> = self.mailbox.holdings(kind).into_iter().collect();
        let queues = self.lane(kind).map(|(key, queue)| (*key, queue.clone())).collect();
        let (queues, evicted) = make_room(queues, bound, &holds).expect("nobody else may lose");
        self.queues.retain(|(is_disco, _), _| *is_disco != (kind == Kind::Disco));
        self.queues.extend(queues.into_iter().map(|(key, queue)| ((kind == Kind::Disco, key), queue)));
        evicted
    }

    fn control(&mut self, frames: usize) {
        let serials = || (self.serial..).take(frames);
        let bytes: Vec<u8> = serials().flat_map(pong).collect();
        let fits = self.control.len() * 13 + bytes.len() <= self.limits.control_bytes;
        assert_eq!(self.mailbox.push_control(&bytes).is_ok(), fits || self.closed);
        if fits && !self.closed {
            self.control.extend(serials());
            self.serial += size(frames);
        }
    }

    fn take(&mut self, budget: usize) {
        let (mut out, mut drops) = (Vec::new(), DropTally::default());
        let taken = self.mailbox.take(ms(self.now), budget, &mut out, &mut drops);
        self.drops.merge(&drops);
        let seen = frames(&out);
        assert_eq!(taken.frames, seen.len());
        let mut rank = 0;
        let mut waited = 0;
        for seen in &seen {
            let lane = match seen {
                Seen::Pong(data) => {
                    assert_eq!(u64::from_le_bytes(*data), self.control.pop_front().unwrap());
                    0
                }
                Seen::Packet(src, packet) => {
                    waited += self.deliver(src, packet);
                    if Kind::of(packet) == Kind::Disco { 1 } else { 2 }
                }
            };
            assert!(lane >= rank, "a later lane went first");
            rank = lane;
        }
        assert_eq!(taken.waited_ms, waited);
        self.follow_aged(&drops);
        let packets = seen.iter().filter(|seen| matches!(seen, Seen::Packet(..)));
        let largest = packets.map(frame_len).max().unwrap_or(0);
        assert!(out.len() <= budget.max(13) + largest, "only one packet may pass the budget");
        assert!(!seen.is_empty() || self.mailbox.is_empty(), "something was there and nothing was taken");
    }

    /// Follows the mailbox in delivering the oldest packet of `src` that is young enough; returns how long it waited.
    fn deliver(&mut self, src: &NodePublic, packet: &[u8]) -> u64 {
        let queue =
            self.queues.get_mut(&(Kind::of(packet) == Kind::Disco, *src)).expect("a packet nobody sent");
        let front =
            queue.iter().position(|(_, at)| self.now - at <= 600).expect("an aged packet was delivered");
        let (sent, at) = queue.remove(front).unwrap();
        assert_eq!(sent, packet, "order of a sender");
        self.taken = (self.taken.0 + 1, self.taken.1 + size(packet.len()));
        self.now - at
    }

    /// Follows the mailbox in dropping aged packets of those it served.
    fn follow_aged(&mut self, drops: &DropTally) {
        for kind in Kind::ALL {
            let holds: BTreeMap<_, _> = self.mailbox.holdings(kind).into_iter().collect();
            let mut aged = 0;
            for ((_, key), queue) in
                self.queues.iter_mut().filter(|((is_disco, _), _)| *is_disco == (kind == Kind::Disco))
            {
                while total(queue) > holds.get(key).copied().unwrap_or(0) {
                    let (_, at) = queue.pop_front().unwrap();
                    assert!(self.now - at > 600, "a young packet was dropped");
                    aged += 1;
                }
                assert_eq!(total(queue), holds.get(key).copied().unwrap_or(0));
            }
            assert_eq!(drops.of(DropReason::Aged, kind).packets, aged);
        }
        self.queues.retain(|_, queue| !queue.is_empty());
    }

    fn lane(&self, kind: Kind) -> impl Iterator<Item = (&NodePublic, &Queue)> {
        let wanted = kind == Kind::Disco;
        self.queues
            .iter()
            .filter(move |((is_disco, _), _)| *is_disco == wanted)
            .map(|((_, key), queue)| (key, queue))
    }
}

/// Drops from whoever holds most until `bound` is kept. Where several do, any of them may be the one: whichever leads to
/// what the mailbox `holds` was.
fn make_room(
    queues: BTreeMap<NodePublic, Queue>,
    bound: usize,
    holds: &BTreeMap<NodePublic, usize>,
) -> Option<(BTreeMap<NodePublic, Queue>, u64)> {
    let bytes: BTreeMap<NodePublic, usize> = queues.iter().map(|(key, queue)| (*key, total(queue))).collect();
    if bytes.values().sum::<usize>() <= bound {
        return (bytes == *holds).then_some((queues, 0));
    }
    let most = bytes.values().max()?;
    bytes.iter().filter(|(_, bytes)| *bytes == most).find_map(|(victim, _)| {
        let mut rest = queues.clone();
        let queue = rest.get_mut(victim)?;
        queue.pop_front();
        if queue.is_empty() {
            rest.remove(victim);
        }
        let (rest, evicted) = make_room(rest, bound, holds)?;
        Some((rest, evicted + 1))
    })
}

fn total(queue: &Queue) -> usize {
    queue.iter().map(|(packet, _)| cost(packet)).sum()
}

fn frame_len(seen: &Seen) -> usize {
    match seen {
        Seen::Packet(_, packet) => cost(packet),
        Seen::Pong(_) => 13,
    }
}

fn size(len: usize) -> u64 {
    u64::try_from(len).unwrap()
}

proptest! {
    #[test]
    fn mailbox_agrees_with_the_model(ops in proptest::collection::vec(op(), 0..200)) {
        let mut model = Model::new();
        for op in &ops {
            model.run(op);
        }
    }
}
