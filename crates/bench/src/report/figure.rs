//! One number with its name.

use serde::{Deserialize, Serialize};

/// One number that a scenario is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Its name for scripts.
    pub name: String,
    /// Its name for people.
    pub label: String,
    /// None if it could not be had.
    pub value: Option<f64>,
    /// What it counts.
    pub unit: Unit,
    /// Why there is no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<String>,
}

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unit {
    /// Things.
    Count,
    /// Things a second.
    PerSecond,
    /// Things per second of the relay's CPU time.
    PerCpuSecond,
    /// Microseconds.
    Micros,
    /// Bytes.
    Bytes,
    /// A share: 1 is all.
    Share,
}

impl Figure {
    /// A figure that was had.
    #[must_use]
    pub fn new(name: &str, label: &str, unit: Unit, value: f64) -> Self {
        Self { name: name.to_owned(), label: label.to_owned(), value: Some(value), unit, absent: None }
    }

    /// A figure, or why there is none.
    #[must_use]
    pub fn maybe(name: &str, label: &str, unit: Unit, value: Option<f64>, absent: &str) -> Self {
        let reason = value.is_none().then(|| absent.to_owned());
        Self { name: name.to_owned(), label: label.to_owned(), value, unit, absent: reason }
    }
}

impl Unit {
    /// A value for people: three to four digits that matter, thousands apart, with its unit.
    #[must_use]
    pub fn show(self, value: f64) -> String {
        if !value.is_finite() {
            return "–".to_owned();
        }
        match self {
            Self::Count => number(value),
            Self::PerSecond => format!("{} /s", number(value)),
            Self::PerCpuSecond => format!("{} /CPU s", number(value)),
            Self::Micros if value >= 10_000.0 => format!("{:.1} ms", value / 1000.0),
            Self::Micros if value >= 1000.0 => format!("{:.2} ms", value / 1000.0),
            Self::Micros => format!("{value:.0} µs"),
            Self::Bytes => format!("{} bytes", number(value)),
            Self::Share if value == 0.0 => "0 %".to_owned(),
            Self::Share => format!("{:.3} %", value * 100.0),
        }
    }
}

fn number(value: f64) -> String {
    if value != 0.0 && value.abs() < 10.0 && value.fract() != 0.0 {
        format!("{value:.2}")
    } else {
        grouped(&format!("{value:.0}"))
    }
}

/// Decimal `digits` with a comma between thousands.
#[must_use]
pub fn grouped(digits: &str) -> String {
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_with_their_unit_and_thousands_apart() {
        for (unit, value, shown) in [
            (Unit::PerCpuSecond, 1_029_097.4, "1,029,097 /CPU s"),
            (Unit::Micros, 35.2, "35 µs"),
            (Unit::Micros, 1234.0, "1.23 ms"),
            (Unit::Share, 0.000_21, "0.021 %"),
            (Unit::Share, 0.0, "0 %"),
            (Unit::Count, 999.4, "999"),
            (Unit::Count, 2.0, "2"),
            (Unit::Bytes, f64::NAN, "–"),
        ] {
            assert_eq!(unit.show(value), shown);
        }
    }
}
