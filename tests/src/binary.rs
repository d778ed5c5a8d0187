//! Finds or builds the program under test.

use crate::settings::{Kind, settings};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The program of the chosen subject, or `None` if it cannot be had here.
///
/// A missing one is said once on stderr, past the capture of the test runner.
pub(crate) fn program() -> Option<&'static Path> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = PROGRAM.get_or_init(|| {
        let found = match settings().kind {
            Kind::Derper => derper(),
            Kind::Wherry => wherry(),
        };
        found.map_err(|missing| say(&format!("SKIPPED: no black-box test runs, {missing}"))).ok()
    });
    assert!(found.is_some() || !settings().require_all, "the subject is missing and this run requires it");
    found.as_deref()
}

/// Writes a line to stderr, past the capture of the test runner, which hides what passing tests print.
pub(crate) fn say(line: &str) {
    std::io::stderr().write_all(format!("\n{line}\n").as_bytes()).expect("stderr takes a line");
}

/// `wherry bench`, which loads a relay and says what it bears; `None`, said once, if it does not build here.
#[must_use]
pub fn generator() -> Option<Command> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found =
        PROGRAM.get_or_init(|| wherry().map_err(|missing| say(&format!("SKIPPED: no load, {missing}"))).ok());
    assert!(found.is_some() || !settings().require_all, "the generator is missing and this run requires it");
    let mut command = Command::new(found.as_ref()?);
    command.arg("bench");
    Some(command)
}

/// The reference relay, built by the Go module that pins its version.
fn derper() -> Result<PathBuf, String> {
    if let Some(given) = &settings().derper {
        return existing(given, "WHERRY_DERPER");
    }
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("go");
    if !module.join("go.mod").exists() {
        return Err(format!("{} is missing and WHERRY_DERPER is not set", module.join("go.mod").display()));
    }
    let bin = module.join("bin");
    std::fs::create_dir_all(&bin).map_err(|err| format!("cannot create {}: {err}", bin.display()))?;
    // Several test processes may come here at once; Go writes the output file without a lock.
    let lock = File::create(bin.join("derper.lock"))
        .map_err(|err| format!("cannot lock {}: {err}", bin.display()))?;
    lock.lock().map_err(|err| format!("cannot lock {}: {err}", bin.display()))?;
    let built = Command::new("go")
        .args(["build", "-o", "bin/", "tailscale.com/cmd/derper"])
        .current_dir(&module)
        .output()
        .map_err(|err| format!("Go is needed to build derper and does not start: {err}"))?;
    if !built.status.success() {
        return Err(format!("derper does not build: {}", String::from_utf8_lossy(&built.stderr)));
    }
    existing(&bin.join("derper"), "the build")
}

/// Our own binary. Built each time, since a stale one would be judged in place of the present sources.
fn wherry() -> Result<PathBuf, String> {
    if let Some(given) = &settings().wherry {
        return existing(given, "WHERRY_BIN");
    }
    let target = std::env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.parent()?.parent()?.parent()?.to_owned()))
        .ok_or("the target directory cannot be told from the test executable")?;
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "wherry", "--target-dir"])
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .map_err(|err| format!("cargo does not start: {err}"))?;
    if !built.status.success() {
        return Err(format!("wherry does not build: {}", String::from_utf8_lossy(&built.stderr)));
    }
    existing(&target.join("debug/wherry"), "the build")
}

fn existing(path: &Path, named_by: &str) -> Result<PathBuf, String> {
    path.exists()
        .then(|| path.to_owned())
        .ok_or_else(|| format!("{named_by} names {}, which is not there", path.display()))
}
