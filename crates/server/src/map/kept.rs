//! An included map on disk, as it was read last: a relay that starts again serves it until it is read anew.

use std::io;
use std::path::Path;

use thiserror::Error;
use wherry_wire::derp_map::DerpMap;

use super::read::ReadMap;
use crate::config::cure;
use crate::files;

/// Why a kept map cannot be used.
#[derive(Debug, Error)]
pub(super) enum KeptError {
    #[error("cannot read it: {0}{hint}", hint = cure(.0))]
    Read(#[source] io::Error),
    #[error("{}", .0.join("; "))]
    Wrong(Vec<String>),
}

/// What is there; none if nothing was kept.
pub(super) fn load(path: &Path, read: &ReadMap) -> Result<Option<DerpMap>, KeptError> {
    match std::fs::read_to_string(path) {
        Ok(text) => read(&path.display().to_string(), &text).map(Some).map_err(KeptError::Wrong),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(err) => Err(KeptError::Read(err)),
    }
}

/// Replaces what is there in one step.
pub(super) async fn store(path: &Path, map: &DerpMap) -> io::Result<()> {
    let (path, text) = (path.to_owned(), map.to_json().map_err(io::Error::other)?);
    let storing = move || files::replace(&path, text.as_bytes(), 0o644);
    tokio::task::spawn_blocking(storing).await?
}
