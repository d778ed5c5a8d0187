//! A machine that lacks something gets one line that says what, and the exit code of a service that is not available.
#![forbid(unsafe_code)]
#![expect(clippy::expect_used, clippy::panic, reason = "test code")]

use nix::unistd::Uid;
use std::fs;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The number of `nobody`, everywhere.
const NOBODY: u32 = 65534;

#[test]
fn who_is_not_root_is_told_so() {
    let lab = Lab::new("nobody");
    let mut command = Command::new(&lab.program);
    if Uid::effective().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    lacks(&mut command, "it needs root for network namespaces");
}

#[test]
fn root_without_programs_is_told_which() {
    if let Some(lab) = Lab::of_root("path") {
        lacks(Command::new(&lab.program).env("PATH", ""), "`ip` is missing: apt-get install iproute2");
    }
}

#[test]
fn root_who_may_not_make_namespaces_is_told_so() {
    let Some(lab) = Lab::of_root("rights") else { return };
    let mut command = Command::new("setpriv");
    command
        .args(["--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"])
        .arg(&lab.program)
        .arg("direct");
    lacks(&mut command, "this root may not make namespaces");
}

/// The lab starts nothing, and says in one line what it lacks.
fn lacks(command: &mut Command, what: &str) {
    let output = command.output().unwrap_or_else(|err| panic!("{command:?}: {err}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(what), "{said}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// One test at a time: what another one starts meanwhile holds the copy open for writing, and it cannot be started then.
static TURN: Mutex<()> = Mutex::new(());

/// The lab, where everybody may start it.
struct Lab {
    _turn: MutexGuard<'static, ()>,
    dir: PathBuf,
    program: PathBuf,
}

impl Lab {
    fn new(test: &str) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let dir = std::env::temp_dir().join(format!("wherry-lab-{test}-{}", std::process::id()));
        fs::create_dir(&dir).expect("a folder for everybody");
        let program = dir.join("wherry-lab");
        fs::copy(Path::new(env!("CARGO_BIN_EXE_wherry-lab")), &program).expect("a copy of the lab");
        Self { _turn: turn, dir, program }
    }

    /// None, and said aloud, for whoever is not root.
    fn of_root(test: &str) -> Option<Self> {
        if Uid::effective().is_root() {
            return Some(Self::new(test));
        }
        let line = format!("\nSKIPPED: what root is told ({test}); only root can ask\n");
        std::io::stderr().write_all(line.as_bytes()).expect("standard error takes a line");
        None
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.dir));
    }
}
