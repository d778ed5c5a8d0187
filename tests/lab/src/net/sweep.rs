//! Removing what is ours, and the lock that makes sure it is not another run's.

use super::host::ETC;
use super::ip::{PREFIX, ip};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;

/// The one lock of all labs of this machine: they share the prefix.
const LOCK: &str = "/run/wherry-lab.lock";

/// Held while a lab runs.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock.
    ///
    /// # Errors
    /// Another lab runs, or the file cannot be made.
    pub(crate) fn take() -> Result<Self, String> {
        let file = File::create(LOCK).map_err(|err| format!("{LOCK}: {err}"))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => {
                Err(format!("another lab runs on this machine; it holds {LOCK}"))
            }
            Err(TryLockError::Error(err)) => Err(format!("{LOCK}: {err}")),
        }
    }
}

/// Ends what runs in our namespaces and removes them: those of one scenario, or all.
///
/// # Errors
/// A namespace or its files cannot be removed.
pub(crate) fn sweep(scenario: Option<&str>) -> Result<(), String> {
    let prefix = scenario.map_or_else(|| PREFIX.to_owned(), |name| format!("{PREFIX}{name}."));
    for namespace in namespaces(&prefix)? {
        for pid in ip(&format!("netns pids {namespace}"))?.split_whitespace() {
            let Ok(number) = pid.parse() else { continue };
            match kill(Pid::from_raw(number), Signal::SIGKILL) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(err) => return Err(format!("{namespace}: process {pid}: {err}")),
            }
        }
        ip(&format!("netns del {namespace}"))?;
    }
    for entry in fs::read_dir(ETC).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            fs::remove_dir_all(entry.path()).map_err(|err| format!("{}: {err}", entry.path().display()))?;
        }
    }
    match scenario {
        // The folder goes only if it is empty: others may have files in it.
        None => remove_empty(Path::new(ETC)),
        Some(_) => Ok(()),
    }
}

fn remove_empty(dir: &Path) -> Result<(), String> {
    match fs::remove_dir(dir) {
        Err(err) if !matches!(err.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) => {
            Err(format!("{}: {err}", dir.display()))
        }
        _ => Ok(()),
    }
}

fn namespaces(prefix: &str) -> Result<Vec<String>, String> {
    let list = ip("netns list")?;
    let names = list.lines().filter_map(|line| line.split_whitespace().next());
    Ok(names.filter(|name| name.starts_with(prefix)).map(str::to_owned).collect())
}
