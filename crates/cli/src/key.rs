//! `wherry key`: node keys in files.

use std::{
    io,
    path::{Path, PathBuf},
};

use wherry_server::{
    clock::Clock,
    config::{KeyFileError, cure, read_node_key, write_node_key},
};
use wherry_wire::key::NodePrivate;

use crate::{failure::Failure, output};

/// Why a key file was neither made nor read.
#[derive(Debug, thiserror::Error)]
enum KeyError {
    #[error("{}: {err}{}", .path.display(), remedy(err))]
    File { path: PathBuf, err: KeyFileError },
    #[error("{path}: no such file; make one with: wherry key new --out {path}", path = .0.display())]
    Missing(PathBuf),
    #[error("{folder}: no such folder; make it first: mkdir -p {folder}", folder = .0.display())]
    NoFolder(PathBuf),
    #[error("{}: exists already and stays as it is; choose another name, or remove it first", .0.display())]
    Exists(PathBuf),
}

fn remedy(err: &KeyFileError) -> &'static str {
    match err {
        KeyFileError::Read(err) => cure(err),
        KeyFileError::Write(err) if err.kind() == io::ErrorKind::PermissionDenied => {
            "; this user must be able to write to its folder"
        }
        _ => "",
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self::Other(error.into())
    }
}

/// Makes a private key; to a file it goes with mode 0600, in a folder that is there, and its public key is printed.
pub(crate) fn new(out: Option<&Path>) -> Result<(), Failure> {
    let key = NodePrivate::generate(Clock::start().random()?);
    let Some(path) = out else { return Ok(output::print(&format!("{}\n", *key.to_text()))?) };
    if path.symlink_metadata().is_ok() {
        return Err(KeyError::Exists(path.to_owned()).into());
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        return Err(KeyError::NoFolder(folder.to_owned()).into());
    }
    write_node_key(path, &key).map_err(|err| KeyError::File { path: path.to_owned(), err })?;
    Ok(output::print(&format!("{}\n", key.public()))?)
}

/// Prints the public key of a file.
pub(crate) fn show(path: &Path) -> Result<(), Failure> {
    let key = read_node_key(path).map_err(|err| KeyError::File { path: path.to_owned(), err })?;
    let key = key.ok_or_else(|| KeyError::Missing(path.to_owned()))?;
    Ok(output::print(&format!("{}\n", key.public()))?)
}
