//! The file with the relay's private node key.

use std::path::PathBuf;

/// Where the relay's own key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeKeySource {
    /// A new key at each start.
    Ephemeral,
    /// A file, made when it is missing.
    File(PathBuf),
}
