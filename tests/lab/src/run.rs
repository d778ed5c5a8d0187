//! A run: the chosen scenarios, a few side by side, each on an internet of its own.

use crate::programs::Programs;
use crate::scenario::{SCENARIOS, Scenario};
use crate::stage::Stage;
use crate::{evidence, folder, net};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Scenarios at a time. They mostly wait, for pings a second apart and for clients that settle.
const SIDE_BY_SIDE: usize = 3;

/// Lines of each log that are shown where nobody can look into the folder later.
const LAST_LINES: usize = 25;

/// Runs the scenarios of these names.
///
/// # Errors
/// The names of those that failed; or what kept all of them from running.
pub(crate) fn run(names: &[&str]) -> Result<(), String> {
    let lock = net::Lock::take()?;
    net::sweep(None)?;
    let start = Instant::now();
    let programs = Programs::build()?;
    println!("programs: {:.1} s", start.elapsed().as_secs_f64());
    let waiting = Mutex::new(SCENARIOS.iter().filter(|scenario| names.contains(&scenario.name)));
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|threads| {
        for _ in 0..SIDE_BY_SIDE {
            threads.spawn(|| {
                while let Some(scenario) = next(&waiting) {
                    if !holds(scenario, &programs) {
                        failed.lock().unwrap_or_else(PoisonError::into_inner).push(scenario.name);
                    }
                }
            });
        }
    });
    net::sweep(None)?;
    drop(lock);
    println!("all: {:.1} s", start.elapsed().as_secs_f64());
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
}

fn next<T>(waiting: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner).next()
}

/// Plays one and prints what it said.
fn holds(scenario: &Scenario, programs: &Programs) -> bool {
    let start = Instant::now();
    let outcome = one(scenario, programs);
    let (name, took) = (scenario.name, start.elapsed().as_secs_f64());
    let head = format!("\n-- {name}: {}\n{}", scenario.what, evidence::take());
    match outcome {
        Ok(()) => println!("{head}-- {name}: {took:.1} s, holds"),
        Err(ref why) => println!("{head}-- {name}: {took:.1} s, FAILED\n{why}"),
    }
    outcome.is_ok()
}

fn one(scenario: &Scenario, programs: &Programs) -> Result<(), String> {
    let dir = folder::fresh(scenario.name)?;
    let outcome = Stage::set(scenario.name, programs, &dir).and_then(|stage| (scenario.run)(&stage));
    net::sweep(Some(scenario.name))?;
    match outcome {
        Ok(()) => std::fs::remove_dir_all(&dir).map_err(|err| format!("{}: {err}", dir.display())),
        Err(why) => Err(format!("{why}\n{}logs: {}", last_lines(&dir), dir.display())),
    }
}

/// The end of each log, in CI, where the folder is gone with the machine.
fn last_lines(dir: &Path) -> String {
    if std::env::var_os("CI").is_none_or(|value| value != "true") {
        return String::new();
    }
    let mut text = String::new();
    for path in folder::logs(dir) {
        let log = std::fs::read_to_string(&path).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines.get(lines.len().saturating_sub(LAST_LINES)..).unwrap_or_default();
        text += &format!("== {}\n{}\n", path.display(), last.join("\n"));
    }
    text
}
