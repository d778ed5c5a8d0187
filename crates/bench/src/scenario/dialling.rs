//! Threads that connect clients and hang up, over and over.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::{self, Clock};
use crate::histogram::Histogram;
use crate::link::{Aim, Scratch, dial, new_key};
use crate::pace::Pacer;

/// The longest nap of a dialler, so that it sees the end.
const GLANCE: Duration = Duration::from_millis(20);

/// What all diallers of a run share.
#[derive(Debug)]
pub(super) struct Dialling {
    clock: Clock,
    /// When each dial is due; none: as soon as the one before is done.
    pacer: Option<Pacer>,
    /// Clients that each dialler connects in turn.
    clients: usize,
    next: AtomicU64,
    /// Sessions that have come about so far.
    pub(super) sessions: AtomicU64,
    /// Dials that failed so far.
    pub(super) failures: AtomicU64,
    is_over: AtomicBool,
}

impl Dialling {
    /// So many sessions a second, or as many as can be had; each dialler connects so many clients in turn, so that one is never
    /// back before the relay has seen it leave.
    pub(super) fn new(rate: Option<u64>, clients: usize) -> Self {
        let clock = Clock::start();
        let pacer = rate.map(|rate| Pacer::new(clock.now(), rate, 1, 1, 0));
        let (next, sessions, failures) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        Self { clock, pacer, clients, next, sessions, failures, is_over: AtomicBool::new(false) }
    }

    /// Ends it.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Dials until the end; returns how long sessions took to come about, counted from when they were due.
    ///
    /// # Errors
    /// Every dial fails from the first on.
    pub(super) fn work(&self, aim: &Aim) -> io::Result<Histogram> {
        let keys = (0..self.clients).map(|_| new_key()).collect::<io::Result<Vec<_>>>()?;
        let mut scratch = Scratch::new();
        let mut ages = Histogram::default();
        for key in keys.iter().cycle() {
            let Some(due) = self.next_due() else { break };
            match dial(aim, key, None, &mut scratch) {
                Ok(_) => {
                    self.sessions.fetch_add(1, Ordering::Relaxed);
                    ages.record(self.clock.now().saturating_sub(due));
                }
                Err(err) => {
                    self.failures.fetch_add(1, Ordering::Relaxed);
                    if self.sessions.load(Ordering::Relaxed) == 0 {
                        return Err(err);
                    }
                }
            }
        }
        Ok(ages)
    }

    /// Waits for the next dial of this thread and tells when it was due; none at the end.
    fn next_due(&self) -> Option<u64> {
        let due = match &self.pacer {
            Some(pacer) => pacer.due(self.next.fetch_add(1, Ordering::Relaxed)),
            None => self.clock.now(),
        };
        loop {
            if self.is_over.load(Ordering::Relaxed) {
                return None;
            }
            let left = Duration::from_nanos(due.saturating_sub(self.clock.now()));
            if left.is_zero() {
                return Some(due);
            }
            clock::sleep(left.min(GLANCE));
        }
    }
}
