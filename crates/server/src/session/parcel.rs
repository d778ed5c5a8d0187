//! Packets of several senders that leave together.
//!
//! A record and a call of the kernel cost as much as many packets. Where several senders have a packet or two for the same
//! connection while the worker is busy, theirs are gathered, and leave once a record is full or the worker comes to the
//! receiver. A connection with one sender, or a worker with little to do, never waits for more.

use std::sync::atomic::{AtomicU64, Ordering};

use wherry_switch::MemoryClaim;
use wherry_wire::key::NodePublic;

use crate::metrics::Kinds;

/// Bytes of frames in a parcel at most: what a TLS record holds.
pub(super) const PARCEL_BYTES: usize = 16 * 1024;

/// Who came with mail for a connection of late. A guess from fields that nobody locks: it decides how packets are sent, not
/// whether.
#[derive(Debug, Default)]
pub(super) struct Callers(AtomicU64);

/// The round of the last caller, who that was, and whether there were others in its round and in the one before.
#[derive(Debug, Clone, Copy)]
struct Memory {
    round: u32,
    caller: u32,
    others: bool,
    others_before: bool,
}

impl Callers {
    /// `src` comes with mail in `round`; returns whether others do, too.
    pub(super) fn note(&self, round: u32, src: &NodePublic) -> bool {
        let memory = Memory::unpack(self.0.load(Ordering::Relaxed)).after(round, tag(src));
        self.0.store(memory.pack(), Ordering::Relaxed);
        memory.others || memory.others_before
    }
}

impl Memory {
    /// Before the first caller; a key with this tag is overlooked.
    const NOBODY: u32 = 0;
    const OTHERS: u64 = 1;
    const OTHERS_BEFORE: u64 = 2;
    const FLAGS: u64 = 3;

    fn after(self, round: u32, caller: u32) -> Self {
        if self.round == round {
            let is_other = self.caller != Self::NOBODY && self.caller != caller;
            Self { caller, others: self.others || is_other, ..self }
        } else {
            Self { round, caller, others: false, others_before: self.others }
        }
    }

    fn unpack(word: u64) -> Self {
        let [a, b, c, d, e, f, g, h] = word.to_be_bytes();
        Self {
            round: u32::from_be_bytes([a, b, c, d]),
            caller: u32::from_be_bytes([e, f, g, h & !3]),
            others: word & Self::OTHERS != 0,
            others_before: word & Self::OTHERS_BEFORE != 0,
        }
    }

    fn pack(self) -> u64 {
        let word = (u64::from(self.round) << 32 | u64::from(self.caller)) & !Self::FLAGS;
        let others = if self.others { Self::OTHERS } else { 0 };
        let others_before = if self.others_before { Self::OTHERS_BEFORE } else { 0 };
        word | others | others_before
    }
}

/// The first bytes of a key, as far as there is room for them.
fn tag(key: &NodePublic) -> u32 {
    key.as_bytes().first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes)) & !3
}

/// Packets for one connection that are frames already, but not sealed yet.
#[derive(Debug)]
pub(super) struct Parcel {
    /// Never more than [`PARCEL_BYTES`].
    pub(super) frames: Vec<u8>,
    /// The packets in them.
    pub(super) kinds: Kinds,
    /// The right to be here.
    memory: Option<MemoryClaim>,
}

impl Parcel {
    /// Bytes of frames for which there is room.
    pub(super) const fn room(&self) -> usize {
        PARCEL_BYTES.saturating_sub(self.frames.len())
    }
}

/// Parcels that were sent: those of a busy worker go round.
#[derive(Debug, Default)]
#[expect(
    clippy::vec_box,
    reason = "a parcel goes to a connection and back as one pointer: an idle connection has a place for no more"
)]
pub(super) struct Blanks(Vec<Box<Parcel>>);

impl Blanks {
    /// Parcels kept.
    const KEPT: usize = 32;

    /// An empty parcel, if `memory` covers it.
    pub(super) fn get(&mut self, mut memory: MemoryClaim) -> Option<Box<Parcel>> {
        if !memory.cover(PARCEL_BYTES) {
            return None;
        }
        let blank = || {
            Box::new(Parcel {
                frames: Vec::with_capacity(PARCEL_BYTES),
                kinds: Kinds::default(),
                memory: None,
            })
        };
        let mut parcel = self.0.pop().unwrap_or_else(blank);
        parcel.memory = Some(memory);
        Some(parcel)
    }

    /// Takes a parcel back, with nothing in it.
    pub(super) fn put(&mut self, mut parcel: Box<Parcel>) {
        if self.0.len() < Self::KEPT {
            parcel.frames.clear();
            parcel.kinds = Kinds::default();
            parcel.memory = None;
            self.0.push(parcel);
        }
    }
}

#[cfg(test)]
mod tests {
    use wherry_switch::MemoryBudget;

    use super::*;

    fn key(number: u8) -> NodePublic {
        NodePublic::from_bytes([number; 32])
    }

    #[test]
    fn one_sender_is_never_several() {
        let callers = Callers::default();
        for round in [0, 0, 0, 1, 1, 2, 7, 7] {
            assert!(!callers.note(round, &key(9)), "in round {round}");
        }
    }

    #[test]
    fn the_second_sender_of_a_round_is_noticed() {
        let callers = Callers::default();
        let seen = [(1, 8), (1, 16), (1, 8)].map(|(round, src)| callers.note(round, &key(src)));
        assert_eq!(seen, [false, true, true]);
    }

    #[test]
    fn several_senders_are_expected_for_one_round_more() {
        let callers = Callers::default();
        let calls = [(1, 8), (1, 16), (2, 8), (2, 8), (3, 8)];
        let seen = calls.map(|(round, src)| callers.note(round, &key(src)));
        assert_eq!(seen, [false, true, true, true, false]);
    }

    #[test]
    fn senders_that_take_turns_by_rounds_are_not_several() {
        let callers = Callers::default();
        for round in 0..10 {
            assert!(!callers.note(round, &key(if round % 2 == 0 { 8 } else { 16 })), "in round {round}");
        }
    }

    #[test]
    fn a_busy_worker_keeps_few_parcels_and_no_claim() {
        let (memory, mut blanks) = (MemoryBudget::new(100 * PARCEL_BYTES), Blanks::default());
        let parcels: Vec<_> = (0..2 * Blanks::KEPT).map(|_| blanks.get(memory.claim()).unwrap()).collect();
        assert_eq!(memory.used(), 2 * Blanks::KEPT * PARCEL_BYTES);
        for mut parcel in parcels {
            parcel.frames.push(1);
            blanks.put(parcel);
        }
        assert_eq!((blanks.0.len(), memory.used()), (Blanks::KEPT, 0));
        assert!(blanks.get(memory.claim()).unwrap().frames.is_empty());
    }

    #[test]
    fn without_memory_there_is_no_parcel() {
        let memory = MemoryBudget::new(PARCEL_BYTES - 1);
        assert!(Blanks::default().get(memory.claim()).is_none());
    }
}
