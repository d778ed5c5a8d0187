//! Samples to tables: medians, spread, ratios; the page in docs and the raw figures beside it.

use crate::scenario::{Plan, SERVER, Sample, Scenario};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::{fs, io};

/// A core that was busy for at least this share of the run set the pace.
const SATURATED: f64 = 0.95;

/// Everything measured, in order of measurement.
#[derive(Debug, Default)]
pub(crate) struct Results {
    samples: Vec<(&'static Scenario, &'static str, Sample)>,
}

impl Results {
    /// Keeps one sample.
    pub(crate) fn add(&mut self, scenario: &'static Scenario, subject: &'static str, sample: Sample) {
        self.samples.push((scenario, subject, sample));
    }

    fn scenarios(&self) -> Vec<&'static Scenario> {
        let mut scenarios: Vec<&'static Scenario> =
            self.samples.iter().map(|(scenario, _, _)| *scenario).collect();
        scenarios.dedup_by_key(|scenario| scenario.name);
        scenarios
    }

    fn of(&self, scenario: &Scenario, subject: &str) -> Vec<&Sample> {
        let samples = self.samples.iter().filter(|(s, name, _)| s.name == scenario.name && *name == subject);
        samples.map(|(_, _, sample)| sample).collect()
    }

    fn subjects(&self) -> Vec<&'static str> {
        let mut subjects: Vec<&'static str> = self.samples.iter().map(|(_, subject, _)| *subject).collect();
        subjects.sort_unstable();
        subjects.dedup();
        subjects
    }

    /// The table of figures and ratios, then one of what was seen beside them, as Markdown.
    pub(crate) fn table(&self) -> String {
        let mut text =
            String::from("| figure | wherry | derper, the better of two | ratio |\n|---|---|---|---|\n");
        for scenario in self.scenarios() {
            let ours = spread(&figures(&self.of(scenario, "wherry")));
            let theirs = self.best_reference(scenario);
            let ratio = if scenario.more_is_better { ours.1 / theirs.1 } else { theirs.1 / ours.1 };
            text.push_str(&format!(
                "| {} | {} | {} | {ratio:.1} × |\n",
                scenario.figure,
                shown(ours),
                shown(theirs)
            ));
        }
        text.push_str("\n| beside it, medians | relay | |\n|---|---|---|\n");
        for scenario in self.scenarios() {
            for subject in self.subjects() {
                text.push_str(&format!(
                    "| {} | {subject} | {} |\n",
                    scenario.name,
                    self.beside(scenario, subject)
                ));
            }
        }
        text
    }

    fn best_reference(&self, scenario: &Scenario) -> (f64, f64, f64) {
        let all = self.subjects().into_iter().filter(|subject| *subject != "wherry");
        let mut all: Vec<_> = all.map(|subject| spread(&figures(&self.of(scenario, subject)))).collect();
        all.sort_by(|a, b| a.1.total_cmp(&b.1));
        let best = if scenario.more_is_better { all.last() } else { all.first() };
        best.copied().unwrap_or_default()
    }

    fn beside(&self, scenario: &Scenario, subject: &str) -> String {
        let samples = self.of(scenario, subject);
        let names = samples.first().map(|sample| sample.beside.as_slice()).unwrap_or_default();
        let mut parts = Vec::new();
        for (at, (name, _)) in names.iter().enumerate() {
            let values: Vec<f64> =
                samples.iter().filter_map(|sample| Some(sample.beside.get(at)?.1)).collect();
            let median = spread(&values).1;
            let note = if name == SERVER && median >= SATURATED { " (the limit)" } else { "" };
            parts.push(format!("{name} {}{note}", number(median)));
        }
        parts.join("; ")
    }

    /// Runs that the generator did not take for results, by scenario and reason.
    fn doubts(&self) -> Vec<String> {
        let mut doubts = BTreeMap::<(&str, &str), usize>::new();
        for (scenario, _, sample) in &self.samples {
            for (code, _) in &sample.reasons {
                *doubts.entry((scenario.name, code.as_str())).or_default() += 1;
            }
        }
        let line =
            |((scenario, code), runs): ((&str, &str), usize)| format!("{scenario}: {code} in {runs} runs");
        doubts.into_iter().map(line).collect()
    }

    fn json(&self) -> Value {
        let samples = self.samples.iter().map(|(scenario, subject, sample)| {
            let beside: serde_json::Map<String, Value> =
                sample.beside.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            json!({
                "scenario": scenario.name, "relay": subject, "figure": sample.figure, "beside": beside,
                "report": sample.report
            })
        });
        samples.collect()
    }
}

/// One sample on a line.
pub(crate) fn line(sample: &Sample) -> String {
    let beside = sample.beside.iter().map(|(name, value)| format!("{name} {}", number(*value)));
    let beside = beside.collect::<Vec<_>>().join("; ");
    let reasons: String =
        sample.reasons.iter().map(|(_, text)| format!("\n    not a result: {text}")).collect();
    format!("{:>12}  {beside}{reasons}", number(sample.figure))
}

/// Writes docs/benchmarks.md and docs/benchmarks.json.
///
/// # Errors
/// A file cannot be written.
pub(crate) fn write(root: &Path, results: &Results, plan: &Plan) -> io::Result<()> {
    let machine = machine(root);
    let mut page = String::from(include_str!("method.md"));
    page.push_str("\n## This run\n\n");
    for (what, value) in &machine {
        page.push_str(&format!("- {what}: {value}\n"));
    }
    let (rounds, seconds, clients) = (plan.rounds, plan.run, plan.idle_clients);
    page.push_str(&format!("- plan: {rounds} rounds of {seconds} s; {clients} idle clients\n"));
    for doubt in results.doubts() {
        page.push_str(&format!("- **no result: {doubt}**\n"));
    }
    page.push_str(&format!("\nMedian [least – most] of all rounds.\n\n{}", results.table()));
    let docs = root.join("docs");
    fs::write(docs.join("benchmarks.md"), page)?;
    let facts: serde_json::Map<String, Value> =
        machine.into_iter().map(|(what, value)| (what.to_owned(), json!(value))).collect();
    let raw = json!({"machine": facts, "samples": results.json()});
    fs::write(docs.join("benchmarks.json"), format!("{raw:#}\n"))
}

fn machine(root: &Path) -> Vec<(&'static str, String)> {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let modules = fs::read_to_string(root.join("tests/go/go.mod")).unwrap_or_default();
    let derper =
        modules.lines().find_map(|line| Some(line.split_once("tailscale.com v")?.1)).unwrap_or("unknown");
    vec![
        ("processor", format!("{}, {cores} cores", model.trim_matches([' ', '\t', ':']))),
        ("kernel", kernel.trim().to_owned()),
        ("wherry", said(root, &["git", "describe", "--always", "--dirty"])),
        ("derper", derper.to_owned()),
        ("compilers", format!("{}; {}", said(root, &["rustc", "--version"]), said(root, &["go", "version"]))),
    ]
}

fn said(root: &Path, words: &[&str]) -> String {
    let output =
        Command::new(words.first().copied().unwrap_or_default()).args(&words[1..]).current_dir(root).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

fn figures(samples: &[&Sample]) -> Vec<f64> {
    samples.iter().map(|sample| sample.figure).collect()
}

/// Least, median and most.
fn spread(values: &[f64]) -> (f64, f64, f64) {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let at = |at: usize| values.get(at).copied().unwrap_or_default();
    (at(0), at(values.len() / 2), at(values.len().saturating_sub(1)))
}

fn shown((least, median, most): (f64, f64, f64)) -> String {
    format!("{} [{} – {}]", number(median), number(least), number(most))
}

/// Three to four digits that matter, thousands apart.
fn number(value: f64) -> String {
    if value.abs() < 10.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
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
    fn median_of_three_is_the_middle_one() {
        assert_eq!(spread(&[3.0, 1.0, 2.0]), (1.0, 2.0, 3.0));
        assert_eq!(spread(&[]), (0.0, 0.0, 0.0));
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(number(1_234_567.0), "1,234,567");
        assert_eq!(number(999.4), "999");
        assert_eq!(number(0.954), "0.95");
    }
}
