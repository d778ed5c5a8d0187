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

/// Packets a second from which a worker rests: it is busy most of the time then, and close to where packets queue anyway.
const LEAST_RATE: u64 = 80_000;

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
        let pays = rate >= LEAST_RATE && a_round < ENOUGH_A_ROUND;
        if !self.resting {
            self.rate_at_once = rate;
            self.resting = pays && self.left == 0;
            self.left = if self.resting { WINDOWS } else { self.left.saturating_sub(1) };
        } else if self.left == WINDOWS && rate * 8 < self.rate_at_once * 7 {
            // They wait for answers. So as not to slow them, another trial comes much later.
            self.resting = false;
        } else {
            self.left = if pays { self.left - 1 } else { 0 };
            self.resting = self.left > 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets in `seconds` of a worker that needs 5 µs for a look and 5 µs a packet, if `waiting` tells how many wait for it
    /// after the time given since it last looked; and the rounds it took.
    fn run(seconds: u64, mut waiting: impl FnMut(Duration) -> u64) -> (u64, u64) {
        let mut moderation = Moderation::default();
        let (mut now, mut packets, mut rounds) = (Duration::ZERO, 0, 0);
        let mut looked = now;
        while now < Duration::from_secs(seconds) {
            now += moderation.end_round(now, || packets).unwrap_or_default() + Duration::from_micros(5);
            let found = waiting(now - looked);
            looked = now;
            packets += found;
            rounds += 1;
            now += Duration::from_micros(5 * found.max(1));
        }
        (packets, rounds)
    }

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
        let (packets, rounds) = run(4, even(90_000));
        assert!(packets > 4 * 89_000, "{packets}");
        assert!(packets > 6 * rounds, "{packets} in {rounds} rounds");
    }

    #[test]
    fn slow_packets_do_not_wait() {
        let (packets, rounds) = run(4, even(70_000));
        assert!(rounds >= packets, "{packets} in {rounds} rounds");
    }

    #[test]
    fn those_that_wait_for_answers_are_not_slowed() {
        // Ten packets on their way, each of which comes back as soon as it was handled.
        let (packets, _) = run(4, |_| 10);
        // A round of them takes 55 µs.
        let at_once = 10 * 4_000_000 / 55;
        assert!(packets * 100 > at_once * 95, "{packets} instead of {at_once}");
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
