//! Pauses that grow.

use std::time::Duration;

/// Pauses between dials: doubling from `first` up to `bound`, each drawn evenly from its upper half.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    bound: Duration,
    next: Duration,
}

impl Backoff {
    /// Pauses from `first` to `bound`; `bound` is raised to `first` if shorter.
    #[must_use]
    pub fn new(first: Duration, bound: Duration) -> Self {
        Self { first, bound: bound.max(first), next: first }
    }

    /// The longest pause.
    pub(super) fn bound(&self) -> Duration {
        self.bound
    }

    /// The next pause; `draw` gives an even draw from `[0, limit)`.
    pub(super) fn pause(&mut self, draw: impl FnOnce(Duration) -> Duration) -> Duration {
        let half = self.next / 2;
        self.next = self.next.saturating_mul(2).min(self.bound);
        half + draw(half)
    }

    /// Starts anew after a connection that lived for `lived`: only if that was longer than the longest pause, so
    /// that a relay which takes and drops its clients is not hammered.
    pub(super) fn ended_after(&mut self, lived: Duration) {
        if lived >= self.bound {
            self.next = self.first;
        }
    }
}

impl Default for Backoff {
    /// From half a second to 30 seconds.
    fn default() -> Self {
        Self::new(Duration::from_millis(500), Duration::from_secs(30))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn pauses_double_up_to_the_bound_within_their_upper_half() {
        let mut low = Backoff::new(MS(500), MS(3000));
        let mut high = low.clone();
        let pauses: Vec<_> = (0..5).map(|_| (low.pause(|_| MS(0)), high.pause(|limit| limit))).collect();
        let expected = [(250, 500), (500, 1000), (1000, 2000), (1500, 3000), (1500, 3000)];
        assert_eq!(pauses, expected.map(|(low, high)| (MS(low), MS(high))));
    }

    #[test]
    fn only_a_connection_that_lasted_shortens_the_pauses() {
        let mut backoff = Backoff::new(MS(500), MS(3000));
        let all = |limit| limit;
        assert_eq!(backoff.pause(all), MS(500));
        backoff.ended_after(MS(2999));
        assert_eq!(backoff.pause(all), MS(1000));
        backoff.ended_after(MS(3000));
        assert_eq!(backoff.pause(all), MS(500));
    }
}
