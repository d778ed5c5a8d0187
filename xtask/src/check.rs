//! `cargo xtask check`: every question CI asks, one step each, timed, with a table at the end.

use crate::steps::{Outcome, STEPS, Step};
use std::path::Path;
use std::time::{Duration, Instant};

/// Runs all steps, or those named by `--only`.
///
/// # Errors
/// The steps that failed; in CI also those whose tool is missing. Unknown words.
pub(crate) fn run(root: &Path, words: &[&str]) -> Result<(), String> {
    let mut ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    let mut only = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--ci" => ci = true,
            "--list" => {
                list();
                return Ok(());
            }
            "--only" => only.push(named(words.next().copied().unwrap_or_default())?),
            other => return Err(format!("check: unknown word `{other}`")),
        }
    }
    let steps: Vec<&Step> = if only.is_empty() { STEPS.iter().collect() } else { only };
    let mut results = Vec::new();
    for step in steps {
        println!("\n== {}: {}", step.name, step.question);
        let start = Instant::now();
        let outcome = (step.run)(root);
        println!("== {}: {:.1} s, {}", step.name, start.elapsed().as_secs_f64(), told(&outcome, ci));
        results.push((step, outcome, start.elapsed()));
    }
    summary(&results, ci)
}

fn list() {
    for step in STEPS {
        println!("{:<10} {}", step.name, step.question);
    }
}

fn named(name: &str) -> Result<&'static Step, String> {
    let names = || STEPS.iter().map(|step| step.name).collect::<Vec<_>>().join(", ");
    STEPS
        .iter()
        .find(|step| step.name == name)
        .ok_or_else(|| format!("check: no step `{name}`; there are {}", names()))
}

fn told(outcome: &Outcome, ci: bool) -> String {
    match outcome {
        Outcome::Passed => "passed".to_owned(),
        Outcome::Failed(why) => format!("FAILED\n{why}"),
        Outcome::Missing(what) if ci => format!("FAILED, in CI nothing may be missing: {what}"),
        Outcome::Missing(what) => format!("SKIPPED: {what}"),
    }
}

fn summary(results: &[(&Step, Outcome, Duration)], ci: bool) -> Result<(), String> {
    println!("\n{:<10} {:>8}  outcome", "step", "seconds");
    let (mut passed, mut failed, mut skipped) = (0, Vec::new(), 0);
    for (step, outcome, took) in results {
        let word = match outcome {
            Outcome::Passed => {
                passed += 1;
                "passed"
            }
            Outcome::Missing(_) if !ci => {
                skipped += 1;
                "SKIPPED"
            }
            Outcome::Missing(_) | Outcome::Failed(_) => {
                failed.push(step.name);
                "FAILED"
            }
        };
        println!("{:<10} {:>8.1}  {word}", step.name, took.as_secs_f64());
    }
    println!("\nsteps: {passed} passed, {} failed, {skipped} skipped", failed.len());
    if failed.is_empty() { Ok(()) } else { Err(format!("check: failed: {}", failed.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step() -> Step {
        Step { name: "x", question: "?", run: |_| Outcome::Passed }
    }

    #[test]
    fn missing_tool_fails_only_in_ci() {
        let (step, missing) = (step(), || Outcome::Missing("go".to_owned()));
        assert!(summary(&[(&step, missing(), Duration::ZERO)], false).is_ok());
        assert!(summary(&[(&step, missing(), Duration::ZERO)], true).is_err());
    }

    #[test]
    fn one_failed_step_fails_the_whole() {
        let step = step();
        let results = [
            (&step, Outcome::Passed, Duration::ZERO),
            (&step, Outcome::Failed("x".to_owned()), Duration::ZERO),
        ];
        assert_eq!(summary(&results, false), Err("check: failed: x".to_owned()));
    }

    #[test]
    fn step_names_are_unique() {
        let mut names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), STEPS.len());
    }
}
