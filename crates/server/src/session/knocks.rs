//! Who knocked in vain lately, so that the log tells each of them once and no stranger fills it.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use wherry_switch::TokenBucket;

/// How long nothing more is said of one that was told: a machine that is turned away comes again every few seconds.
const SILENCE: Duration = Duration::from_secs(60 * 60);

/// Those that are remembered before the old ones are looked for; more than can be told within the silence.
const MAX_KNOWN: usize = 1000;

/// Lines without a pause between them: as many as a network may have machines that come at once to a relay with an empty list.
const AT_ONCE: u64 = 20;

/// After those, a line each so many seconds: what strangers with ever new names can make.
const SECONDS_EACH: u64 = 10;

const BURST: NonZeroU64 = NonZeroU64::new(AT_ONCE * SECONDS_EACH).unwrap();

/// Knocks by who knocked: a node by its key, or a host by where it is.
#[derive(Debug)]
pub struct Knocks<K>(Mutex<Told<K>>);

/// Where a host is: its IPv4 address, or its network of IPv6, in which it may take whatever address it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Whereabouts(IpAddr);

impl From<IpAddr> for Whereabouts {
    fn from(ip: IpAddr) -> Self {
        const HOST_BITS: u32 = 64;
        Self(match ip.to_canonical() {
            IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> HOST_BITS << HOST_BITS).into(),
            ip @ IpAddr::V4(_) => ip,
        })
    }
}

/// What a line about a knock says beside it; none where there is nothing to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before {
    /// Knocks of the same one since it was told last.
    pub unlogged: Option<NonZeroU64>,
    /// Lines about whomever that were left out since the last one, for there were too many.
    pub left_out: Option<NonZeroU64>,
}

#[derive(Debug)]
struct Told<K> {
    // under the lock
    room: TokenBucket,
    known: HashMap<K, One>,
    /// Lines for which there was no room since the last that there was.
    left_out: u64,
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
        let room = TokenBucket::full(NonZeroU64::MIN, BURST);
        Self(Mutex::new(Told { room, known: HashMap::new(), left_out: 0 }))
    }

    /// Takes a knock up; what else is to be said if it is to be told.
    pub fn told(&self, who: K, now: Duration) -> Option<Before> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = told.known.get_mut(&who).is_none_or(|one| {
            one.since += 1;
            now.saturating_sub(one.at) >= SILENCE
        });
        if !is_due {
            return None;
        }
        if !told.room.try_take(SECONDS_EACH, now) {
            told.left_out += 1;
            return None;
        }
        told.make_room(now);
        let before = told.known.insert(who, One { at: now, since: 0 });
        let unlogged = NonZeroU64::new(before.map_or(0, |one| one.since - 1));
        Some(Before { unlogged, left_out: NonZeroU64::new(std::mem::take(&mut told.left_out)) })
    }

    /// Whoever got in is told at once when it stays out again.
    pub fn forget(&self, who: &K) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).known.remove(who);
    }
}

impl<K: Copy + Eq + Hash> Told<K> {
    /// Forgets those told long ago. Of the others there are fewer: so few lines are made in that time.
    fn make_room(&mut self, now: Duration) {
        if self.known.len() >= MAX_KNOWN {
            self.known.retain(|_, one| now.saturating_sub(one.at) < SILENCE);
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

    /// A line that says how many there were of the same one, and how many of all have none.
    fn line(unlogged: u64, left_out: u64) -> Option<Before> {
        Some(Before { unlogged: NonZeroU64::new(unlogged), left_out: NonZeroU64::new(left_out) })
    }

    #[test]
    fn who_knocks_every_few_seconds_is_told_once_an_hour_with_the_count() {
        let knocks = Knocks::new();
        assert_eq!(knocks.told(1, SECOND(0)), line(0, 0));
        assert!((1..1799).all(|at| knocks.told(1, SECOND(at * 2)).is_none()));
        assert_eq!(knocks.told(1, SECOND(3600)), line(1798, 0));
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
        assert_eq!(knocks.told(1, SECOND(0)), line(0, 0));
        knocks.forget(&1);
        assert_eq!(knocks.told(1, SECOND(2)), line(0, 0));
    }

    #[test]
    fn the_next_line_says_how_many_were_left_out() {
        let knocks = Knocks::new();
        let told = (0..AT_ONCE + 7).filter(|name| knocks.told(*name, SECOND(0)).is_some()).count();
        assert_eq!(told as u64, AT_ONCE);
        // Who was told already is none of them.
        assert_eq!(knocks.told(0, SECOND(1)), None);
        assert_eq!(knocks.told(100, SECOND(SECONDS_EACH)), line(0, 7));
        assert_eq!(knocks.told(101, SECOND(2 * SECONDS_EACH)), line(0, 0), "each is counted once");
    }

    #[test]
    fn a_host_is_known_by_its_ipv4_address_and_by_its_network_of_ipv6() {
        let at = |ip: &str| Whereabouts::from(ip.parse::<IpAddr>().unwrap());
        assert_eq!(at("2001:db8:1:2::7"), at("2001:db8:1:2:ffff::8"));
        assert_ne!(at("2001:db8:1:2::7"), at("2001:db8:1:3::7"));
        assert_ne!(at("192.0.2.7"), at("192.0.2.8"));
        assert_eq!(at("::ffff:192.0.2.7"), at("192.0.2.7"));
        assert_ne!(
            at("::ffff:192.0.2.7"),
            at("::ffff:192.0.2.8"),
            "not by the network that both are written in"
        );
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
