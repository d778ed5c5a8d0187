//! Where a map goes: stdout, or a file that somebody may be reading.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};

use clap::Args;
use wherry_server::files;

use crate::failure::Failure;
use crate::output;

/// Where to.
#[derive(Debug, Args)]
pub(super) struct OutArg {
    /// File for it, replaced in one step, and left alone where anything fails [default: stdout]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
enum NotWritten {
    #[error("--out {path}: no such folder; make it first, or correct the path", path = .0.display())]
    NoFolder(PathBuf),
    #[error("--out {path}: it is there, and no file; leave --out away to print", path = .0.display())]
    NoFile(PathBuf),
    #[error("--out {path}: {err}; what was there stays as it was", path = .path.display())]
    File { path: PathBuf, err: io::Error },
}

/// Writes a map to its place.
///
/// # Errors
/// [`Failure::Usage`] for a path that cannot be a file, [`Failure::Other`] if the system refuses.
pub(super) fn put(text: &str, OutArg { out }: &OutArg) -> Result<(), Failure> {
    let Some(path) = out else { return Ok(output::print(text)?) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) {
        return Err(Failure::Usage(NotWritten::NoFolder(path.clone()).into()));
    }
    // A link stays one, to a file that is replaced.
    let path = path.canonicalize().unwrap_or_else(|_| path.clone());
    let before = fs::metadata(&path).ok();
    if before.as_ref().is_some_and(|before| !before.is_file()) {
        return Err(Failure::Usage(NotWritten::NoFile(path).into()));
    }
    let mode = before.as_ref().map_or(0o644, |before| before.mode() & 0o777);
    match files::replace(&path, text.as_bytes(), mode) {
        Ok(()) => {
            if let Some(before) = before {
                give_back(&path, &before);
            }
            Ok(())
        }
        Err(err) => Err(Failure::Other(NotWritten::File { path, err }.into())),
    }
}

/// Whose file it was, it is again: who could read it before can read it now.
fn give_back(path: &Path, before: &Metadata) {
    if let Err(err) = chown(path, Some(before.uid()), Some(before.gid())) {
        output::complain(&format!(
            "{}: it belongs to this user now, no more to {}:{}: {err}; see that its readers can read it",
            path.display(),
            before.uid(),
            before.gid()
        ));
    }
}
