//! When something is due. Pure: time is an argument, in nanoseconds.

use crate::clock::SECOND;

/// Bursts at even distances, from a fixed beginning.
///
/// The time of a burst follows from its number alone, so no delay of one moves another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pacer {
    begin: u64,
    /// Events per second.
    rate: u64,
    /// Events at each beat.
    burst: u64,
    /// Of all beats, those numbered `offset`, `offset + stride`, … are this pacer's.
    stride: u64,
    offset: u64,
}

impl Pacer {
    /// `rate` events a second in bursts of `burst`, shared by `stride` pacers of which this is number `offset`.
    pub(crate) fn new(begin: u64, rate: u64, burst: u64, stride: u64, offset: u64) -> Self {
        Self { begin, rate: rate.max(1), burst: burst.max(1), stride: stride.max(1), offset }
    }

    /// When its burst of that number is due.
    pub(crate) fn due(&self, number: u64) -> u64 {
        let beat = u128::from(number) * u128::from(self.stride) + u128::from(self.offset);
        let since = beat * u128::from(self.burst) * u128::from(SECOND) / u128::from(self.rate);
        self.begin.saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
    }
}

/// How many bytes a reader of limited speed may take by now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    bytes_per_second: u64,
    /// Most that a reader saves up while there is nothing to read, in bytes.
    most: u64,
    /// When it had nothing left, nanoseconds; what it has follows from it.
    empty_at: u64,
}

impl Allowance {
    /// Nothing at `now`, then that many bytes a second; saves up five milliseconds' worth, and 64 KiB at least.
    pub(crate) fn new(now: u64, bytes_per_second: u64) -> Self {
        let bytes_per_second = bytes_per_second.max(1);
        Self { bytes_per_second, most: (bytes_per_second / 200).max(64 << 10), empty_at: now }
    }

    /// Bytes that may be taken at `now`.
    pub(crate) fn at(&mut self, now: u64) -> u64 {
        let saved = self.worth(now.saturating_sub(self.empty_at));
        if saved > self.most {
            self.empty_at = now.saturating_sub(self.time_for(self.most));
        }
        saved.min(self.most)
    }

    /// Takes bytes.
    pub(crate) fn take(&mut self, bytes: u64) {
        self.empty_at = self.empty_at.saturating_add(self.time_for(bytes));
    }

    /// When there will be `bytes` to take.
    pub(crate) fn when(&self, bytes: u64) -> u64 {
        self.empty_at.saturating_add(self.time_for(bytes))
    }

    fn worth(&self, nanos: u64) -> u64 {
        u64::try_from(u128::from(nanos) * u128::from(self.bytes_per_second) / u128::from(SECOND))
            .unwrap_or(u64::MAX)
    }

    fn time_for(&self, bytes: u64) -> u64 {
        u64::try_from(u128::from(bytes) * u128::from(SECOND) / u128::from(self.bytes_per_second))
            .unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_times_never_slip_even_after_hours_at_an_odd_rate() {
        let pacer = Pacer::new(1_000, 7, 1, 1, 0);
        assert_eq!(pacer.due(0), 1_000);
        assert_eq!(pacer.due(7 * 86_400), 1_000 + 86_400 * SECOND);
        // A distance rounded once and added up would be off by a second and more by then.
        assert_eq!(pacer.due(7 * 86_400 + 1) - pacer.due(7 * 86_400), SECOND / 7);
    }

    #[test]
    fn pacers_that_share_a_rate_take_turns_evenly() {
        let due: Vec<u64> = (0..2)
            .flat_map(|number| (0..4).map(move |offset| Pacer::new(0, 1_000, 1, 4, offset).due(number)))
            .collect();
        let expected: Vec<u64> = (0..8).map(|beat| beat * 1_000_000).collect();
        assert_eq!(due, expected);
    }

    #[test]
    fn a_burst_stands_for_its_events() {
        let pacer = Pacer::new(0, 20_000, 20, 1, 0);
        assert_eq!(pacer.due(1_000), SECOND);
    }

    #[test]
    fn an_allowance_is_spent_once_and_saved_up_only_so_far() {
        let mut allowance = Allowance::new(0, 100_000_000);
        assert_eq!(allowance.at(1_000_000), 100_000);
        allowance.take(40_000);
        assert_eq!(allowance.at(1_000_000), 60_000);
        assert_eq!(allowance.when(70_000), 1_100_000);
        assert_eq!(allowance.at(SECOND), 500_000);
        allowance.take(500_000);
        assert_eq!(allowance.at(SECOND), 0);
    }
}
