//! Nothing is left behind, whatever ends the lab.
//!
//! The lab is two processes. The outer one, in the terminal's group, starts the inner one in a group of its own and
//! holds a pipe to it. If the outer one dies, of an interrupt or a kill, the pipe closes and the inner one sweeps and ends. If
//! the inner one dies, the outer one sweeps. If both are killed at once, the next run sweeps first.

use crate::net;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

/// The exit code of a program that an interrupt ended.
const INTERRUPTED: i32 = 130;

/// Runs the inner process with these words, and sweeps if it died.
///
/// # Errors
/// It cannot be started, or it did not end well.
pub(crate) fn run(words: &[&str]) -> Result<(), String> {
    let own = std::env::current_exe().map_err(|err| format!("where is this program? {err}"))?;
    let mut command = Command::new(own);
    command.arg("guarded").args(words).stdin(Stdio::piped()).process_group(0);
    let mut inner = command.spawn().map_err(|err| format!("the lab does not start: {err}"))?;
    let pipe = inner.stdin.take();
    let status = inner.wait().map_err(|err| format!("the lab is lost: {err}"))?;
    drop(pipe);
    if status.code().is_none() {
        net::sweep(None)?;
    }
    if status.success() { Ok(()) } else { Err(format!("it ended with {status}")) }
}

/// Does `work`; sweeps and ends this process when the outer one is gone before.
pub(crate) fn with_watch(work: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    std::thread::spawn(|| {
        let mut rest = [0; 1];
        // Nothing is ever written: this returns when the outer process has gone.
        drop(std::io::stdin().read(&mut rest));
        if let Err(why) = net::sweep(None) {
            eprintln!("lab: {why}");
        }
        end();
    });
    work()
}

#[expect(clippy::exit, reason = "the main thread is deep in a scenario that nobody waits for")]
fn end() -> ! {
    std::process::exit(INTERRUPTED)
}
