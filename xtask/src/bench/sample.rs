//! What one run gave.

use crate::distance::Distance;
use serde_json::{Map, Value, json};

/// A run and the generator's whole report.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What is kept of it.
    pub(crate) sample: Sample,
    /// Everything.
    pub(crate) report: Value,
}

/// What is kept of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    /// Figures by their names.
    pub(crate) figures: Vec<(String, f64)>,
    /// Why it is no result: codes and texts; empty if it is one.
    pub(crate) reasons: Vec<(String, String)>,
    /// Cores that the relay used, the share of its time that the generator was busy, and cores that others used.
    pub(crate) beside: [Option<f64>; 3],
    /// What a cache line took from the relay's core to the generator's and back, in nanoseconds: the most of before and after.
    pub(crate) round_trip: Option<f64>,
}

/// A reason that leaves work per CPU second as it is.
const GENERATOR_FULL: &str = "generator-full";

/// A reason that leaves memory as it is.
const CORES_APART: &str = "cores-apart";

/// Names of [`Sample::beside`].
const BESIDE: [&str; 3] = ["server cores", "generator busy", "others' cores"];

impl Sample {
    /// Reads a report; none if it is not one.
    pub(crate) fn of(report: &Value) -> Option<Self> {
        let named =
            |figure: &Value| Some((figure.get("name")?.as_str()?.to_owned(), figure.get("value")?.as_f64()?));
        let figures = report.get("figures")?.as_array()?.iter().filter_map(named).collect();
        let reason = |reason: &Value| {
            let text = |key| Some(reason.get(key)?.as_str()?.to_owned());
            Some((text("code")?, text("text")?))
        };
        let reasons = report.get("reasons")?.as_array()?.iter().filter_map(reason).collect();
        let paths = ["/server/cores_used", "/generator/busy", "/generator/others_cores"];
        let beside = paths.map(|path| report.pointer(path).and_then(Value::as_f64));
        Some(Self { figures, reasons, beside, round_trip: None })
    }

    /// A figure, if the report has it.
    pub(crate) fn figure(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    /// Speaks against the run if its cores were farther apart than they need have been.
    pub(crate) fn judge(&mut self, distance: &Distance) {
        let Some(round_trip) = self.round_trip.filter(|seen| distance.is_apart(*seen)) else { return };
        if self.reasons.iter().all(|(code, _)| code != CORES_APART) {
            let text = format!("a cache line took {round_trip:.0} ns between the cores and back");
            self.reasons.push((CORES_APART.to_owned(), text));
        }
    }

    /// Whether nothing speaks against that figure.
    pub(crate) fn is_result(&self, name: &str) -> bool {
        self.reasons.iter().all(|(code, _)| match code.as_str() {
            GENERATOR_FULL => name.ends_with("per_cpu_second"),
            CORES_APART => name == "bytes_per_client",
            _ => false,
        })
    }

    /// Whether a second try may be better: no figure stands, and something else than the speed of the generator was in the way.
    pub(crate) fn is_worth_a_second_try(&self) -> bool {
        let stands = self.figures.iter().any(|(name, _)| self.is_result(name));
        !stands && self.reasons.iter().any(|(code, _)| code != GENERATOR_FULL)
    }

    /// For the raw file.
    pub(crate) fn json(&self) -> Map<String, Value> {
        let figures: Map<String, Value> =
            self.figures.iter().map(|(name, value)| (name.clone(), json!(digits(*value)))).collect();
        let mut map = Map::from_iter([("figures".to_owned(), Value::Object(figures))]);
        for (name, value) in BESIDE.iter().zip(self.beside) {
            map.extend(value.map(|value| ((*name).to_owned(), json!(digits(value)))));
        }
        map.extend(self.round_trip.map(|value| ("cache line, ns".to_owned(), json!(value.round()))));
        if !self.reasons.is_empty() {
            let codes: Vec<&str> = self.reasons.iter().map(|(code, _)| code.as_str()).collect();
            map.insert("no result".to_owned(), json!(codes));
        }
        map
    }
}

/// Six digits that count, so that the file stays readable.
fn digits(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn report(code: &str) -> Value {
        json!({
            "figures": [
                {"name": "packets_per_cpu_second", "value": 1_234_567.8}, {"name": "p50_us", "value": 7.0},
                {"name": "p99_us", "value": null}
            ],
            "reasons": [{"code": code, "text": "it was"}],
            "server": {"cores_used": 0.9}, "generator": {"busy": 0.5, "others_cores": null}
        })
    }

    #[test]
    fn a_report_gives_its_figures_and_what_was_seen_beside_them() {
        let sample = Sample::of(&report(GENERATOR_FULL)).unwrap();
        assert_eq!(sample.figure("packets_per_cpu_second"), Some(1_234_567.8));
        assert_eq!(sample.figure("p99_us"), None);
        assert_eq!(sample.beside, [Some(0.9), Some(0.5), None]);
        assert_eq!(sample.json()["figures"]["packets_per_cpu_second"], json!(1_234_570.0));
        assert!(Sample::of(&json!({"figures": []})).is_none());
    }

    #[test]
    fn a_full_generator_leaves_work_per_cpu_second_and_nothing_else() {
        let full = Sample::of(&report(GENERATOR_FULL)).unwrap();
        assert_eq!(["packets_per_cpu_second", "p50_us"].map(|name| full.is_result(name)), [true, false]);
        assert!(!full.is_worth_a_second_try());
        let late = Sample::of(&report("generator-late")).unwrap();
        assert!(!late.is_result("packets_per_cpu_second") && late.is_worth_a_second_try());
    }

    #[test]
    fn cores_apart_leave_memory_and_nothing_else() {
        let distance = Distance { cores: [0, 1], patience: Duration::ZERO, nearest: 60.0, farthest: 345.6 };
        let seen = |round_trip| Sample { round_trip: Some(round_trip), ..Sample::default() };
        let (mut near, mut apart) = (seen(54.4), seen(345.6));
        near.judge(&distance);
        apart.judge(&distance);
        apart.judge(&distance);
        assert!(near.is_result("packets_per_cpu_second") && !near.is_worth_a_second_try());
        assert_eq!(apart.reasons.len(), 1);
        let names = ["packets_per_cpu_second", "p99_us", "overload_share", "bytes_per_client"];
        assert_eq!(names.map(|name| apart.is_result(name)), [false, false, false, true]);
        assert!(apart.is_worth_a_second_try());
        apart.figures.push(("bytes_per_client".to_owned(), 3700.0));
        assert!(!apart.is_worth_a_second_try());
        assert_eq!(apart.json()["cache line, ns"], json!(346.0));
    }
}
