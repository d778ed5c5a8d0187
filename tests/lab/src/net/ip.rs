//! Running `ip` and writing kernel settings.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

/// What our namespaces' names begin with.
pub(crate) const PREFIX: &str = "wherry-lab-";

/// Runs `ip` with the words of this line.
///
/// # Errors
/// The line and what it wrote to standard error.
pub(crate) fn ip(line: &str) -> Result<String, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let output = Command::new("ip").args(words).stdin(Stdio::null()).output();
    told(&format!("ip {line}"), output)
}

/// Runs a program in a namespace, with `input` on its standard input.
///
/// # Errors
/// The words and what it wrote to standard error.
pub(crate) fn within(namespace: &str, words: &[&str], input: &str) -> Result<String, String> {
    let line = format!("{namespace}: {}", words.join(" "));
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace]).args(words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|err| format!("{line}: {err}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).map_err(|err| format!("{line}: {err}"))?;
    }
    told(&line, child.wait_with_output())
}

fn told(line: &str, output: std::io::Result<Output>) -> Result<String, String> {
    let output = output.map_err(|err| format!("`{line}` does not start: {err}"))?;
    if !output.status.success() {
        return Err(format!("`{line}`: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
