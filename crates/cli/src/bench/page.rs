//! The file that the report goes to as a page.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use wherry_server::files;

/// Why no page can be written there.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadPath {
    #[error("--report {folder}: no such folder; make it first: mkdir -p {folder}", folder = .0.display())]
    NoFolder(PathBuf),
    #[error("--report {}: exists and is no ordinary file", .0.display())]
    NoFile(PathBuf),
    #[error("--report {}: {cause}", .path.display())]
    Refused { path: PathBuf, cause: io::Error },
}

/// A place where a page can be written.
#[derive(Debug)]
pub(super) struct PageFile(PathBuf);

impl PageFile {
    /// Makes sure, before anything takes long, that a file can be written there; an old one stays as it is.
    ///
    /// # Errors
    /// [`BadPath`].
    pub(super) fn at(path: &Path) -> Result<Self, BadPath> {
        let refused = |cause| BadPath::Refused { path: path.to_owned(), cause };
        if path.file_name().is_none() || fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return Err(BadPath::NoFile(path.to_owned()));
        }
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        if !folder.is_dir() {
            return Err(BadPath::NoFolder(folder.to_owned()));
        }
        // The page comes as a new file that takes the old one's name, so the folder is what must take it.
        let trial = folder.join(format!(".wherry-bench.{}.new", std::process::id()));
        OpenOptions::new().write(true).create_new(true).open(&trial).map_err(refused)?;
        fs::remove_file(&trial).map_err(refused)?;
        Ok(Self(path.to_owned()))
    }

    /// Writes the page in one step: whoever looks sees the old file or the new one.
    ///
    /// # Errors
    /// [`BadPath::Refused`] if the system has changed its mind, as with a disk that is full by now.
    pub(super) fn write(self, page: &str) -> Result<(), BadPath> {
        let Self(path) = self;
        files::replace(&path, page.as_bytes(), 0o644).map_err(|cause| BadPath::Refused { path, cause })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(path: &Path) -> String {
        PageFile::at(path).unwrap_err().to_string()
    }

    #[test]
    fn a_place_that_takes_no_file_is_refused_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let none = folder.path().join("none/page.html");
        assert!(said(&none).contains("none: no such folder; make it first"), "{}", said(&none));
        assert!(said(folder.path()).ends_with("exists and is no ordinary file"), "{}", said(folder.path()));
        assert!(
            said(Path::new("/dev/null")).starts_with("--report /dev/null: exists"),
            "{}",
            said(folder.path())
        );
        // The kernel takes no new files there, not even from root.
        let locked = Path::new("/proc/self/page.html");
        assert!(said(locked).starts_with("--report /proc/self/page.html: "), "{}", said(locked));
    }

    #[test]
    fn looking_leaves_nothing_behind_and_writing_replaces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.html");
        fs::write(&path, "old").unwrap();
        let page = PageFile::at(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        page.write("new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
