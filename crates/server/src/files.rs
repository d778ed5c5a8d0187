//! Files that outlive a process: noticing that one changed, and replacing one in a single step.
//!
//! It may use the standard library only. What must stay true: a reader of a written file sees the old content
//! or the new, never a part, and a file meant for one user is never readable by others, not even for a moment.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// What a file's metadata says about its content: two equal stamps of a path mean nobody changed it between.
///
/// Symbolic links are followed, so replacing what a link points at changes the stamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    // Catches a rewrite of equal length whose modification time was set back, as archive tools do.
    changed: (i64, i64),
}

impl Stamp {
    /// The stamp of the file at `path` as it is now.
    ///
    /// # Errors
    /// What the system says when it cannot be looked at.
    pub fn of(path: &Path) -> io::Result<Self> {
        let meta = fs::metadata(path)?;
        Ok(Self {
            device: meta.dev(),
            inode: meta.ino(),
            length: meta.len(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        })
    }
}

/// Tells from look to look whether files changed and whoever changed them is done.
///
/// A change counts when two looks in a row find it the same. Between emptying a file and filling it, or between
/// the first file of a pair and the second, there is a moment when reading would find less than was meant.
#[derive(Debug)]
pub struct Changes<T> {
    taken: T,
    last: T,
}

impl<T: PartialEq + Clone> Changes<T> {
    /// What was read had the stamps `now`, taken before reading.
    pub fn since(now: T) -> Self {
        Self { taken: now.clone(), last: now }
    }

    /// Takes the look that found `now`: true when the files are to be read.
    pub fn look(&mut self, now: T) -> bool {
        let is_finished = now != self.taken && now == self.last;
        if is_finished {
            self.taken = now.clone();
        }
        self.last = now;
        is_finished
    }
}

/// Replaces the file at `path` by `content` with the permission bits `mode`, creating missing folders.
///
/// The content is on disk before the name points at it.
///
/// # Errors
/// What the system says; the old file, if there was one, is then still there.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    replace_with(path, content, mode, |_| Ok(()))
}

/// As [`replace`], after `prepare` had the new file, still empty and under another name: what is done to its owner and its
/// permission bits is done before anybody can find it.
///
/// # Errors
/// What the system or `prepare` says; the old file, if there was one, is then still there.
pub fn replace_with(
    path: &Path,
    content: &[u8],
    mode: u32,
    prepare: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    let draft = draft_of(path)?;
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = write_new(&draft, content, mode, prepare).and_then(|()| fs::rename(&draft, path));
    if let Err(error) = written {
        // The draft is of no use to anybody; the first error says more than a second one could.
        drop(fs::remove_file(&draft));
        return Err(error);
    }
    File::open(folder)?.sync_all()
}

fn draft_of(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let mut draft = std::ffi::OsString::from(".");
    draft.push(name);
    draft.push(format!(".{}.new", std::process::id()));
    Ok(path.with_file_name(draft))
}

fn write_new(
    path: &Path,
    content: &[u8],
    mode: u32,
    prepare: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    prepare(&file)?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn replaced_file_has_its_content_and_mode_and_leaves_no_draft() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/secret");
        replace(&path, b"one", 0o600).unwrap();
        replace(&path, b"two", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_done_to_a_new_file_is_done_before_it_takes_the_place_of_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map");
        replace(&path, b"one", 0o600).unwrap();
        let refuse = |_: &File| Err(io::ErrorKind::PermissionDenied.into());
        assert!(replace_with(&path, b"two", 0o600, refuse).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        replace_with(&path, b"two", 0o600, |file| {
            assert_eq!(fs::read(&path).unwrap(), b"one");
            // No usual umask lets all of these through.
            file.set_permissions(fs::Permissions::from_mode(0o666))
        })
        .unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o666);
    }

    #[test]
    fn rewriting_with_the_same_length_changes_the_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        replace(&path, b"one", 0o644).unwrap();
        let before = Stamp::of(&path).unwrap();
        assert_eq!(before, Stamp::of(&path).unwrap());
        replace(&path, b"two", 0o644).unwrap();
        assert_ne!(before, Stamp::of(&path).unwrap());
    }

    #[test]
    fn a_change_counts_once_and_only_when_finished() {
        let mut changes = Changes::since("whole");
        let looks = ["whole", "empty", "half", "new", "new", "new", "odd", "new"];
        let found: Vec<_> = looks.iter().filter(|now| changes.look(*now)).collect();
        assert_eq!(found, [&"new"]);
    }

    #[test]
    fn replacing_the_target_of_a_link_changes_the_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        replace(&target, b"one", 0o644).unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let before = Stamp::of(&link).unwrap();
        replace(&target, b"two", 0o644).unwrap();
        assert_ne!(before, Stamp::of(&link).unwrap());
    }
}
