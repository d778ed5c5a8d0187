//! Letting packets gather where they come fast and one by one, as network cards moderate their interrupts.
//!
//! A worker that looks for packets as soon as it is idle finds one at a time, however fast they come, and each costs a
//! look, a read and a write. From some rate on it rests a moment before each look; then a read and a write serve several
//! packets. Where whoever sends waits for answers, as in a closed loop, a rest makes fewer packets and saves nothing: so
//! rests are tried and judged by the rate, and now and then left out to compare. See decision 0010.

use std::time::Duration;

/// How long a worker rests. The kernel adds up to 50 µs, its default slack for timers.
const REST: Duration = Duration::from_micros(150);

/// How long packets are counted before the next step is decided.
const WINDOW: Duration = Duration::from_millis(20);

/// Windows until the other is tried: looking at once, or resting.
const WINDOWS: u32 = 25;

/// Packets a second from which a worker rests, and below which it does so no more.
const RATES: [u64; 2] = [80_000, 70_000];

/// Packets of a round from which a worker need not rest: they come together already.
const ENOUGH_A_ROUND: u64 = 64;

/// Decides when a worker rests; one for each worker.
#[derive(Debug, Default)]
pub struct Moderation {
    /// When the window began, and packets handled by then.
    began: Duration,
    packets: u64,
    /// Rounds in the window.
    rounds: u64,
    resting: bool,
    /// Windows until the other is tried.
    left: u32,
    /// Packets a second in the last window without rests.
    rate_at_once: u64,
}

impl Moderation {
    /// A round is over at `now` (since the process' start), and the worker has handled `packets` in all. Returns how long it
    /// is to rest before it looks for more.
    pub fn end_round(&mut self, now: Duration, packets: impl FnOnce() -> u64) -> Option<Duration> {
        self.rounds += 1;
        let elapsed = now.saturating_sub(self.began);
        if elapsed >= WINDOW {
            let packets = packets();
            let handled = packets.saturating_sub(self.packets);
            let rate = handled * 1000 / u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
            self.end_window(rate, handled / self.rounds);
            (self.began, self.packets, self.rounds) = (now, packets, 0);
        }
        self.resting.then_some(REST)
    }

    fn end_window(&mut self, rate: u64, a_round: u64) {
        let [from, to] = RATES;
        if !self.resting {
            self.rate_at_once = rate;
            self.resting = rate >= from && a_round < ENOUGH_A_ROUND && self.left == 0;
            self.left = if self.resting { WINDOWS } else { self.left.saturating_sub(1) };
        } else if self.left == WINDOWS && rate * 8 < self.rate_at_once * 7 {
            // They wait for answers. So as not to slow them, another trial comes much later.
            self.resting = false;
        } else {
            // Rounds are large because of the rests: how large they are without is seen when one window goes by so.
            self.left = if rate >= to { self.left.saturating_sub(1) } else { 0 };
            self.resting = self.left > 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Run {
        packets: u64,
        rounds: u64,
        /// Times it began or ceased to rest.
        changes: u64,
    }

    /// Four seconds of a worker that needs 5 µs for a look and `cost` for a packet; `waiting` tells how many wait for it after
    /// the time given since it last looked.
    fn run(cost: Duration, mut waiting: impl FnMut(Duration) -> u64) -> Run {
        let mut moderation = Moderation::default();
        let (mut now, mut run) = (Duration::ZERO, Run::default());
        let (mut looked, mut rested) = (now, false);
        while now < Duration::from_secs(4) {
            let rest = moderation.end_round(now, || run.packets);
            run.changes += u64::from(rested != rest.is_some());
            rested = rest.is_some();
            now += rest.unwrap_or_default() + Duration::from_micros(5);
            let found = waiting(now - looked);
            looked = now;
            run.packets += found;
            run.rounds += 1;
            now += cost * u32::try_from(found.max(1)).unwrap();
        }
        run
    }

    const DEAR: Duration = Duration::from_micros(5);
    const CHEAP: Duration = Duration::from_micros(1);

    /// Packets that come evenly, whatever the worker does.
    fn even(rate: u64) -> impl FnMut(Duration) -> u64 {
        let mut due = Duration::ZERO;
        let interval = Duration::from_secs(1) / u32::try_from(rate).unwrap();
        move |since| {
            due += since;
            let mut found = 0;
            while due >= interval {
                due -= interval;
                found += 1;
            }
            found
        }
    }

    #[test]
    fn fast_packets_gather() {
        for (rate, cost) in [(90_000, DEAR), (340_000, CHEAP), (500_000, CHEAP)] {
            let run = run(cost, even(rate));
            assert!(run.packets > 4 * (rate - 1_000), "{} at {rate}", run.packets);
            assert!(run.packets > 6 * run.rounds, "{} in {} rounds at {rate}", run.packets, run.rounds);
            assert!(run.changes < 20, "{} changes at {rate}", run.changes);
        }
    }

    #[test]
    fn slow_packets_do_not_wait() {
        let run = run(DEAR, even(70_000));
        assert!(run.rounds >= run.packets, "{} in {} rounds", run.packets, run.rounds);
    }

    #[test]
    fn those_that_wait_for_answers_are_not_slowed() {
        // Ten packets on their way, each of which comes back as soon as it was handled.
        let run = run(DEAR, |_| 10);
        // A round of them takes 55 µs.
        let at_once = 10 * 4_000_000 / 55;
        assert!(run.packets * 100 > at_once * 95, "{} instead of {at_once}", run.packets);
    }

    #[test]
    fn what_comes_together_is_not_made_to_wait() {
        let mut moderation = Moderation::default();
        let rests = (1..100_000).filter(|round| {
            moderation
                .end_round(*round * Duration::from_micros(100), || u64::from(*round) * ENOUGH_A_ROUND)
                .is_some()
        });
        assert_eq!(rests.count(), 0);
    }
}
