//! A run: the chosen scenarios, a few side by side, each on an internet of its own.

use crate::guard::both;
use crate::programs::Programs;
use crate::scenario::{SCENARIOS, Scenario};
use crate::stage::Stage;
use crate::{evidence, folder, needs, net, stop};
use std::panic::{AssertUnwindSafe, catch_unwind};
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
/// What does not hold, and the folder with everything that was logged; or what kept all from running.
pub(crate) fn run(names: &[&str]) -> Result<(), String> {
    let lock = net::Lock::take()?;
    net::sweep(None)?;
    let before = net::Outside::look()?;
    let logs = folder::begin()?;
    let start = Instant::now();
    let played = play(names, start);
    let swept = net::sweep(None);
    let left_alone = net::Outside::look().and_then(|now| before.unchanged(&now));
    let left_alone = left_alone.map(|others| {
        if !others.is_empty() {
            evidence::print(&format!("note: somebody else changed the machine's network meanwhile:{others}"));
        }
    });
    drop(lock);
    evidence::print(&format!("all: {:.1} s", start.elapsed().as_secs_f64()));
    match both(played, both(swept, left_alone)) {
        Ok(()) => folder::remove(&logs),
        Err(why) => Err(format!("{why}\nlogs: {}", logs.display())),
    }
}

fn play(names: &[&str], start: Instant) -> Result<(), String> {
    let programs = Programs::build()?;
    evidence::print(&format!("programs: {:.1} s", start.elapsed().as_secs_f64()));
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
    stop::go_on()?;
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
}

/// The next scenario, unless the lab is to end.
fn next<T>(waiting: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    stop::go_on().ok()?;
    waiting.lock().unwrap_or_else(PoisonError::into_inner).next()
}

/// Plays one and prints what it said.
fn holds(scenario: &Scenario, programs: &Programs) -> bool {
    let start = Instant::now();
    let dir = match folder::fresh(scenario.name) {
        Ok(dir) => dir,
        Err(why) => {
            evidence::print(&format!("\n-- {}: FAILED\n{why}", scenario.name));
            return false;
        }
    };
    let outcome = one(scenario, programs, &dir);
    let (name, took) = (scenario.name, start.elapsed().as_secs_f64());
    let head = format!("\n-- {name}: {}\n{}-- {name}: {took:.1} s", scenario.what, evidence::take());
    let Err(why) = &outcome else {
        evidence::print(&format!("{head}, holds"));
        return true;
    };
    let report = format!("{head}, FAILED\n{why}");
    let kept = folder::write(&dir.join("report"), &report);
    evidence::print(&format!("{report}\n{}logs: {}", last_lines(&dir), dir.display()));
    if let Err(why) = kept {
        evidence::complain(&why);
    }
    false
}

fn one(scenario: &Scenario, programs: &Programs, dir: &Path) -> Result<(), String> {
    let play = || Stage::set(scenario.name, programs, dir).and_then(|stage| (scenario.run)(&stage));
    // Nothing of what it had is used after.
    let outcome = catch_unwind(AssertUnwindSafe(play));
    let outcome =
        outcome.unwrap_or_else(|_| Err("the lab panicked; standard error has its words".to_owned()));
    let swept = net::sweep(Some(scenario.name));
    both(outcome, swept).and_then(|()| folder::remove(dir))
}

/// The end of each log, in CI, where the folder is gone with the machine.
fn last_lines(dir: &Path) -> String {
    if !needs::in_ci() {
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
