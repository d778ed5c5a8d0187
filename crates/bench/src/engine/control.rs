//! What the threads of a load share.

use std::sync::atomic::{AtomicU64, Ordering};

use wherry_wire::key::NodePublic;

use super::layout::Layout;
use crate::clock::Clock;

/// Times, and how far each flow has got.
#[derive(Debug)]
pub(super) struct Control {
    pub(super) clock: Clock,
    pub(super) layout: Layout,
    /// The key of each member.
    pub(super) keys: Vec<NodePublic>,
    /// When sending begins, nanoseconds.
    pub(super) begin: u64,
    /// What is due from here on counts.
    pub(super) open: u64,
    /// What is due from here on is not sent any more; it may come nearer.
    close: AtomicU64,
    /// How long what was sent is waited for after the close, nanoseconds.
    pub(super) grace: u64,
    progress: Vec<Progress>,
    /// The longest that a packet has taken so far, nanoseconds.
    slowest: AtomicU64,
}

/// How far a flow has got, for threads that do not own it.
#[derive(Debug, Default)]
struct Progress {
    sent: AtomicU64,
    arrived: AtomicU64,
    /// One past the highest number that arrived.
    reached: AtomicU64,
}

impl Control {
    pub(super) fn new(clock: Clock, layout: Layout, keys: Vec<NodePublic>, times: [u64; 4]) -> Self {
        let [begin, open, close, grace] = times;
        let progress = layout.flows.iter().map(|_| Progress::default()).collect();
        Self {
            clock,
            layout,
            keys,
            begin,
            open,
            close: AtomicU64::new(close),
            grace,
            progress,
            slowest: AtomicU64::new(0),
        }
    }

    /// When sending ends.
    pub(super) fn close(&self) -> u64 {
        self.close.load(Ordering::Relaxed)
    }

    /// Ends sending at `now`.
    pub(super) fn close_early(&self, now: u64) {
        self.close.fetch_min(now, Ordering::Relaxed);
    }

    /// Notes how many packets a flow has sent so far.
    pub(super) fn sent(&self, flow: usize, count: u64) {
        if let Some(progress) = self.progress.get(flow) {
            progress.sent.store(count, Ordering::Relaxed);
        }
    }

    /// The longest that a packet has taken so far, nanoseconds.
    pub(super) fn slowest(&self) -> u64 {
        self.slowest.load(Ordering::Relaxed)
    }

    /// Notes that packet `number` of a flow has arrived, `age` nanoseconds after it was due.
    pub(super) fn arrived(&self, flow: usize, number: u64, age: u64) {
        if age > self.slowest() {
            self.slowest.fetch_max(age, Ordering::Relaxed);
        }
        if let Some(progress) = self.progress.get(flow) {
            progress.arrived.fetch_add(1, Ordering::Relaxed);
            progress.reached.fetch_max(number.saturating_add(1), Ordering::Relaxed);
        }
    }

    /// Packets of a flow that are known not to be on their way any more.
    ///
    /// To one destination packets arrive in order, so the highest number tells of those lost before it, too.
    pub(super) fn settled(&self, flow: usize) -> u64 {
        let Some(progress) = self.progress.get(flow) else { return 0 };
        let is_ordered = self.layout.flows.get(flow).is_some_and(|flow| flow.to.len() == 1);
        let settled = if is_ordered { &progress.reached } else { &progress.arrived };
        settled.load(Ordering::Relaxed)
    }

    /// Whether everything sent has arrived.
    pub(super) fn is_complete(&self) -> bool {
        let all = |progress: &Progress| {
            progress.arrived.load(Ordering::Relaxed) >= progress.sent.load(Ordering::Relaxed)
        };
        self.progress.iter().all(all)
    }
}
