//! What a worker has on its desk: the buffers and counters that all its connections use in turn.
//!
//! A connection is served without a pause from reading to writing, so one set of buffers serves all of a worker's
//! connections and an idle one owns none.

use std::sync::Arc;
use std::time::Duration;

use wherry_switch::DropTally;

use super::batch::Batch;
use super::inlet::Leftovers;
use super::parcel::Blanks;
use crate::metrics::Counters;

/// Bytes read from a socket at a time, and of one connection before the worker's others have their turn: enough to share the
/// price of a call, and few enough to stay in a cache from reading to writing. Measured in decision 0009.
pub(super) const READ_BYTES: usize = 32 * 1024;

/// The largest TLS record with its header: the beginning of one may wait before what is read.
const RECORD_BYTES: usize = 5 + 16_384 + 256;

/// The desk of one worker.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) inbox: Inbox,
    pub(super) outbox: Outbox,
}

/// Buffers on the way in.
#[derive(Debug)]
pub(super) struct Inbox {
    /// Bytes off the socket; as long as it can ever be, so that it need not be cleared before each read.
    pub(super) wire: Box<[u8]>,
    /// Frames.
    pub(super) plain: Vec<u8>,
    /// What the peer's own transport is to be told: alerts, WebSocket pongs.
    pub(super) reply: Vec<u8>,
    /// The packets in `plain`, by destination.
    pub(super) batch: Batch,
    /// Where connections keep what is not whole.
    pub(super) leftovers: Leftovers,
}

/// Buffers on the way out, and what is counted there.
#[derive(Debug)]
pub(super) struct Outbox {
    /// The time of this turn, since the process' start.
    pub(super) now: Duration,
    /// The number of this worker.
    pub(super) worker: usize,
    /// The worker's round of this turn.
    pub(super) round: u32,
    /// Parcels for connections that several send to.
    pub(super) blanks: Blanks,
    /// Bytes about to be written.
    pub(super) sealed: Vec<u8>,
    /// What was dropped in this turn.
    pub(super) drops: DropTally,
    /// The worker's counters.
    pub(super) counters: Arc<Counters>,
}

impl Desk {
    pub(super) fn new(worker: usize, counters: Arc<Counters>) -> Self {
        Self {
            inbox: Inbox {
                wire: vec![0; READ_BYTES + RECORD_BYTES].into(),
                plain: Vec::new(),
                reply: Vec::new(),
                batch: Batch::default(),
                leftovers: Leftovers::default(),
            },
            outbox: Outbox {
                now: Duration::ZERO,
                worker,
                round: 0,
                blanks: Blanks::default(),
                sealed: Vec::new(),
                drops: DropTally::default(),
                counters,
            },
        }
    }

    /// Opens a turn at `now` in `round`.
    pub(super) fn begin(&mut self, now: Duration, round: u32) {
        self.outbox.now = now;
        self.outbox.round = round;
        // A turn that panicked may have left its packets; they are nobody else's.
        self.inbox.batch.clear();
    }

    /// Closes a turn: what was dropped is counted.
    pub(super) fn finish(&mut self) {
        self.outbox.counters.drop_packets(&mut self.outbox.drops);
        // A WebSocket message may be many times as long as a read.
        self.inbox.plain.clear();
        self.inbox.plain.shrink_to(4 * READ_BYTES);
    }
}
