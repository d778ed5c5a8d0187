//! Times as programs in Go write them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds of a day.
const DAY: u64 = 86_400;

/// A duration rounded to a tenth of a millisecond: `300µs`, `12.3ms`, `1.0345s`.
pub(super) fn duration(time: Duration) -> String {
    let tenths = (time.as_micros() + 50) / 100;
    match tenths {
        0 => "0s".to_owned(),
        1..10 => format!("{}µs", tenths * 100),
        10..10_000 => format!("{}ms", fraction(tenths / 10, tenths % 10, 1)),
        _ => format!("{}s", fraction(tenths / 10_000, tenths % 10_000, 4)),
    }
}

/// A moment in UTC by RFC 3339, with as many digits after the second as it has.
pub(super) fn moment(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / DAY, since.as_secs() % DAY);
    let (year, month, day) = date(days);
    let (hour, minute) = (second / 3600, second % 3600 / 60);
    let second =
        fraction(0, u128::from(since.subsec_nanos()), 9).replacen('0', &format!("{:02}", second % 60), 1);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second}Z")
}

/// Year, month and day so many days after 1970; counted in years that begin in March, so that a leap day is the last.
fn date(days: u64) -> (u64, u64, u64) {
    /// Days of 400 years, after which the calendar repeats.
    const ERA: u64 = 146_097;
    /// Days from 1 March of the year 0 to 1970.
    const TO_1970: u64 = 719_468;
    let days = days + TO_1970;
    let (era, day) = (days / ERA, days % ERA);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next_year, month, day)
}

/// `whole.part`, without zeros at the end.
fn fraction(whole: u128, part: u128, digits: usize) -> String {
    let text = format!("{whole}.{part:0digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_rounded_and_lose_their_zeros() {
        let shown = |micros| duration(Duration::from_micros(micros));
        for (micros, text) in [
            (0, "0s"),
            (49, "0s"),
            (50, "100µs"),
            (949, "900µs"),
            (950, "1ms"),
            (12_340, "12.3ms"),
            (100_000, "100ms"),
            (999_950, "1s"),
            (1_034_500, "1.0345s"),
            (2_500_000, "2.5s"),
        ] {
            assert_eq!(shown(micros), text, "{micros}");
        }
    }

    #[test]
    fn moments_have_the_digits_they_need_and_the_calendars_dates() {
        let shown = |seconds, nanos| moment(UNIX_EPOCH + Duration::new(seconds, nanos));
        assert_eq!(shown(0, 0), "1970-01-01T00:00:00Z");
        assert_eq!(shown(951_782_400, 120_000_000), "2000-02-29T00:00:00.12Z");
        assert_eq!(shown(1_735_689_599, 1), "2024-12-31T23:59:59.000000001Z");
        assert_eq!(shown(4_107_542_410, 0), "2100-03-01T00:00:10Z");
    }
}
