//! Starting other programs: a command line as a slice of words, output passed through.

use std::path::Path;
use std::process::{Command, Stdio};

/// A command that will run in `dir`, its first word the program.
pub(crate) fn command(dir: &Path, words: &[&str]) -> Command {
    let mut words = words.iter();
    let mut command = Command::new(words.next().copied().unwrap_or_default());
    // The variables cargo sets for us would make a nested cargo rebuild what it has.
    for inherited in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "CARGO_PKG_VERSION", "CARGO"] {
        command.env_remove(inherited);
    }
    command.args(words).current_dir(dir).stdin(Stdio::null());
    command
}

/// Runs to the end, output passed through.
///
/// # Errors
/// The command line and how it ended, if it did not end well.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let line = line_of(command);
    println!("   $ {line}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{line}`: {status}")),
        Err(err) => Err(format!("`{line}` did not start: {err}")),
    }
}

/// Standard output of a command that must succeed.
///
/// # Errors
/// The command line and what it wrote to standard error.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let line = line_of(command);
    let output = command.output().map_err(|err| format!("`{line}` did not start: {err}"))?;
    if !output.status.success() {
        return Err(format!("`{line}`: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a program is there: it is asked for its version, quietly.
pub(crate) fn is_there(words: &[&str]) -> bool {
    command(Path::new("."), words)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn line_of(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
