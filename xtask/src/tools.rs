//! The reference programs that tests and benchmarks compare with, built from `tests/go`.

use crate::command;
use std::path::{Path, PathBuf};

/// The programs, by the last part of their package path.
const PROGRAMS: &[&str] = &["derper", "derpprobe"];

/// Builds each program into `tests/go/bin`.
///
/// # Errors
/// Go is missing, or a build failed.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    if !command::is_there(&["go", "version"]) {
        return Err("tools: Go is missing; it builds the reference programs".to_owned());
    }
    let dir = root.join("tests").join("go");
    if !dir.join("go.mod").is_file() {
        return Err(format!("tools: {} has no go.mod", dir.display()));
    }
    for program in PROGRAMS {
        let package = format!("tailscale.com/cmd/{program}");
        command::run(&mut command::command(&dir, &["go", "build", "-o", "bin/", &package]))?;
    }
    Ok(())
}

/// The reference relay, if it has been built.
pub(crate) fn derper(root: &Path) -> Option<PathBuf> {
    let path = root.join("tests/go/bin/derper");
    path.is_file().then_some(path)
}

/// Where cargo puts what it builds.
///
/// # Errors
/// Cargo cannot say.
pub(crate) fn target_dir(root: &Path) -> Result<PathBuf, String> {
    let words = ["cargo", "metadata", "--no-deps", "--format-version", "1", "--offline"];
    let text = command::output(&mut command::command(root, &words))?;
    let metadata: serde_json::Value =
        serde_json::from_str(&text).map_err(|err| format!("cargo metadata: {err}"))?;
    metadata["target_directory"]
        .as_str()
        .map(PathBuf::from)
        .ok_or_else(|| "cargo metadata names no target".to_owned())
}
