//! `cargo xtask lab`: hands over to the lab, a package of its own so that `cargo xtask check` builds in seconds.

use crate::command;
use std::path::Path;

/// Builds the lab and runs it with these words.
///
/// # Errors
/// The build failed, the machine lacks something, or a scenario does not hold.
pub(crate) fn run(root: &Path, words: &[&str]) -> Result<(), String> {
    let lab = ["cargo", "run", "--quiet", "--locked", "-p", "wherry-lab", "--"];
    let line: Vec<&str> = lab.iter().chain(words).copied().collect();
    command::run(&mut command::command(root, &line))
}
