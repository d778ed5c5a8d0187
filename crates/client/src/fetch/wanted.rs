//! What is to be fetched.

use crate::tls::Verify;

/// A document to fetch.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub(super) url: String,
    pub(super) max_bytes: usize,
    pub(super) verify: Verify,
    pub(super) known: Option<Validators>,
    pub(super) header: Option<(&'static str, &'static str)>,
}

/// What lets a server say that a document is still the same, as it gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Validators {
    /// Where the document came from after redirects.
    pub url: String,
    /// `ETag`.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub last_modified: Option<String>,
}

impl Wanted {
    /// What is at `url`, `https://…` or `http://…`, and at most `max_bytes` long.
    #[must_use]
    pub fn new(url: impl Into<String>, max_bytes: usize) -> Self {
        Self { url: url.into(), max_bytes, verify: Verify::Host, known: None, header: None }
    }

    /// The same with another rule for the server's certificate. Whoever it redirects to is judged by name.
    #[must_use]
    pub fn with_verify(self, verify: Verify) -> Self {
        Self { verify, ..self }
    }

    /// The same, unless it is still the one with these: then the answer is 304.
    #[must_use]
    pub fn unless(self, known: Option<Validators>) -> Self {
        Self { known, ..self }
    }

    /// The same, asked for with this header, a name in lower case and what it says; [`Document::header`] is the answer's of
    /// that name.
    ///
    /// [`Document::header`]: super::Document::header
    #[must_use]
    pub fn with_header(self, name: &'static str, says: &'static str) -> Self {
        Self { header: Some((name, says)), ..self }
    }
}
