//! Limits on rates: token buckets that are told the time.
//!
//! A bucket is kept as one instant, the moment at which it will be full again. So an idle bucket needs no refilling, and all
//! arithmetic is on whole nanoseconds.

use std::num::NonZeroU64;
use std::time::Duration;

use crate::drop::Kind;

/// A bucket of `burst` tokens that fills at `rate` tokens a second. What a token is (a byte, a frame) is the caller's choice.
#[derive(Clone, Debug)]
pub struct TokenBucket {
    rate: NonZeroU64,
    /// How long an empty bucket takes to fill.
    depth: Duration,
    full_at: Duration,
}

impl TokenBucket {
    /// A full bucket.
    pub fn full(rate: NonZeroU64, burst: NonZeroU64) -> Self {
        Self { rate, depth: time_for(burst.get(), rate), full_at: Duration::ZERO }
    }

    /// Takes `amount` tokens if they are there, else none; says which. More than the burst is never there.
    pub fn try_take(&mut self, amount: u64, now: Duration) -> bool {
        let full_at = self.full_at_after(amount, now);
        let enough = full_at.saturating_sub(now) <= self.depth;
        if enough {
            self.full_at = full_at;
        }
        enough
    }

    /// Takes `amount` tokens, on credit if need be, and says how long the caller must wait until they are paid for.
    ///
    /// Also an amount above the burst is paid for in the end, so a small burst slows a sender down but never stops it.
    pub fn take(&mut self, amount: u64, now: Duration) -> Duration {
        self.full_at = self.full_at_after(amount, now);
        self.full_at.saturating_sub(now).saturating_sub(self.depth)
    }

    fn full_at_after(&self, amount: u64, now: Duration) -> Duration {
        self.full_at.max(now).saturating_add(time_for(amount, self.rate))
    }
}

/// How long `rate` needs for `amount` tokens, rounded up to a nanosecond.
fn time_for(amount: u64, rate: NonZeroU64) -> Duration {
    const NANOS: u128 = 1_000_000_000;
    let nanos = (u128::from(amount) * NANOS).div_ceil(u128::from(rate.get()));
    u64::try_from(nanos).map_or(Duration::MAX, Duration::from_nanos)
}

/// Limits how often one sending conn is told that its destination is not here.
///
/// Only discovery packets earn the notice, one a second with a burst of three: enough for a client to learn that it must look
/// elsewhere, too little to be worth provoking. Tailscale: derp/derpserver/derpserver.go, `sendPeerGone` and its limiter.
#[derive(Clone, Debug)]
pub struct NotHereLimit(TokenBucket);

impl NotHereLimit {
    const PER_SECOND: NonZeroU64 = NonZeroU64::MIN;
    const BURST: NonZeroU64 = NonZeroU64::MIN.saturating_add(2);

    /// The limit of a conn that has just joined.
    pub fn new() -> Self {
        Self(TokenBucket::full(Self::PER_SECOND, Self::BURST))
    }

    /// Whether the sender of `packet`, which had nowhere to go, shall be told so; if so, this uses up one notice.
    pub fn allows(&mut self, packet: &[u8], now: Duration) -> bool {
        Kind::of(packet) == Kind::Disco && self.0.try_take(1, now)
    }
}

impl Default for NotHereLimit {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bucket(rate: u64, burst: u64) -> TokenBucket {
        TokenBucket::full(NonZeroU64::new(rate).unwrap(), NonZeroU64::new(burst).unwrap())
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn burst_is_there_at_once_and_then_the_rate() {
        let mut bucket = bucket(10, 3);
        let now = ms(5_000);
        assert_eq!(
            (0..5).map(|_| bucket.try_take(1, now)).collect::<Vec<_>>(),
            [true, true, true, false, false]
        );
        assert!(!bucket.try_take(1, now + ms(99)));
        assert!(bucket.try_take(1, now + ms(100)));
        assert!(!bucket.try_take(1, now + ms(100)));
        assert_eq!((0..4).filter(|_| bucket.try_take(1, now + ms(60_000))).count(), 3);
    }

    #[test]
    fn taking_on_credit_makes_the_caller_wait_for_what_is_missing() {
        let mut bucket = bucket(1_000, 500);
        assert_eq!(bucket.take(500, ms(0)), ms(0));
        assert_eq!(bucket.take(250, ms(0)), ms(250));
        assert_eq!(bucket.take(250, ms(250)), ms(250));
        assert_eq!(bucket.take(0, ms(10_000)), ms(0));
        assert_eq!(bucket.take(2_000, ms(10_000)), ms(1_500));
    }

    #[test]
    fn more_than_the_burst_is_never_there() {
        assert!(!bucket(1, 3).try_take(4, ms(1_000_000)));
    }

    #[test]
    fn absurd_amounts_saturate() {
        let mut bucket = bucket(1, u64::MAX);
        assert_eq!(bucket.take(u64::MAX, ms(0)), ms(0));
        assert!(bucket.take(u64::MAX, ms(0)) <= Duration::MAX);
        assert!(bucket.take(u64::MAX, Duration::MAX) <= Duration::MAX);
    }

    #[test]
    fn not_here_is_told_only_for_disco_and_thrice_at_most_at_once() {
        let mut limit = NotHereLimit::new();
        let mut disco = [0; 62];
        disco[..6].copy_from_slice(&wherry_wire::disco::MAGIC);
        assert!((0..9).all(|_| !limit.allows(&[0; 62], ms(1))));
        assert_eq!((0..9).filter(|_| limit.allows(&disco, ms(1))).count(), 3);
        assert!(!limit.allows(&disco, ms(1_000)));
        assert!(limit.allows(&disco, ms(1_001)));
    }

    proptest! {
        #[test]
        fn never_more_than_burst_and_rate_allow(
            rate in 1_u64..2_000_000_000, burst in 1_u64..100_000,
            takes in proptest::collection::vec((0_u64..3_000, 0_u64..2_000_000), 1..100),
        ) {
            let mut bucket = bucket(rate, burst);
            let (mut now, mut taken) = (Duration::ZERO, 0);
            for (amount, gap_ns) in takes {
                now += Duration::from_nanos(gap_ns);
                if bucket.try_take(amount, now) {
                    taken += u128::from(amount);
                }
                let earned = u128::from(rate) * now.as_nanos() / 1_000_000_000;
                // Rounding up to a nanosecond may lend a bucket at most what that nanosecond earns.
                prop_assert!(taken <= u128::from(burst) + earned + u128::from(rate).div_ceil(1_000_000_000));
            }
        }
    }
}
