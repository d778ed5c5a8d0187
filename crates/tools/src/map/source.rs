//! Where a map's text comes from.

use std::fs::File;
use std::io::{self, Read as _};

use thiserror::Error;
use wherry_client::{DialError, Dialer, FetchError, TlsError, Verify, Wanted, without_secrets};
use wherry_wire::derp_map::{TextError, decode};

use super::finding::{Finding, Place, Rule};

/// The longest map that is read, in bytes: Tailscale's own has some 50 KiB.
pub(super) const MAX_BYTES: usize = 4 << 20;

/// Where a map's text comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A file.
    File,
    /// A URL.
    Url,
    /// What is piped in.
    Stdin,
}

/// A text that should be a map.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a caller may have the text already")]
pub struct Source {
    /// File name, URL without what may be a secret, or `stdin`.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// The text.
    pub text: String,
}

/// Why there is no text.
#[derive(Debug, Error)]
#[error("{name}: {cause}")]
pub struct SourceError {
    /// File name, URL without what may be a secret, or `stdin`.
    pub name: String,
    /// Why.
    pub cause: SourceFault,
}

/// Why there is no text.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SourceFault {
    /// The file cannot be read.
    #[error("cannot read it: {0}")]
    Read(#[source] io::Error),
    /// It is longer than any map.
    #[error("it is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// It is no text.
    #[error(transparent)]
    NotText(TextError),
    /// It has a scheme of URLs that is not fetched.
    #[error("{scheme}:// is not fetched")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// The URL cannot be fetched.
    #[error("cannot fetch it: {0}")]
    Fetch(#[source] FetchError),
    /// The URL answers with something else than 200.
    #[error("the server answers with HTTP status {status}{}", if *is_page { " and a web page" } else { "" })]
    Status {
        /// The status.
        status: u16,
        /// Whether what comes with it is HTML.
        is_page: bool,
    },
}

impl Source {
    /// Reads the file or URL that `words` name; `-` is stdin. Where the server's certificate is not good for its name, it may
    /// be by the rule `also`.
    ///
    /// # Errors
    /// [`SourceError`].
    pub async fn read(words: &str, dialer: &Dialer, also: Option<Verify>) -> Result<Self, SourceError> {
        let is_scheme =
            |word: &str| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        let Some((scheme, _)) = words.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) else {
            return Self::local(words);
        };
        let bytes = match scheme {
            "http" | "https" => fetch(words, dialer, also).await,
            _ => Err(SourceFault::Scheme { scheme: scheme.to_owned() }),
        };
        Self::of(&without_secrets(words), Origin::Url, bytes)
    }

    /// Reads the file that `words` name; `-` is stdin.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn local(words: &str) -> Result<Self, SourceError> {
        if words == "-" {
            return Self::of("stdin", Origin::Stdin, whole(io::stdin().lock()));
        }
        match File::open(words) {
            Ok(file) => Self::of(words, Origin::File, whole(file)),
            // What is no file may be a mistyped URL.
            Err(err) if words.contains('@') => {
                Self::of(&without_secrets(words), Origin::File, Err(SourceFault::Read(err)))
            }
            Err(err) => Self::of(words, Origin::File, Err(SourceFault::Read(err))),
        }
    }

    fn of(name: &str, origin: Origin, bytes: Result<Vec<u8>, SourceFault>) -> Result<Self, SourceError> {
        let text = bytes.and_then(|bytes| decode(bytes).map_err(SourceFault::NotText));
        match text {
            Ok(text) => Ok(Self { name: name.to_owned(), origin, text }),
            Err(cause) => Err(SourceError { name: name.to_owned(), cause }),
        }
    }
}

impl SourceFault {
    /// Whether something is there, but no map.
    #[must_use]
    pub const fn is_no_map(&self) -> bool {
        matches!(self, Self::TooLong | Self::NotText(_))
    }
}

async fn fetch(url: &str, dialer: &Dialer, also: Option<Verify>) -> Result<Vec<u8>, SourceFault> {
    let wanted = Wanted::new(url, MAX_BYTES);
    let fetched = match (dialer.fetch(&wanted).await, also) {
        (Err(FetchError::Dial(DialError::Tls(TlsError::Certificate { .. }))), Some(verify)) => {
            dialer.fetch(&wanted.with_verify(verify)).await
        }
        (fetched, _) => fetched,
    };
    let document = fetched.map_err(|err| match err {
        FetchError::TooLong { .. } => SourceFault::TooLong,
        err => SourceFault::Fetch(err),
    })?;
    if document.status != 200 {
        let is_page = document.content_type.is_some_and(|kind| kind.starts_with("text/html"));
        return Err(SourceFault::Status { status: document.status, is_page });
    }
    Ok(document.body)
}

fn whole(from: impl io::Read) -> Result<Vec<u8>, SourceFault> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    from.take(limit).read_to_end(&mut bytes).map_err(SourceFault::Read)?;
    if bytes.len() > MAX_BYTES { Err(SourceFault::TooLong) } else { Ok(bytes) }
}

impl SourceError {
    /// The same as a finding.
    #[must_use]
    pub fn finding(&self) -> Finding {
        let (rule, expected, cure) = match &self.cause {
            SourceFault::Read(_) => (
                Rule::Unreadable,
                "a file that is there and may be read",
                "check path and permissions; a URL begins with https://",
            ),
            SourceFault::TooLong => {
                (Rule::Unreadable, "a map: some 50 KiB at most", "check that it is the right file or URL")
            }
            SourceFault::NotText(TextError::Compressed) => (
                Rule::Unreadable,
                "JSON or YAML in UTF-8",
                "give the file uncompressed, or let the URL's server send it as it is",
            ),
            SourceFault::NotText(_) => {
                (Rule::Unreadable, "JSON or YAML in UTF-8", "check that it is the right file or URL")
            }
            SourceFault::Scheme { .. } => {
                (Rule::Unreadable, "https:// or http://, or the path of a file", "write the path alone")
            }
            SourceFault::Fetch(FetchError::Dial(DialError::Tls(TlsError::Pin(_)))) => (
                Rule::Unreadable,
                "the certificate of the pin, or one from an authority that this host trusts",
                "the pin is another's: compare it with that of the entry which the relay prints",
            ),
            SourceFault::Fetch(FetchError::Dial(DialError::Tls(TlsError::Certificate { .. }))) => (
                Rule::Unreadable,
                "a certificate from an authority that this host trusts",
                "name the file of a private authority in SSL_CERT_FILE; netcheck and doctor take the server's --pin, too",
            ),
            SourceFault::Fetch(_) => (
                Rule::Unreadable,
                "a URL that answers",
                "check its spelling, and that the server runs; wherry ping says more of a relay",
            ),
            SourceFault::Status { .. } => (
                Rule::HttpStatus,
                "200 and a map",
                "check the URL's path; Headscale does not look at the status and takes what comes for a map",
            ),
        };
        let place = Place { source: self.name.clone(), ..Place::default() };
        let (found, expected, cure) = (self.cause.to_string(), expected.to_owned(), cure.to_owned());
        Finding { severity: rule.severity(), rule, place, found, expected, cure }
    }
}
