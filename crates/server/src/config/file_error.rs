//! What can be wrong with a file that a setting names.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::key_file::KeyFileError;

/// Why a file that a setting names cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileError {
    /// It cannot be read.
    #[error("{err}{cure}", err = .0, cure = cure(.0))]
    Io(#[source] io::Error),
    /// It is not a folder.
    #[error("not a folder; name the folder that holds the files")]
    NotFolder,
    /// It is a folder.
    #[error("a folder, not a file; name the file in it")]
    Folder,
    /// There is no admission list.
    #[error(
        "no such file; make it: {}touch {path}; then a node key a line, a name behind it if you like; an empty list admits nobody",
        make_folder(.0),
        path = .0.display()
    )]
    NoList(PathBuf),
    /// It does not hold a mesh key.
    #[error("not a mesh key: 64 hex digits are wanted")]
    MeshKey,
    /// The mesh key is all zero, which means none.
    #[error("the key is all zero, which means no key; make one with: openssl rand -hex 32")]
    ZeroMeshKey,
    /// It does not hold a node key.
    #[error("{0}{hint}", hint = .0.elsewhere())]
    NodeKey(#[from] KeyFileError),
}

/// What to do about a file that cannot be read, as the end of a message; nothing where the system's words say enough.
#[must_use]
pub fn cure(err: &io::Error) -> &'static str {
    match err.kind() {
        io::ErrorKind::NotFound => "; check the path, or put it there first",
        io::ErrorKind::PermissionDenied => {
            "; the user that runs this must be able to read it and to enter every folder above it"
        }
        io::ErrorKind::IsADirectory => "; name a file, not its folder",
        io::ErrorKind::NotADirectory => "; a part of the path is a file, not a folder",
        io::ErrorKind::InvalidData => "; it is no text in UTF-8",
        _ => "",
    }
}

/// The command that makes the folder of `path`, if there is none.
fn make_folder(path: &Path) -> String {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            format!("mkdir -p {} && ", folder.display())
        }
        _ => String::new(),
    }
}

impl FileError {
    /// Whether `path` is a file that can be opened for reading.
    pub(super) fn check_list(path: &Path) -> Result<(), Self> {
        let file = std::fs::File::open(path).map_err(|err| match err.kind() {
            io::ErrorKind::NotFound => Self::NoList(path.to_owned()),
            _ => Self::Io(err),
        })?;
        if file.metadata().map_err(Self::Io)?.is_dir() { Err(Self::Folder) } else { Ok(()) }
    }

    /// Whether `path` is a file that can be opened for reading, and is there.
    pub(super) fn check_file(path: &Path) -> Result<(), Self> {
        let file = std::fs::File::open(path).map_err(Self::Io)?;
        if file.metadata().map_err(Self::Io)?.is_dir() { Err(Self::Folder) } else { Ok(()) }
    }

    /// Whether `path` is a folder whose content can be listed.
    pub(super) fn check_folder(path: &Path) -> Result<(), Self> {
        if std::fs::metadata(path).map_err(Self::Io)?.is_dir() {
            std::fs::read_dir(path).map(drop).map_err(Self::Io)
        } else {
            Err(Self::NotFolder)
        }
    }
}
