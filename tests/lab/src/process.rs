//! A program running on a host of the lab, its output in files.

use crate::net::Host;
use crate::wait;
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// A running program. It is killed when this goes.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    out: PathBuf,
    err: PathBuf,
    /// Lengths of the two files when it started: a program may run several times with one name.
    began: [usize; 2],
}

impl Process {
    /// Starts the program in the host's namespace; `name` names its two files in `dir`.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn start(
        host: &Host,
        dir: &Path,
        name: &str,
        words: &[impl AsRef<OsStr>],
        envs: &[(&str, &Path)],
    ) -> Result<Self, String> {
        let (out, err) = (dir.join(format!("{name}.out")), dir.join(format!("{name}.err")));
        let file = |path: &Path| {
            File::options()
                .create(true)
                .append(true)
                .open(path)
                .map_err(|err| format!("{}: {err}", path.display()))
        };
        // `ip netns exec` replaces itself by the program, so the process is the program's own.
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &host.namespace]).args(words);
        // The host's environment (proxies, settings of our own) has no say in here.
        command.env_clear().env("PATH", path()).env("HOME", dir).envs(envs.iter().copied()).current_dir(dir);
        command.stdin(Stdio::null()).stdout(file(&out)?).stderr(file(&err)?);
        let began = [&out, &err].map(|path| fs::read_to_string(path).unwrap_or_default().len());
        let child = command.spawn().map_err(|err| format!("{name} does not start: {err}"))?;
        Ok(Self { name: name.to_owned(), child, out, err, began })
    }

    /// Its number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to standard output so far, since this start.
    pub(crate) fn out(&self) -> String {
        since(&self.out, self.began[0])
    }

    /// What it wrote to standard error so far, since this start.
    pub(crate) fn err(&self) -> String {
        since(&self.err, self.began[1])
    }

    /// Sends a signal to it.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), String> {
        let pid = i32::try_from(self.child.id()).map_err(|err| format!("{}: {err}", self.name))?;
        signal::kill(Pid::from_raw(pid), signal).map_err(|err| format!("{}: {signal}: {err}", self.name))
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// The system does not say.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>, String> {
        self.child.try_wait().map_err(|err| format!("{}: {err}", self.name))
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// It has not ended in time.
    pub(crate) fn wait(&mut self, limit: Duration) -> Result<ExitStatus, String> {
        let what = format!("{} to end", self.name);
        wait::until(&what, limit, || self.ended())
    }

    /// Waits until its output, read by `look`, shows something.
    ///
    /// # Errors
    /// It ended before, or time ran out; both with its last words.
    pub(crate) fn shows<T>(
        &mut self,
        what: &str,
        limit: Duration,
        mut look: impl FnMut(&Self) -> Option<T>,
    ) -> Result<T, String> {
        wait::until(&format!("{}: {what}", self.name), limit, || {
            let over = self.ended()?;
            match (look(self), over) {
                (Some(found), _) => Ok(Some(found)),
                (None, Some(status)) => {
                    Err(format!("{} ended with {status}: {}", self.name, self.last_words()))
                }
                (None, None) => Ok(None),
            }
        })
    }

    /// The last lines it wrote.
    pub(crate) fn last_words(&self) -> String {
        let (out, err) = (self.out(), self.err());
        let lines: Vec<&str> = out.lines().chain(err.lines()).collect();
        lines.iter().rev().take(6).rev().copied().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone after the wait.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn since(path: &Path, began: usize) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.get(began..).unwrap_or_default().to_owned()
}

fn path() -> String {
    std::env::var("PATH").unwrap_or_default()
}

/// Runs a program on the host to its end and returns its standard output.
///
/// # Errors
/// It failed or took too long; with its last words.
pub(crate) fn output(
    host: &Host,
    dir: &Path,
    name: &str,
    words: &[impl AsRef<OsStr>],
    limit: Duration,
) -> Result<String, String> {
    let (status, text) = outcome(host, dir, name, words, limit)?;
    if status.success() { Ok(text) } else { Err(format!("{name}: {status}: {text}")) }
}

/// Runs a program on the host to its end, well or not; returns what it wrote to both.
///
/// # Errors
/// It cannot be started or took too long.
pub(crate) fn outcome(
    host: &Host,
    dir: &Path,
    name: &str,
    words: &[impl AsRef<OsStr>],
    limit: Duration,
) -> Result<(ExitStatus, String), String> {
    for kind in ["out", "err"] {
        let path = dir.join(format!("{name}.{kind}"));
        if path.exists() {
            fs::remove_file(&path).map_err(|err| format!("{}: {err}", path.display()))?;
        }
    }
    let mut process = Process::start(host, dir, name, words, &[])?;
    let status = process.wait(limit)?;
    let text = if status.success() { process.out() } else { process.out() + &process.err() };
    Ok((status, text))
}
