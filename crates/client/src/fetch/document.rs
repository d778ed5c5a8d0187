//! What was fetched, or why not.

use std::time::Duration;

use thiserror::Error;

use super::wanted::Validators;
use crate::dial::DialError;
use crate::target::{TargetError, without_secrets};

/// An answer, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Document {
    /// Where it came from after redirects.
    pub url: String,
    /// HTTP status code.
    pub status: u16,
    /// `Content-Type`, as it was sent.
    pub content_type: Option<String>,
    /// What to ask with whether it has changed; none if the server gave nothing.
    pub validators: Option<Validators>,
    /// The header of the name that [`Wanted::with_header`](super::Wanted::with_header) gave.
    pub header: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why nothing was fetched.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The URL cannot be used.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// There is no connection.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// What comes is no HTTP answer, or it ends early.
    #[error("the HTTP answer cannot be read: {0}")]
    Http(#[source] hyper::Error),
    /// The body is too long.
    #[error("the answer is longer than {limit} bytes")]
    TooLong {
        /// The longest body that is read, in bytes.
        limit: usize,
    },
    /// A redirect leads nowhere, or off TLS.
    #[error("the redirect to {:?} is not followed: {reason}", without_secrets(location))]
    Redirect {
        /// Where it leads to.
        location: String,
        /// Why it is not followed.
        reason: &'static str,
    },
    /// It takes too long.
    #[error("the answer did not come within {} s", limit.as_secs())]
    Timeout {
        /// The time given.
        limit: Duration,
    },
}
