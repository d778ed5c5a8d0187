//! Numbers for people.

use crate::results::Spread;
use crate::row::{Aim, Unit};
use wherry_bench::grouped;

/// Median, and the spread if there is one.
pub(crate) fn spread(value: Spread, unit: Unit) -> String {
    let Spread { least, median, most, is_result } = value;
    let middle = shown(median, unit);
    let range = if least == most {
        String::new()
    } else {
        format!(" [{} – {}]", shown(least, unit), shown(most, unit))
    };
    let note = if is_result { "" } else { " (no result)" };
    format!("{middle}{range}{note}")
}

/// What is aimed at.
pub(crate) fn aim(aim: Aim, unit: Unit) -> String {
    match aim {
        Aim::Times(times) => format!("≥ {times} ×"),
        Aim::OfReference(share) => format!("≤ {share} ×"),
        Aim::AtLeast(least) => format!("≥ {}", shown(least, unit)),
        Aim::AtMost(0.0) => "0".to_owned(),
        Aim::AtMost(most) => format!("≤ {}", shown(most, unit)),
        Aim::None => String::new(),
    }
}

/// A value in its unit.
pub(crate) fn shown(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Count | Unit::Bytes => number(value),
        Unit::Micros if value >= 1000.0 => format!("{:.1} ms", value / 1000.0),
        Unit::Micros => format!("{value:.0} µs"),
        Unit::Loss if value == 0.0 => "0".to_owned(),
        Unit::Loss => format!("{:.3} %", value * 100.0),
        Unit::Share => format!("{value:.2}"),
    }
}

/// Three to four digits that matter, thousands apart.
pub(crate) fn number(value: f64) -> String {
    if value.abs() < 10.0 {
        return format!("{value:.2}");
    }
    grouped(&format!("{value:.0}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(number(1_234_567.0), "1,234,567");
        assert_eq!(number(999.4), "999");
        assert_eq!(number(0.954), "0.95");
    }

    #[test]
    fn values_are_shown_with_their_unit_and_their_doubts() {
        let value = Spread { least: 900.0, median: 1250.0, most: 1600.0, is_result: false };
        assert_eq!(spread(value, Unit::Micros), "1.2 ms [900 µs – 1.6 ms] (no result)");
        let value = Spread { least: 0.0, median: 0.0, most: 0.0, is_result: true };
        assert_eq!(spread(value, Unit::Loss), "0");
        assert_eq!(aim(Aim::AtMost(0.001), Unit::Loss), "≤ 0.100 %");
        assert_eq!(aim(Aim::Times(5.5), Unit::Count), "≥ 5.5 ×");
    }
}
