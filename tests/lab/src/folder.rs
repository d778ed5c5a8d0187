//! Where things lie: the workspace, and the folder with the logs of a run.

use std::fs;
use std::path::{Path, PathBuf};

/// The workspace.
pub(crate) fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().and_then(Path::parent).unwrap_or(package).to_owned()
}

/// Cargo's folder for what it builds: this program lies in a folder of it.
///
/// # Errors
/// The system does not say where this program lies.
pub(crate) fn target() -> Result<PathBuf, String> {
    let exe = std::env::current_exe().map_err(|err| format!("where is this program? {err}"))?;
    let target = exe.parent().and_then(Path::parent).ok_or("this program lies in no target folder")?;
    Ok(target.to_owned())
}

/// The folder of this run, empty: what an earlier one left there is gone.
///
/// # Errors
/// It cannot be made.
pub(crate) fn begin() -> Result<PathBuf, String> {
    empty(target()?.join("lab"))
}

/// An empty folder in it for what a scenario leaves: logs, state, configuration.
///
/// # Errors
/// It cannot be made.
pub(crate) fn fresh(scenario: &str) -> Result<PathBuf, String> {
    empty(target()?.join("lab").join(scenario))
}

fn empty(dir: PathBuf) -> Result<PathBuf, String> {
    let told = |err| format!("{}: {err}", dir.display());
    if dir.exists() {
        fs::remove_dir_all(&dir).map_err(told)?;
    }
    fs::create_dir_all(&dir).map_err(told)?;
    Ok(dir)
}

/// Removes a folder and what is in it.
///
/// # Errors
/// It cannot be removed.
pub(crate) fn remove(dir: &Path) -> Result<(), String> {
    fs::remove_dir_all(dir).map_err(|err| format!("{}: {err}", dir.display()))
}

/// The logs in such a folder, by name, those without a word left out.
pub(crate) fn logs(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let has_words = |path: &PathBuf| path.metadata().is_ok_and(|found| found.is_file() && found.len() > 0);
    let is_log = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "err" || kind == "out");
    let mut logs: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| is_log(path) && has_words(path)).collect();
    logs.sort();
    logs
}

/// Writes a file.
///
/// # Errors
/// It cannot be written; names it.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|err| format!("{}: {err}", path.display()))
}
