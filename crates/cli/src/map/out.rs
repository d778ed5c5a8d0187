//! Where a map goes: stdout, or a file that somebody may be reading.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt as _, fchown};
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
    // A link stays one, to a file that is replaced, or made.
    let path = path.canonicalize().unwrap_or_else(|_| end_of_links(path));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) {
        return Err(Failure::Usage(NotWritten::NoFolder(path).into()));
    }
    let before = fs::metadata(&path).ok();
    if before.as_ref().is_some_and(|before| !before.is_file()) {
        return Err(Failure::Usage(NotWritten::NoFile(path).into()));
    }
    let written = match before {
        Some(before) => replace(&path, text, &before),
        None => files::replace(&path, text.as_bytes(), 0o644),
    };
    written.map_err(|err| Failure::Other(NotWritten::File { path, err }.into()))
}

/// What a link leads to that leads to nothing; of a path that is no such link, the path.
fn end_of_links(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match path.read_link() {
            Ok(target) if !path.exists() => path = path.with_file_name(target),
            _ => break,
        }
    }
    path
}

/// As many as the kernel follows.
///
/// Source: path_resolution(7).
const MAX_LINKS: usize = 40;

/// Whose file it was, it is again, and who could read it before can read it now, with no moment between.
fn replace(path: &Path, text: &str, before: &Metadata) -> io::Result<()> {
    let mut refused = None;
    files::replace_with(path, text.as_bytes(), 0o600, |draft| {
        refused = fchown(draft, Some(before.uid()), Some(before.gid())).err();
        draft.set_permissions(before.permissions())
    })?;
    if let Some(err) = refused {
        output::complain(&format!(
            "{}: it belongs to this user now, no more to {}:{}: {err}; see that its readers can read it",
            path.display(),
            before.uid(),
            before.gid()
        ));
    }
    Ok(())
}
