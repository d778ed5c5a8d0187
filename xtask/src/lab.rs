//! `cargo xtask lab`: hands over to the lab, a package of its own so that `cargo xtask check` builds in seconds.

use crate::{command, tools};
use std::path::Path;

/// What the lab ends with when the machine lacks something; it has said what.
const LACKS: i32 = 69;

/// How it went.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Every scenario holds.
    Well,
    /// Nobody could ask: the machine lacks something.
    Lacking,
}

/// Builds the lab and runs it with these words.
///
/// # Errors
/// The build failed, or a scenario does not hold.
pub(crate) fn run(root: &Path, words: &[&str]) -> Result<Ending, String> {
    let build = ["cargo", "build", "--quiet", "--locked", "-p", "wherry-lab"];
    command::run(&mut command::command(root, &build))?;
    let program = tools::target_dir(root)?.join("debug").join("wherry-lab");
    let program = program.to_string_lossy();
    let line: Vec<&str> = std::iter::once(&*program).chain(words.iter().copied()).collect();
    let status = command::command(root, &line).status().map_err(|err| format!("{program}: {err}"))?;
    match status.code() {
        Some(0) => Ok(Ending::Well),
        Some(LACKS) => Ok(Ending::Lacking),
        _ => Err(format!("the lab ended with {status}")),
    }
}
