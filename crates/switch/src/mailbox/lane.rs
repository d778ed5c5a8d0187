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

/// Largest ring that is kept for the next sender when one has run dry.
const SPARE_BYTES: usize = 64 << 10;

/// What holds for all packets of a lane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) kind: Kind,
    pub(super) max_bytes: usize,
    pub(super) max_age_ms: u32,
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
        let fits = packet.len() <= MAX_PACKET && cost <= rules.max_bytes;
        let Some(len) = u32::try_from(packet.len()).ok().filter(|_| fits) else {
            drops.add(DropReason::QueueTail, rules.kind, packet.len());
            return cost;
        };
        let at = self.slot_of(src);
        let Some(sender) = self.senders.get_mut(at) else { return 0 };
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

    /// The place of `src`, made if it has none.
    fn slot_of(&mut self, src: &NodePublic) -> usize {
        if self.senders.get(self.latest).is_some_and(|sender| sender.key == *src) {
            return self.latest;
        }
        let tag = tag_of(src);
        let known = self
            .tags
            .iter()
            .zip(&self.senders)
            .position(|(other, sender)| *other == tag && sender.key == *src);
        self.latest = known.unwrap_or_else(|| {
            // The first of all has its turn at once; others get their credit when theirs comes.
            let credit = if self.senders.is_empty() { TURN_BYTES } else { 0 };
            self.senders.push(Sender { key: *src, ring: std::mem::take(&mut self.spare), bytes: 0, credit });
            self.tags.push(tag);
            self.senders.len().saturating_sub(1)
        });
        self.latest
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
