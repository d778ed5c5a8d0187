//! A worker: one thread with one runtime, one desk and one timer wheel for all the connections it owns.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::desk::Desk;
use super::driver::Session;
use super::link::Conn;
use crate::clock::Clock;
use crate::metrics::Counters;

/// How exact alarms are: keepalives have seconds to spare and write time-outs are never below one.
const TICK: Duration = Duration::from_millis(250);

/// Slots of the wheel: 128 s, more than the longest alarm (a keepalive, 65 s).
const SLOTS: usize = 512;

/// What the connections of one worker share.
#[derive(Debug)]
pub struct Worker {
    // fixed
    runtime: tokio::runtime::Handle,
    // the worker's thread only, so the lock is always free
    desk: Mutex<Desk>,
    // under its lock; taken when an alarm is set and once a tick
    wheel: Mutex<Wheel>,
}

impl Worker {
    /// A worker on `runtime`, which must be driven by one thread.
    #[must_use]
    pub fn new(runtime: tokio::runtime::Handle, counters: Arc<Counters>) -> Arc<Self> {
        Arc::new(Self {
            runtime,
            desk: Mutex::new(Desk::new(counters)),
            wheel: Mutex::new(Wheel { slots: (0..SLOTS).map(|_| Vec::new()).collect(), next_tick: 0 }),
        })
    }

    /// The runtime on which this worker's connections live.
    pub(super) const fn runtime(&self) -> &tokio::runtime::Handle {
        &self.runtime
    }

    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes on a connection: its task runs here until it ends or the runtime stops.
    pub(super) fn host(&self, session: Session) {
        // The task owns itself: the directory knows it, and the runtime ends it.
        drop(self.runtime.spawn(session));
    }

    /// Has the task of `conn` polled at `at` (since the process' start) or up to a tick later.
    pub(super) fn set_alarm(&self, at: Duration, conn: &Arc<Conn>) {
        let mut wheel = self.wheel.lock().unwrap_or_else(PoisonError::into_inner);
        let tick = ticks(at).max(wheel.next_tick) + 1;
        if let Some(slot) = wheel.slot(tick) {
            slot.push(Arc::downgrade(conn));
        }
    }

    /// Rings alarms as their time comes; runs until dropped.
    pub async fn ring_alarms(self: Arc<Self>, clock: Clock) {
        let mut interval = tokio::time::interval(TICK);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            for conn in self.due(clock.now()) {
                if let Some(conn) = conn.upgrade() {
                    conn.mailbox().wake();
                }
            }
        }
    }

    fn due(&self, now: Duration) -> Vec<Weak<Conn>> {
        let mut wheel = self.wheel.lock().unwrap_or_else(PoisonError::into_inner);
        let mut due = Vec::new();
        while wheel.next_tick <= ticks(now) {
            let tick = wheel.next_tick;
            if let Some(slot) = wheel.slot(tick) {
                due.append(slot);
                *slot = Vec::new();
            }
            wheel.next_tick += 1;
        }
        due
    }
}

/// Alarms by the tick in which they ring. An alarm that rings early finds nothing to do and is set again.
#[derive(Debug)]
struct Wheel {
    slots: Vec<Vec<Weak<Conn>>>,
    next_tick: u128,
}

impl Wheel {
    fn slot(&mut self, tick: u128) -> Option<&mut Vec<Weak<Conn>>> {
        let slots = self.slots.len() as u128;
        self.slots.get_mut(usize::try_from(tick % slots).unwrap_or_default())
    }
}

const fn ticks(at: Duration) -> u128 {
    at.as_millis() / TICK.as_millis()
}
