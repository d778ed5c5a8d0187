//! Times as programs in Go write them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;

/// Days of 400 years, after which the calendar repeats.
const ERA: i64 = 146_097;

/// Days from 1 March of the year 0 to 1970.
const TO_1970: i64 = 719_468;

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

/// A moment by RFC 3339 on a clock that is so many seconds ahead of UTC, with as many digits after the second as it has.
pub(super) fn moment(time: SystemTime, ahead: i64) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let second = i64::try_from(since.as_secs()).unwrap_or_default() + ahead;
    let (year, month, day) = date(second.div_euclid(DAY));
    let second = second.rem_euclid(DAY);
    let (hour, minute) = (second / 3600, second % 3600 / 60);
    let second =
        fraction(0, u128::from(since.subsec_nanos()), 9).replacen('0', &format!("{:02}", second % 60), 1);
    let zone = match (ahead, ahead.abs() / 60) {
        (0, _) => "Z".to_owned(),
        (_, minutes) => {
            let sign = if ahead < 0 { '-' } else { '+' };
            format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
        }
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second}{zone}")
}

/// Year, month and day so many days after 1970; counted in years that begin in March, so that a leap day is the last.
pub(super) fn date(days: i64) -> (i64, i64, i64) {
    let days = days + TO_1970;
    let (era, day) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next_year, month, day)
}

/// Days from 1970 to the first of a month.
pub(super) fn days_to(year: i64, month: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    era * ERA + 365 * year + year / 4 - year / 100 + (153 * month + 2) / 5 - TO_1970
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
        let shown = |seconds, nanos| moment(UNIX_EPOCH + Duration::new(seconds, nanos), 0);
        assert_eq!(shown(0, 0), "1970-01-01T00:00:00Z");
        assert_eq!(shown(951_782_400, 120_000_000), "2000-02-29T00:00:00.12Z");
        assert_eq!(shown(1_735_689_599, 1), "2024-12-31T23:59:59.000000001Z");
        assert_eq!(shown(4_107_542_410, 0), "2100-03-01T00:00:10Z");
    }

    #[test]
    fn moments_elsewhere_have_their_own_day_and_say_how_far_they_are_ahead() {
        let shown = |ahead| moment(UNIX_EPOCH + Duration::new(1_735_689_599, 5_000_000), ahead);
        assert_eq!(shown(8 * 3600), "2025-01-01T07:59:59.005+08:00");
        assert_eq!(shown(-12_600), "2024-12-31T20:29:59.005-03:30");
        assert_eq!(moment(UNIX_EPOCH, -3600), "1969-12-31T23:00:00-01:00");
    }

    #[test]
    fn a_month_begins_where_the_calendar_says() {
        for days in (-200_000..200_000).step_by(17) {
            let (year, month, day) = date(days);
            assert_eq!(days_to(year, month) + day - 1, days, "{year}-{month}-{day}");
        }
    }
}
