//! A worker: one thread with one runtime, one desk and one timer wheel for all the connections it owns.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::desk::Desk;
use super::link::Conn;
use crate::clock::Clock;
use crate::metrics::Counters;

/// How exact alarms are: keepalives have seconds to spare and write time-outs are never below one.
const TICK: Duration = Duration::from_millis(250);

/// Slots of the wheel: 128 s, more than the longest alarm (a keepalive, 65 s).
const SLOTS: usize = 512;

/// The longest time ahead for which an alarm may be set.
pub(super) const LONGEST_ALARM: Duration = Duration::from_secs(120);

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
    // the worker's thread only, so the lock is always free
    desk: Mutex<Desk>,
    // under its lock; taken when an alarm is set and once a tick
    wheel: Mutex<Wheel<Weak<Conn>>>,
}

impl Worker {
    /// Worker `number` on `runtime`, which must be driven by one thread and end a round of `rounds` whenever that parks.
    #[must_use]
    pub fn new(
        number: usize,
        runtime: tokio::runtime::Handle,
        rounds: Rounds,
        counters: Arc<Counters>,
    ) -> Arc<Self> {
        let (desk, wheel) = (Mutex::new(Desk::new(number, counters)), Mutex::new(Wheel::new()));
        Arc::new(Self { number, runtime, rounds, desk, wheel })
    }

    /// Tells it apart from others.
    pub(super) const fn number(&self) -> usize {
        self.number
    }

    /// The round it is in.
    pub(super) fn round(&self) -> u32 {
        self.rounds.now()
    }

    /// The runtime on which this worker's connections live.
    pub(crate) const fn runtime(&self) -> &tokio::runtime::Handle {
        &self.runtime
    }

    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the task of `conn` polled at `at` (since the process' start), at most [`LONGEST_ALARM`] ahead, or two ticks later.
    pub(super) fn set_alarm(&self, at: Duration, conn: &Arc<Conn>) {
        self.wheel().set(at, Arc::downgrade(conn));
    }

    /// Forgets the alarm of `conn` that was set for `at`, if it has not rung yet. Even a weak reference keeps the memory of a
    /// connection that is gone, here for as long as a keepalive takes.
    pub(super) fn cancel_alarm(&self, at: Duration, conn: &Arc<Conn>) {
        self.wheel().cancel(at, |alarm| alarm.as_ptr() == Arc::as_ptr(conn));
    }

    /// Rings alarms as their time comes; runs until dropped.
    pub async fn ring_alarms(self: Arc<Self>, clock: Clock) {
        let mut interval = tokio::time::interval(TICK);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            let due = self.wheel().due(clock.now());
            for conn in due {
                if let Some(conn) = conn.upgrade() {
                    conn.mailbox().wake();
                }
            }
        }
    }

    fn wheel(&self) -> MutexGuard<'_, Wheel<Weak<Conn>>> {
        self.wheel.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Alarms by the tick in which they ring. An alarm that rings early finds nothing to do and is set again.
#[derive(Debug)]
struct Wheel<T> {
    slots: Vec<Vec<T>>,
    next_tick: u128,
}

impl<T> Wheel<T> {
    fn new() -> Self {
        Self { slots: (0..SLOTS).map(|_| Vec::new()).collect(), next_tick: 0 }
    }

    /// Rings `alarm` once `at` is over, up to two ticks later.
    fn set(&mut self, at: Duration, alarm: T) {
        let tick = (ticks(at) + 1).max(self.next_tick);
        if let Some(slot) = self.slot(tick) {
            slot.push(alarm);
        }
    }

    /// Forgets one alarm set for `at` for which `is_meant` holds, unless it was late when it was set: then it rings at once.
    fn cancel(&mut self, at: Duration, is_meant: impl Fn(&T) -> bool) {
        if let Some(slot) = self.slot(ticks(at) + 1)
            && let Some(position) = slot.iter().position(is_meant)
        {
            slot.swap_remove(position);
        }
    }

    /// Takes out what has become due by `now`.
    fn due(&mut self, now: Duration) -> Vec<T> {
        let mut due = Vec::new();
        while self.next_tick <= ticks(now) {
            let tick = self.next_tick;
            if let Some(slot) = self.slot(tick) {
                due.append(&mut std::mem::take(slot));
            }
            self.next_tick += 1;
        }
        due
    }

    fn slot(&mut self, tick: u128) -> Option<&mut Vec<T>> {
        let slots = self.slots.len() as u128;
        self.slots.get_mut(usize::try_from(tick % slots).unwrap_or_default())
    }
}

const fn ticks(at: Duration) -> u128 {
    at.as_millis() / TICK.as_millis()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_alarm_rings_once_and_not_before_its_time() {
        let mut wheel = Wheel::new();
        wheel.set(SECOND, "a");
        wheel.set(60 * SECOND, "b");
        assert_eq!(wheel.due(SECOND), Vec::<&str>::new());
        assert_eq!(wheel.due(SECOND + TICK), ["a"]);
        assert_eq!(wheel.due(59 * SECOND), Vec::<&str>::new());
        assert_eq!(wheel.due(60 * SECOND + TICK), ["b"]);
        assert_eq!(wheel.due(300 * SECOND), Vec::<&str>::new());
    }

    #[test]
    fn an_alarm_that_was_cancelled_does_not_ring() {
        let mut wheel = Wheel::new();
        for alarm in ["a", "b", "c"] {
            wheel.set(60 * SECOND, alarm);
        }
        wheel.cancel(60 * SECOND, |alarm| *alarm == "a");
        wheel.cancel(59 * SECOND, |alarm| *alarm == "b");
        let mut due = wheel.due(61 * SECOND);
        due.sort_unstable();
        assert_eq!(due, ["b", "c"]);
    }

    #[test]
    fn an_alarm_set_for_the_past_rings_at_the_next_tick() {
        let mut wheel = Wheel::new();
        assert_eq!(wheel.due(10 * SECOND), Vec::<&str>::new());
        wheel.set(SECOND, "late");
        assert_eq!(wheel.due(10 * SECOND + TICK), ["late"]);
    }

    #[test]
    fn a_sleep_longer_than_the_wheel_loses_no_alarm() {
        let mut wheel = Wheel::new();
        wheel.set(60 * SECOND, "a");
        wheel.set(65 * SECOND, "b");
        assert_eq!(wheel.due(1000 * SECOND), ["a", "b"]);
    }
}
