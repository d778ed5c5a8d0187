//! When a worker's connections are polled though their sockets are silent: for alarms, to half a second, and at the end of
//! pauses.
//!
//! One timer of the kernel's, waited for as sockets are, rings them all. With timers of the runtime each wait for sockets would
//! have an end, which costs a twentieth of the work of a worker that waits before each packet (decision 0009).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::link::Conn;
use crate::clock::Clock;

/// How exact alarms are: keepalives have seconds to spare and write time-outs are never below one.
const TICK: Duration = Duration::from_millis(250);

/// Slots of the wheel: 128 s, more than the longest alarm.
const SLOTS: usize = 512;

/// The longest time ahead for which an alarm may be set.
pub(super) const LONGEST_ALARM: Duration = Duration::from_secs(120);

/// The alarms and pauses of one worker. Times count from the process' start.
#[derive(Debug)]
pub(super) struct Alarms {
    // fixed
    timer: AsyncFd<Timer>,
    // under its lock; the worker's thread only, so it is always free
    set: Mutex<Set<Weak<Conn>>>,
}

impl Alarms {
    /// Without any; for the runtime in whose context this is called.
    ///
    /// # Errors
    /// The kernel has no timer left, or no room to wait for it.
    pub(super) fn new() -> io::Result<Self> {
        #[expect(
            deprecated,
            reason = "its successor has callers promise in an unsafe block what a Timer keeps anyway"
        )]
        let timer = AsyncFd::with_interest(Timer::new()?, Interest::READABLE)?;
        Ok(Self { timer, set: Mutex::new(Set::new()) })
    }

    /// Has the task of `conn` polled at `at`, at most [`LONGEST_ALARM`] ahead, or two ticks later.
    pub(super) fn set(&self, at: Duration, conn: Weak<Conn>) {
        self.lock().wheel.set(at, conn);
    }

    /// Forgets the alarm of `conn` that was set for `at`, if it has not rung yet. Even a weak reference keeps the memory of a
    /// connection that is gone, here for as long as a keepalive takes.
    pub(super) fn cancel(&self, at: Duration, conn: &Arc<Conn>) {
        self.lock().wheel.cancel(at, |alarm| alarm.as_ptr() == Arc::as_ptr(conn));
    }

    /// Has the task of `conn` polled at `until`, which is not before that of an earlier pause.
    pub(super) fn pause(&self, now: Duration, until: Duration, conn: Weak<Conn>) {
        let mut set = self.lock();
        set.pauses.push_back((until, conn));
        if set.pauses.len() == 1 {
            // If the kernel refused, the tick that is next would end the pause.
            drop(self.timer.get_ref().ring_in(set.until_next(now)));
        }
    }

    /// Rings as their time comes; runs until dropped.
    ///
    /// # Errors
    /// The kernel refuses to set the timer, or to wait for it.
    pub(super) async fn ring(&self, clock: Clock) -> io::Result<Infallible> {
        loop {
            self.ring_due(&clock)?;
            self.timer.readable().await?.clear_ready();
        }
    }

    /// Rings what is due and sets the timer for what is next.
    fn ring_due(&self, clock: &Clock) -> io::Result<()> {
        let due = self.lock().due(clock.now());
        for conn in due {
            if let Some(conn) = conn.upgrade() {
                conn.mailbox().wake();
            }
        }
        let delay = self.lock().until_next(clock.now());
        self.timer.get_ref().ring_in(delay)
    }

    fn lock(&self) -> MutexGuard<'_, Set<Weak<Conn>>> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A timer of the kernel's.
#[derive(Debug)]
struct Timer(TimerFd);

impl Timer {
    fn new() -> io::Result<Self> {
        Ok(Self(TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?))
    }

    /// Rings once, after `delay`, instead of when it was to ring before.
    fn ring_in(&self, delay: Duration) -> io::Result<()> {
        // Nothing would stop it.
        let delay = delay.max(Duration::from_nanos(1));
        Ok(self.0.set(Expiration::OneShot(delay.into()), TimerSetTimeFlags::empty())?)
    }
}

/// The same descriptor, open as long as the timer lives.
impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

/// What rings, by when.
#[derive(Debug)]
struct Set<T> {
    wheel: Wheel<T>,
    /// In the order in which they end: all are equally long.
    pauses: VecDeque<(Duration, T)>,
}

impl<T> Set<T> {
    fn new() -> Self {
        Self { wheel: Wheel::new(), pauses: VecDeque::new() }
    }

    /// Takes out what has become due by `now`.
    fn due(&mut self, now: Duration) -> Vec<T> {
        let mut due = self.wheel.due(now);
        let ended = self.pauses.partition_point(|(until, _)| *until <= now);
        due.extend(self.pauses.drain(..ended).map(|(_, conn)| conn));
        due
    }

    /// How long to wait for the end of the next pause, or a tick.
    fn until_next(&self, now: Duration) -> Duration {
        self.pauses.front().map_or(TICK, |(until, _)| until.saturating_sub(now))
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
                due.append(&mut mem::take(slot));
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
    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn pauses_end_each_at_its_time() {
        let mut set = Set::new();
        set.pauses.extend([(3 * MILLISECOND, "a"), (3 * MILLISECOND, "b"), (5 * MILLISECOND, "c")]);
        assert_eq!(set.until_next(MILLISECOND), 2 * MILLISECOND);
        assert_eq!(set.due(2 * MILLISECOND), Vec::<&str>::new());
        assert_eq!(set.due(3 * MILLISECOND), ["a", "b"]);
        assert_eq!(set.until_next(4 * MILLISECOND), MILLISECOND);
        assert_eq!(set.until_next(9 * MILLISECOND), Duration::ZERO);
        assert_eq!(set.due(9 * MILLISECOND), ["c"]);
        assert_eq!(set.until_next(9 * MILLISECOND), TICK);
    }

    /// How long until the timer rings; none if it has.
    fn left(alarms: &Alarms) -> Option<Duration> {
        match alarms.timer.get_ref().0.get().unwrap()? {
            Expiration::OneShot(left) => Some(left.into()),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn the_timer_rings_for_the_first_pause() {
        let alarms = Alarms::new().unwrap();
        alarms.pause(SECOND, 101 * SECOND, Weak::new());
        assert!(left(&alarms).unwrap() <= 100 * SECOND);
        alarms.pause(2 * SECOND, 202 * SECOND, Weak::new());
        assert!(left(&alarms).unwrap() <= 100 * SECOND, "a later one does not put it off");
    }

    #[tokio::test]
    async fn the_timer_rings_for_the_next_pause_and_for_ticks() {
        let (alarms, clock) = (Alarms::new().unwrap(), Clock::start());
        alarms.pause(Duration::ZERO, Duration::ZERO, Weak::new());
        alarms.pause(Duration::ZERO, 100 * SECOND, Weak::new());
        alarms.ring_due(&clock).unwrap();
        assert!(left(&alarms).unwrap() > TICK, "for the pause that is left");
        alarms.lock().pauses.clear();
        alarms.ring_due(&clock).unwrap();
        assert!(left(&alarms).is_none_or(|left| left <= TICK));
    }

    #[tokio::test]
    async fn pauses_end_one_after_the_other() {
        let (alarms, clock) = (Alarms::new().unwrap(), Clock::start());
        for until in [MILLISECOND, 2 * MILLISECOND, 3 * MILLISECOND] {
            alarms.pause(Duration::ZERO, until, Weak::new());
        }
        let ended = async {
            while !alarms.lock().pauses.is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            ended = alarms.ring(clock) => panic!("{ended:?}"),
            ended = tokio::time::timeout(20 * SECOND, ended) => ended.expect("all pauses end"),
        }
    }

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
