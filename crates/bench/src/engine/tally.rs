//! What a load counted.

use crate::histogram::Histogram;

/// A packet that leaves later than this after it was due says something about the generator, nanoseconds.
pub(super) const LATE: u64 = 1_000_000;

/// Counts of one thread, or of all together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    pub(crate) classes: Vec<ClassTally>,
    /// Packets that left after they were due by more than [`LATE`], though their socket took them.
    pub(crate) late: u64,
    /// Packets that left.
    pub(crate) left: u64,
    /// The longest that one left after it was due, nanoseconds.
    pub(crate) latest: u64,
    /// Time in which a thread had nothing to do while it counted, nanoseconds, by thread.
    pub(crate) idle: Vec<u64>,
    /// Clients whose connection ended during the load.
    pub(crate) cut_off: u64,
    /// Bytes that clients of limited speed took.
    pub(crate) paced_bytes: u64,
}

/// Packets of one class that were due while it counted.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClassTally {
    /// Packets that were due.
    pub(crate) offered: u64,
    /// Of them, those that never left, because the relay did not read from their sender.
    pub(crate) held_back: u64,
    /// Of those offered, how many arrived, until the end of the grace.
    pub(crate) received: u64,
    /// Packets that arrived while it counted, whenever they were due.
    pub(crate) arrived: u64,
    /// From when they were due to when they were read, nanoseconds.
    pub(crate) ages: Histogram,
}

impl Tally {
    /// Nothing counted yet.
    pub(crate) fn new(classes: usize) -> Self {
        Self { classes: vec![ClassTally::default(); classes], ..Self::default() }
    }

    /// Adds another thread's counts.
    pub(crate) fn add(&mut self, other: &Self) {
        for (own, others) in self.classes.iter_mut().zip(&other.classes) {
            own.offered += others.offered;
            own.held_back += others.held_back;
            own.received += others.received;
            own.arrived += others.arrived;
            own.ages.add(&others.ages);
        }
        self.late += other.late;
        self.left += other.left;
        self.latest = self.latest.max(other.latest);
        self.idle.extend_from_slice(&other.idle);
        self.cut_off += other.cut_off;
        self.paced_bytes += other.paced_bytes;
    }

    /// One class; nothing counted if there is no such.
    pub(crate) fn class(&self, class: usize) -> ClassTally {
        self.classes.get(class).cloned().unwrap_or_default()
    }

    /// Packets that arrived while it counted, of all classes.
    pub(crate) fn arrived(&self) -> u64 {
        self.classes.iter().map(|class| class.arrived).sum()
    }
}

impl ClassTally {
    /// Packets that were due and never arrived.
    pub(crate) fn lost(&self) -> u64 {
        self.offered.saturating_sub(self.received)
    }
}
