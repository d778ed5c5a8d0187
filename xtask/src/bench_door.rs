//! `cargo xtask bench`: hands over to the benchmark program, built in release mode and only when asked for.

use crate::{command, tools};
use std::path::Path;

/// Builds wherry, the reference relay and the benchmark, then runs the latter with these words.
///
/// # Errors
/// A build failed, or the benchmark did.
pub(crate) fn run(root: &Path, words: &[&str]) -> Result<(), String> {
    if !words.contains(&"--help") {
        if tools::derper(root).is_none() {
            tools::run(root)?;
        }
        let build = ["cargo", "build", "--release", "--locked", "-p", "wherry"];
        command::run(&mut command::command(root, &build))?;
    }
    let bench = [
        "cargo",
        "run",
        "--release",
        "--locked",
        "-p",
        "xtask",
        "--features",
        "bench",
        "--bin",
        "bench",
        "--",
    ];
    let line: Vec<&str> = bench.iter().chain(words).copied().collect();
    command::run(&mut command::command(root, &line))
}
