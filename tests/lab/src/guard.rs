//! Nothing is left behind, whatever ends the lab.
//!
//! The lab is two processes. The outer one, in the terminal's group, starts the inner one in a group of its own and
//! holds a pipe to it. The pipe closes with a signal to the outer one, or with its death; then the inner one stops what
//! it plays, waits for its threads, sweeps and ends. If the inner one fails, however it does, the outer one sweeps after it. If
//! both are killed at once, the next run sweeps first.
//!
//! What must stay true: who sweeps is the last that could add a namespace.

use crate::{evidence, net, stop};
use nix::sys::signal::{SigSet, Signal};
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

/// What ends the lab in order.
const SIGNALS: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

/// Runs the inner process with these words, and sweeps if it did not end well.
///
/// # Errors
/// It cannot be started, or it did not end well.
pub(crate) fn run(words: &[&str]) -> Result<(), String> {
    let own = std::env::current_exe().map_err(|err| format!("where is this program? {err}"))?;
    let mut command = Command::new(own);
    command.arg("guarded").args(words).stdin(Stdio::piped()).process_group(0);
    let mut inner = command.spawn().map_err(|err| format!("the lab does not start: {err}"))?;
    let pipe = inner.stdin.take();
    // Not before: what is started inherits it, and would be deaf to the signals. Until now one ends this process, which
    // closes the pipe too.
    let signals: SigSet = SIGNALS.into_iter().collect();
    signals.thread_block().map_err(|err| format!("signals: {err}"))?;
    std::thread::spawn(move || {
        if let Err(err) = signals.wait() {
            evidence::complain(&format!("signals: {err}"));
        }
        drop(pipe);
    });
    let status = inner.wait().map_err(|err| format!("the lab is lost: {err}"))?;
    if status.success() {
        return Ok(());
    }
    // Without the lock the namespaces there are belong to another lab, which kept this one from running.
    let swept = net::Lock::take().map_or(Ok(()), |_lock| net::sweep(None));
    both(Err(format!("it ended with {status}")), swept)
}

/// Does `work`, which is stopped when the outer process has gone.
pub(crate) fn with_watch(work: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    std::thread::spawn(|| {
        let mut rest = [0; 1];
        // Nothing is ever written: this returns when the pipe closes.
        drop(std::io::stdin().read(&mut rest));
        stop::now("interrupted");
    });
    work()
}

/// What two things that were both done came to: what is wrong with the first comes first.
pub(crate) fn both(one: Result<(), String>, other: Result<(), String>) -> Result<(), String> {
    match (one, other) {
        (Err(one), Err(other)) => Err(format!("{one}\n{other}")),
        (one, other) => one.and(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_that_fails_leaves_the_reason_before_it_in_sight() {
        let err = |why: &str| Err(why.to_owned());
        assert_eq!(both(err("no pong"), err("no sweep")), err("no pong\nno sweep"));
        assert_eq!(both(err("no pong"), Ok(())), err("no pong"));
        assert_eq!(both(Ok(()), err("no sweep")), err("no sweep"));
        assert_eq!(both(Ok(()), Ok(())), Ok(()));
    }
}
