//! Times on the command line, written as in the configuration.

use std::ops::RangeInclusive;
use std::time::Duration;

use wherry_server::config::parse_duration;

/// For one step towards a relay, or between two reports: as long as anybody waits for it.
pub(crate) const STEP: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(24);

/// Reads a time of [`STEP`].
pub(crate) fn step(text: &str) -> Result<Duration, String> {
    parse_duration(text, &STEP)
        .map_err(|err| format!("{err}; allowed: 1ms to 24h, each number with its unit: 5s, 800ms, 1m30s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_and_end_at_a_day() {
        let times = [("5s", 5_000), ("800ms", 800), ("2m", 120_000), ("1m30s", 90_000), ("24h", 86_400_000)];
        for (text, millis) in times {
            assert_eq!(step(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "0", "5", "0ms", "1441m", "-1s", "1.5s", "s", "1w"] {
            assert!(step(text).unwrap_err().contains("each number with its unit"), "{text}");
        }
    }
}
