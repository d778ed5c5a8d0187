//! What no tree comes of.

use crate::map::finding::At;

/// Why a text cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::map) struct Unread {
    pub(in crate::map) at: At,
    pub(in crate::map) reason: String,
}
