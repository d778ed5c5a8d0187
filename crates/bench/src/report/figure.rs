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
