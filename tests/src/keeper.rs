//! A child process that cannot outlive its test process.
//!
//! A shell stands between: it ends the child when its own stdin closes, which the system does also when the test
//! process is killed. Subjects shared by many tests live in statics, which nobody drops.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// $1: where stdout and stderr go; $2: a directory to remove at the end; the rest: the command.
const SCRIPT: &str = r#"
log=$1; dir=$2; shift 2
exec 3<&0
"$@" >"$log" 2>&1 3<&- </dev/null & child=$!
trap '' PIPE
echo "$child"
{ read -r _ <&3; kill -KILL "$child"; } >/dev/null 2>&1 & watch=$!
wait "$child"; code=$?
kill "$watch" 2>/dev/null
echo "$code"
read -r _ <&3
rm -rf -- "$dir"
"#;

/// A running child process.
#[derive(Debug)]
pub(crate) struct Keeper {
    shell: Child,
    stdin: Option<ChildStdin>,
    pid: u32,
    code: Mutex<Receiver<i32>>,
}

impl Keeper {
    /// Starts `program`, its output in `log`; `dir` goes away with it.
    pub(crate) fn start(
        program: &Path,
        args: &[String],
        envs: &[(String, String)],
        log: &Path,
        dir: &Path,
    ) -> Self {
        let mut command = Command::new("sh");
        for name in crate::settings::NAMES {
            command.env_remove(name);
        }
        let mut shell = command
            .args(["-c", SCRIPT, "sh"])
            .args([log, dir, program])
            .args(args)
            .envs(envs.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell starts");
        let stdin = shell.stdin.take();
        let mut lines = BufReader::new(shell.stdout.take().expect("stdout is a pipe"));
        let pid = number(&mut lines).expect("the shell says the pid of its child");
        let (tell, code) = sync_channel(1);
        std::thread::spawn(move || {
            // An error only means that nobody wants to know any more.
            number(&mut lines).is_some_and(|code| tell.send(code).is_ok())
        });
        Self { shell, stdin, pid, code: Mutex::new(code) }
    }

    /// Process id of the child itself.
    pub(crate) const fn pid(&self) -> u32 {
        self.pid
    }

    /// The exit code (128 + n after signal n) if the child ends in time. To be asked with success only once.
    pub(crate) fn wait(&self, limit: Duration) -> Option<i32> {
        let code = self.code.lock().unwrap_or_else(PoisonError::into_inner);
        match code.recv_timeout(limit) {
            Ok(code) => Some(code),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => panic!("the exit code was already taken"),
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.stdin.take());
        drop(self.shell.wait());
    }
}

fn number<T: std::str::FromStr>(lines: &mut BufReader<ChildStdout>) -> Option<T> {
    let mut line = String::new();
    lines.read_line(&mut line).ok()?;
    line.trim().parse().ok()
}
