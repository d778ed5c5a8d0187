//! Who knocked in vain lately, so that the log tells each of them once and no stranger fills it.

use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use wherry_switch::TokenBucket;

/// How long nothing more is said of one that was told: a machine that is turned away comes again every few seconds.
const SILENCE: Duration = Duration::from_secs(60 * 60);

/// Those that are remembered. Whoever comes with ever new keys or from ever new addresses makes it forget, and meets the bucket.
const MAX_KNOWN: usize = 1000;

/// Lines without a pause between them: as many as a network may have machines that come at once to a relay with an empty list.
const AT_ONCE: u64 = 20;

/// After those, a line each so many seconds: what strangers with ever new names can make.
const SECONDS_EACH: u64 = 10;

const BURST: NonZeroU64 = NonZeroU64::new(AT_ONCE * SECONDS_EACH).unwrap();

/// Knocks by who knocked: a node by its key, or an address.
#[derive(Debug)]
pub struct Knocks<K>(Mutex<Told<K>>);

#[derive(Debug)]
struct Told<K> {
    // under the lock
    room: TokenBucket,
    known: HashMap<K, One>,
}

/// One who was told.
#[derive(Debug, Clone, Copy)]
struct One {
    at: Duration,
    /// Knocks since then.
    since: u64,
}

impl<K: Copy + Eq + Hash> Knocks<K> {
    /// Nobody yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Mutex::new(Told { room: TokenBucket::full(NonZeroU64::MIN, BURST), known: HashMap::new() }))
    }

    /// Takes a knock up. If it is to be told: how many there were since `who` was told last, else none.
    pub fn told(&self, who: K, now: Duration) -> Option<u64> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = told.known.get_mut(&who).is_none_or(|one| {
            one.since += 1;
            now.saturating_sub(one.at) >= SILENCE
        });
        if !is_due || !told.room.try_take(SECONDS_EACH, now) {
            return None;
        }
        told.make_room(now);
        let before = told.known.insert(who, One { at: now, since: 0 });
        Some(before.map_or(0, |one| one.since - 1))
    }

    /// Whoever got in is told at once when it stays out again.
    pub fn forget(&self, who: &K) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).known.remove(who);
    }
}

impl<K: Copy + Eq + Hash> Told<K> {
    /// Forgets those told long ago; if there are none, all.
    fn make_room(&mut self, now: Duration) {
        if self.known.len() < MAX_KNOWN {
            return;
        }
        self.known.retain(|_, one| now.saturating_sub(one.at) < SILENCE);
        if self.known.len() >= MAX_KNOWN {
            self.known.clear();
        }
    }
}

impl<K: Copy + Eq + Hash> Default for Knocks<K> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn who_knocks_every_few_seconds_is_told_once_an_hour_with_the_count() {
        let knocks = Knocks::new();
        assert_eq!(knocks.told(1, SECOND(0)), Some(0));
        assert!((1..1799).all(|at| knocks.told(1, SECOND(at * 2)).is_none()));
        assert_eq!(knocks.told(1, SECOND(3600)), Some(1798));
        assert_eq!(knocks.told(1, SECOND(3602)), None);
    }

    #[test]
    fn a_network_that_comes_at_once_is_told_whole_and_strangers_with_ever_new_names_are_bounded() {
        let knocks = Knocks::new();
        let told = |names: std::ops::Range<u32>, at| {
            names.filter(|name| knocks.told(*name, SECOND(at)).is_some()).count()
        };
        assert_eq!(told(0..20, 0), 20);
        // Those who are told already use nothing up.
        assert_eq!(told(0..20, 60), 0);
        let minute: usize = (0..60)
            .map(|second| told(1000 * second + 100..1000 * second + 200, 600 + u64::from(second)))
            .sum();
        assert!((20..=26).contains(&minute), "{minute}");
    }

    #[test]
    fn who_got_in_meanwhile_is_told_at_once_when_it_stays_out_again() {
        let knocks = Knocks::new();
        assert_eq!(knocks.told(1, SECOND(0)), Some(0));
        knocks.forget(&1);
        assert_eq!(knocks.told(1, SECOND(2)), Some(0));
    }

    #[test]
    fn memory_is_bounded() {
        let knocks = Knocks::new();
        for name in 0..20_000_u32 {
            knocks.told(name, SECOND(u64::from(name) * SECONDS_EACH));
        }
        assert!(knocks.0.lock().unwrap().known.len() <= MAX_KNOWN);
    }
}
