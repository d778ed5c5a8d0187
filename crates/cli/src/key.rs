//! `wherry key`: node keys in files.

use std::path::Path;

use wherry_server::{
    clock::Clock,
    config::{read_node_key, write_node_key},
};
use wherry_wire::key::NodePrivate;

use crate::{failure::Failure, output};

/// Makes a private key; to a file it goes with mode 0600 and its public key is printed.
pub(crate) fn new(out: Option<&Path>) -> Result<(), Failure> {
    let key = NodePrivate::generate(Clock::start().random()?);
    let Some(path) = out else { return output::print(&format!("{}\n", *key.to_text())) };
    if path.symlink_metadata().is_ok() {
        return Err(Failure::KeyFileExists(path.to_owned()));
    }
    write_node_key(path, &key).map_err(|err| Failure::KeyFile { path: path.to_owned(), err })?;
    output::print(&format!("{}\n", key.public()))
}

/// Prints the public key of a file.
pub(crate) fn show(path: &Path) -> Result<(), Failure> {
    let key = read_node_key(path).map_err(|err| Failure::KeyFile { path: path.to_owned(), err })?;
    let key = key.ok_or_else(|| Failure::NoKeyFile(path.to_owned()))?;
    output::print(&format!("{}\n", key.public()))
}
