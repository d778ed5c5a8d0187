//! `cargo xtask lab`: hands over to the lab, a package of its own so that `cargo xtask check` builds in seconds.

use crate::{command, tools};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

/// What the lab ends with when the machine lacks something; it has said what.
const LACKS: i32 = 69;

/// Lets the tests of the lab's clean-up run, which start whole labs.
const WHOLE: &str = "WHERRY_LAB";

/// How it went.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Every scenario holds.
    Well,
    /// Nobody could ask: the machine lacks something.
    Lacking,
}

/// Builds the lab and becomes it, so that the terminal's signals are its own and its exit code is this one's.
///
/// # Errors
/// The build failed, or the lab does not start.
pub(crate) fn become_it(root: &Path, words: &[&str]) -> Result<(), String> {
    let mut lab = built(root, words)?;
    Err(format!("{lab:?} does not start: {}", lab.exec()))
}

/// Builds the lab and runs all of it; then the tests of its own that need the same.
///
/// # Errors
/// The build failed, or a scenario or a test does not hold.
pub(crate) fn run(root: &Path) -> Result<Ending, String> {
    let mut lab = built(root, &[])?;
    let status = lab.status().map_err(|err| format!("{lab:?}: {err}"))?;
    match status.code() {
        Some(0) => {}
        Some(LACKS) => return Ok(Ending::Lacking),
        _ => return Err(format!("the lab ended with {status}")),
    }
    let words = ["cargo", "test", "--locked", "-p", "wherry-lab"];
    command::run(command::command(root, &words).env(WHOLE, "1"))?;
    Ok(Ending::Well)
}

fn built(root: &Path, words: &[&str]) -> Result<Command, String> {
    let build = ["cargo", "build", "--quiet", "--locked", "-p", "wherry-lab"];
    command::run(&mut command::command(root, &build))?;
    let program = tools::target_dir(root)?.join("debug").join("wherry-lab");
    let program = program.to_string_lossy();
    let line: Vec<&str> = std::iter::once(&*program).chain(words.iter().copied()).collect();
    Ok(command::command(root, &line))
}
