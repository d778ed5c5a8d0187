//! Packets of many senders, kept apart, served by turns, with one bound on all of them.

use wherry_wire::derp::MAX_PACKET;
use wherry_wire::derp::encode::{RECV_PACKET_HEADER_LEN, recv_packet_header};
use wherry_wire::key::NodePublic;

use super::ring::{Ring, Stamp};
use crate::drop::{DropReason, DropTally, Kind};

/// Bytes a sender may send on each turn before the next has its own.
///
/// One full packet of an ordinary path with its frame: smaller and a turn moves nothing, larger and the others wait longer.
const TURN_BYTES: usize = 1_536;

/// Memory of a place in a lane: its struct and its tag.
const PLACE_BYTES: usize = size_of::<Sender>() + size_of::<u64>();

/// Places made at a time at least.
const FIRST_PLACES: usize = 4;

/// A sender that has to give memory up gives one part of this many of what it holds, so that its ring, which is copied to
/// free any of it, is not copied for each packet.
const RELEASED_PART: usize = 8;

/// Largest ring that is kept for the next sender when one has run dry.
pub(super) const SPARE_BYTES: usize = 64 << 10;

/// What holds for all packets of a lane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) kind: Kind,
    pub(super) max_bytes: usize,
    pub(super) max_age_ms: u32,
}

impl Rules {
    /// Whether a packet of this length can ever be queued.
    pub(super) fn allow(&self, packet_len: usize) -> bool {
        packet_len <= MAX_PACKET && frame_len(packet_len) <= self.max_bytes
    }
}

/// What a packet that is taken now becomes.
pub(super) trait Sink {
    /// Whether a frame of `len` bytes may still be taken.
    fn has_room(&self, len: usize) -> bool;
    /// Takes what precedes the packet in its frame; returns where its `packet_len` bytes go.
    fn frame(
        &mut self,
        header: [u8; RECV_PACKET_HEADER_LEN],
        packet_len: usize,
        waited_ms: u32,
    ) -> &mut Vec<u8>;
}

/// Senders with at least one packet each, in the order of their turns.
#[derive(Debug, Default)]
pub(super) struct Lane {
    senders: Vec<Sender>,
    /// First bytes of each sender's key, in the same order: to find one among thousands without walking their structs.
    tags: Vec<u64>,
    /// Whose turn it is.
    turn: usize,
    /// Who sent last, and likely sends next. A guess, checked when used.
    latest: usize,
    /// Who holds the most, if that is as much as `others_hold_at_most`; else nobody knows who does.
    fattest: usize,
    /// What nobody but the one at `fattest` passes.
    others_hold_at_most: usize,
    packets: usize,
    /// Sum of all senders' frames, in bytes.
    bytes: usize,
    /// Sum of the capacities of all senders' rings.
    rings: usize,
    spare: Ring,
}

#[derive(Debug)]
struct Sender {
    key: NodePublic,
    ring: Ring,
    /// Bytes of the frames its packets will become.
    bytes: usize,
    /// What it may still send on this turn. Carries over, so that a packet above [`TURN_BYTES`] gets through after some turns.
    credit: usize,
}

impl Lane {
    pub(super) fn is_empty(&self) -> bool {
        self.packets == 0
    }

    pub(super) fn packets(&self) -> usize {
        self.packets
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Queues a packet; returns how many bytes of frames `src` lost by it, this one included.
    pub(super) fn push(
        &mut self,
        src: &NodePublic,
        packet: &[u8],
        now: Stamp,
        rules: Rules,
        drops: &mut DropTally,
    ) -> usize {
        let cost = frame_len(packet.len());
        let Some(len) = u32::try_from(packet.len()).ok().filter(|_| rules.allow(packet.len())) else {
            drops.add(DropReason::QueueTail, rules.kind, packet.len());
            return cost;
        };
        let at = self.slot_of(src);
        let Some(sender) = self.senders.get_mut(at) else { return 0 };
        self.rings += sender.ring.growth(packet.len());
        sender.ring.push(packet, len, now);
        sender.bytes += cost;
        let holds = sender.bytes;
        self.packets += 1;
        self.bytes += cost;
        self.note_growth(at, holds);
        let full = self.bytes;
        self.drop_aged_front(at, now, rules, drops);
        let mut lost = full.saturating_sub(self.bytes);
        while self.bytes > rules.max_bytes {
            let victim = self.find_fattest();
            let is_own = self.senders.get(victim).is_some_and(|sender| sender.key == *src);
            let full = self.bytes;
            if !self.drop_front(victim, DropReason::QueueHead, rules.kind, drops) {
                break;
            }
            if is_own {
                lost += full.saturating_sub(self.bytes);
            }
        }
        lost
    }

    /// Hands packets to `sink`, turn by turn, until it has no room or nothing is left.
    pub(super) fn take(&mut self, now: Stamp, rules: Rules, sink: &mut impl Sink, drops: &mut DropTally) {
        while let Some(sender) = self.senders.get_mut(self.turn) {
            let Some(head) = sender.ring.front() else { return };
            let len = head.packet_len();
            let (cost, waited_ms) = (frame_len(len), now.ms_since(head.queued));
            if waited_ms > rules.max_age_ms {
                self.drop_front(self.turn, DropReason::Aged, rules.kind, drops);
                continue;
            }
            if cost > sender.credit {
                self.next_turn();
                continue;
            }
            if !sink.has_room(cost) {
                return;
            }
            let Ok(header) = recv_packet_header(&sender.key, len) else {
                self.drop_front(self.turn, DropReason::QueueTail, rules.kind, drops);
                continue;
            };
            sender.ring.pop_into(head, sink.frame(header, len, waited_ms));
            sender.credit -= cost;
            self.account_removal(self.turn, cost);
        }
    }

    /// Drops everything.
    pub(super) fn clear(&mut self, reason: DropReason, kind: Kind, drops: &mut DropTally) {
        while self.drop_front(0, reason, kind, drops) {}
    }

    /// Memory it owns, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.rings + self.spare.capacity() + self.senders.capacity() * PLACE_BYTES
    }

    /// Bytes by which [`Self::memory`] grows if `src` pushes a packet of this length.
    pub(super) fn growth(&mut self, src: &NodePublic, packet_len: usize) -> usize {
        match self.find(src) {
            Some(at) => self.senders.get(at).map_or(0, |sender| sender.ring.growth(packet_len)),
            None => self.spare.growth(packet_len) + self.more_places() * PLACE_BYTES,
        }
    }

    /// Bytes of frames that `src` holds.
    pub(super) fn held_by(&mut self, src: &NodePublic) -> usize {
        self.find(src).and_then(|at| self.senders.get(at)).map_or(0, |sender| sender.bytes)
    }

    /// The most bytes of frames that anybody holds.
    pub(super) fn most_held(&mut self) -> usize {
        let fattest = self.find_fattest();
        self.senders.get(fattest).map_or(0, |sender| sender.bytes)
    }

    /// Frees what packets long gone had needed, if that is more than those that are here need; says whether it was.
    pub(super) fn tighten(&mut self) -> bool {
        let used = self.bytes - self.packets * (RECV_PACKET_HEADER_LEN - Ring::HEAD_LEN);
        if self.rings + self.spare.capacity() <= 2 * used {
            return false;
        }
        self.spare = Ring::default();
        self.senders.iter_mut().for_each(|sender| sender.ring.shrink());
        self.rings = self.senders.iter().map(|sender| sender.ring.capacity()).sum();
        true
    }

    /// Drops the oldest packet of `src` for want of memory; returns the bytes of its frame, 0 if there was none.
    pub(super) fn give_up_own(&mut self, src: &NodePublic, kind: Kind, drops: &mut DropTally) -> usize {
        let full = self.bytes;
        if let Some(at) = self.find(src) {
            self.drop_front(at, DropReason::Memory, kind, drops);
        }
        full.saturating_sub(self.bytes)
    }

    /// Frees memory of whoever holds the most: what its ring does not use, or else a part of its packets, the oldest.
    pub(super) fn release(&mut self, kind: Kind, drops: &mut DropTally) {
        let at = self.find_fattest();
        let Some(Sender { key, ring, .. }) = self.senders.get(at) else { return };
        let (key, part) = (*key, ring.len() / RELEASED_PART);
        if ring.capacity() - ring.len() <= part {
            let enough = ring.len() - part;
            let is_above = |lane: &Self| {
                lane.senders.get(at).is_some_and(|sender| sender.key == key && sender.ring.len() >= enough)
            };
            while is_above(self) && self.drop_front(at, DropReason::Memory, kind, drops) {}
        }
        if let Some(sender) = self.senders.get_mut(at).filter(|sender| sender.key == key) {
            self.rings -= sender.ring.capacity();
            sender.ring.shrink();
            self.rings += sender.ring.capacity();
        }
    }

    /// The place of `src`, made if it has none.
    fn slot_of(&mut self, src: &NodePublic) -> usize {
        if let Some(at) = self.find(src) {
            return at;
        }
        let more = self.more_places();
        self.senders.reserve_exact(more);
        self.tags.reserve_exact(more);
        // The first of all has its turn at once; others get their credit when theirs comes.
        let credit = if self.senders.is_empty() { TURN_BYTES } else { 0 };
        let ring = std::mem::take(&mut self.spare);
        self.rings += ring.capacity();
        self.senders.push(Sender { key: *src, ring, bytes: 0, credit });
        self.tags.push(tag_of(src));
        self.latest = self.senders.len().saturating_sub(1);
        self.latest
    }

    /// The place of `src`, if it has one.
    fn find(&mut self, src: &NodePublic) -> Option<usize> {
        if self.senders.get(self.latest).is_some_and(|sender| sender.key == *src) {
            return Some(self.latest);
        }
        let tag = tag_of(src);
        let known = self
            .tags
            .iter()
            .zip(&self.senders)
            .position(|(other, sender)| *other == tag && sender.key == *src);
        self.latest = known?;
        known
    }

    /// Places to be made for one more sender: none, or as many as there are.
    fn more_places(&self) -> usize {
        if self.senders.len() < self.senders.capacity() { 0 } else { self.senders.len().max(FIRST_PLACES) }
    }

    fn next_turn(&mut self) {
        self.turn += 1;
        self.begin_turn();
    }

    fn begin_turn(&mut self) {
        if self.turn >= self.senders.len() {
            self.turn = 0;
        }
        if let Some(sender) = self.senders.get_mut(self.turn) {
            sender.credit += TURN_BYTES;
        }
    }

    fn note_growth(&mut self, at: usize, holds: usize) {
        if at == self.fattest {
            return;
        }
        let fattest_holds = self.senders.get(self.fattest).map_or(0, |sender| sender.bytes);
        if holds > fattest_holds {
            self.fattest = at;
            self.others_hold_at_most = self.others_hold_at_most.max(fattest_holds);
        } else {
            self.others_hold_at_most = self.others_hold_at_most.max(holds);
        }
    }

    /// Who holds the most bytes. Looks at every sender only if takes since the last look may have changed the answer.
    fn find_fattest(&mut self) -> usize {
        let holds = self.senders.get(self.fattest).map_or(0, |sender| sender.bytes);
        if holds >= self.others_hold_at_most && holds > 0 {
            return self.fattest;
        }
        let (mut most, mut second) = (0, 0);
        for (at, sender) in self.senders.iter().enumerate() {
            if sender.bytes > most {
                second = most;
                most = sender.bytes;
                self.fattest = at;
            } else {
                second = second.max(sender.bytes);
            }
        }
        self.others_hold_at_most = second;
        self.fattest
    }

    fn drop_aged_front(&mut self, at: usize, now: Stamp, rules: Rules, drops: &mut DropTally) {
        let is_aged = |lane: &Self| {
            let head = lane.senders.get(at).and_then(|sender| sender.ring.front());
            head.is_some_and(|head| now.ms_since(head.queued) > rules.max_age_ms)
        };
        // The packet pushed just now is never aged, so the sender keeps its place.
        while is_aged(self) && self.drop_front(at, DropReason::Aged, rules.kind, drops) {}
    }

    /// Drops the oldest packet of the sender at `at`; says whether there was one.
    fn drop_front(&mut self, at: usize, reason: DropReason, kind: Kind, drops: &mut DropTally) -> bool {
        let Some(sender) = self.senders.get_mut(at) else { return false };
        let Some(head) = sender.ring.front() else { return false };
        sender.ring.pop(head);
        drops.add(reason, kind, head.packet_len());
        self.account_removal(at, frame_len(head.packet_len()));
        true
    }

    fn account_removal(&mut self, at: usize, cost: usize) {
        self.packets -= 1;
        self.bytes -= cost;
        let Some(sender) = self.senders.get_mut(at) else { return };
        sender.bytes -= cost;
        if sender.bytes == 0 {
            self.remove(at);
        }
    }

    /// Forgets a sender that ran dry. The last one takes its place, which costs nobody a turn when the place is that of the
    /// turn, and otherwise happens only when room is made or packets are old.
    fn remove(&mut self, at: usize) {
        let moved = self.senders.len().saturating_sub(1);
        let sender = self.senders.swap_remove(at);
        self.tags.swap_remove(at);
        self.rings -= sender.ring.capacity();
        if sender.ring.capacity() > self.spare.capacity() && sender.ring.capacity() <= SPARE_BYTES {
            self.spare = sender.ring.into_empty();
        }
        if self.fattest == moved {
            self.fattest = at;
        }
        if self.turn == at {
            self.begin_turn();
        } else if self.turn == moved {
            self.turn = at;
        }
    }

    /// Who holds how many bytes.
    #[cfg(test)]
    pub(super) fn holdings(&self) -> Vec<(NodePublic, usize)> {
        self.senders.iter().map(|sender| (sender.key, sender.bytes)).collect()
    }

    /// What is wrong with the sums, if anything.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let sum: usize = self.senders.iter().map(|sender| sender.bytes).sum();
        let most = self.senders.iter().map(|sender| sender.bytes).max().unwrap_or(0);
        let fattest = self.senders.get(self.fattest).map_or(0, |sender| sender.bytes);
        if sum != self.bytes {
            return Some("bytes of a lane are not the sum of its senders'");
        }
        if self.rings != self.senders.iter().map(|sender| sender.ring.capacity()).sum::<usize>() {
            return Some("memory of a lane's rings is not the sum of theirs");
        }
        if self.senders.iter().any(|sender| sender.ring.front().is_none() || sender.bytes == 0) {
            return Some("a sender without packets has a turn");
        }
        if fattest > 0 && fattest >= self.others_hold_at_most && fattest != most {
            return Some("the sender believed to hold the most does not");
        }
        if !self.senders.is_empty() && self.turn >= self.senders.len() {
            return Some("it is nobody's turn");
        }
        if !self.tags.iter().copied().eq(self.senders.iter().map(|sender| tag_of(&sender.key))) {
            return Some("tags are not those of the senders");
        }
        None
    }
}

pub(super) fn frame_len(packet_len: usize) -> usize {
    packet_len.saturating_add(RECV_PACKET_HEADER_LEN)
}

fn tag_of(key: &NodePublic) -> u64 {
    key.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
