//! A run: the chosen scenarios one after the other, each on a fresh internet.

use crate::programs::Programs;
use crate::scenario::{SCENARIOS, Scenario};
use crate::stage::Stage;
use crate::{folder, net};
use std::time::Instant;

/// Runs the scenarios of these names.
///
/// # Errors
/// The names of those that failed, each with the folder of its logs; or what kept all of them from running.
pub(crate) fn run(names: &[&str]) -> Result<(), String> {
    let lock = net::Lock::take()?;
    net::sweep()?;
    let start = Instant::now();
    let programs = Programs::build()?;
    println!("programs: {:.1} s", start.elapsed().as_secs_f64());
    let mut failed = Vec::new();
    for scenario in SCENARIOS.iter().filter(|scenario| names.contains(&scenario.name)) {
        let start = Instant::now();
        println!("\n-- {}: {}", scenario.name, scenario.what);
        let outcome = one(scenario, &programs);
        let took = start.elapsed().as_secs_f64();
        match outcome {
            Ok(()) => println!("-- {}: {took:.1} s, holds", scenario.name),
            Err(why) => {
                println!("-- {}: {took:.1} s, FAILED\n{why}", scenario.name);
                failed.push(scenario.name);
            }
        }
    }
    drop(lock);
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
}

fn one(scenario: &Scenario, programs: &Programs) -> Result<(), String> {
    let dir = folder::fresh(scenario.name)?;
    let outcome = Stage::set(programs, &dir).and_then(|stage| (scenario.run)(&stage));
    net::sweep()?;
    match outcome {
        Ok(()) => std::fs::remove_dir_all(&dir).map_err(|err| format!("{}: {err}", dir.display())),
        Err(why) => Err(format!("{why}\nlogs: {}", dir.display())),
    }
}
