//! A worker: one thread with one runtime, one desk and one timer for all the connections it owns.

use std::convert::Infallible;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::alarms::Alarms;
use super::desk::Desk;
use crate::clock::Clock;
use crate::metrics::Counters;

/// Numbers a worker's rounds: one ends when nothing is left to do but to look for what became ready.
#[derive(Debug, Clone, Default)]
pub struct Rounds(Arc<AtomicU32>);

impl Rounds {
    /// One is over.
    pub fn end(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn now(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the connections of one worker share.
#[derive(Debug)]
pub struct Worker {
    // fixed
    number: usize,
    runtime: tokio::runtime::Handle,
    rounds: Rounds,
    // anybody
    ended: AtomicBool,
    // the worker's thread only, so the lock is always free
    desk: Mutex<Desk>,
    alarms: Alarms,
}

impl Worker {
    /// Worker `number` on `runtime`, which must be driven by one thread and end a round of `rounds` whenever that parks.
    ///
    /// # Errors
    /// The kernel has no timer left, or no room to wait for it.
    pub fn new(
        number: usize,
        runtime: tokio::runtime::Handle,
        rounds: Rounds,
        counters: Arc<Counters>,
    ) -> io::Result<Arc<Self>> {
        let alarms = {
            let _context = runtime.enter();
            Alarms::new()?
        };
        let desk = Mutex::new(Desk::new(number, counters));
        Ok(Arc::new(Self { number, runtime, rounds, ended: AtomicBool::new(false), desk, alarms }))
    }

    /// Tells it apart from others.
    pub(crate) const fn number(&self) -> usize {
        self.number
    }

    /// Its thread ends, and all that it serves: it gets no more connections.
    pub fn end(&self) {
        // Whoever comes a moment too late is dropped with the rest, and dials again.
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Whether its thread has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// The round it is in.
    pub(super) fn round(&self) -> u32 {
        self.rounds.now()
    }

    /// The runtime on which this worker's connections live. It has no timers.
    pub(crate) const fn runtime(&self) -> &tokio::runtime::Handle {
        &self.runtime
    }

    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When its connections are polled though their sockets are silent.
    pub(super) const fn alarms(&self) -> &Alarms {
        &self.alarms
    }

    /// Rings the alarms of its connections; runs until dropped.
    ///
    /// # Errors
    /// The kernel refuses to set a timer, or to wait for it.
    pub async fn ring_alarms(self: Arc<Self>, clock: Clock) -> io::Result<Infallible> {
        self.alarms.ring(clock).await
    }
}
