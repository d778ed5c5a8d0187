//! Which step of a dial failed, and why.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use crate::connection::HandshakeError;
use crate::tcp::{Attempt, AttemptError};
use crate::tls::TlsError;

/// A step of a dial, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Step {
    /// Name resolution.
    Dns,
    /// TCP connection.
    Tcp,
    /// TLS handshake with the certificate's check.
    Tls,
    /// HTTP upgrade.
    Upgrade,
    /// DERP handshake, in which the relay decides whether it takes this client.
    Handshake,
}

/// Why there is no connection.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DialError {
    /// No address of any endpoint could be reached; every attempt in order.
    #[error("{}", list(attempts))]
    Unreachable {
        /// What was tried.
        attempts: Vec<Attempt>,
    },
    /// TLS failed.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The upgrade or the DERP handshake failed.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// A step did not end in time.
    #[error("{step} did not end within {} ms", limit.as_millis())]
    Timeout {
        /// The step that was under way.
        step: Step,
        /// The time given.
        limit: Duration,
    },
}

impl DialError {
    /// The step that failed.
    #[must_use]
    pub fn step(&self) -> Step {
        match self {
            Self::Unreachable { attempts } if attempts.iter().all(is_lookup) => Step::Dns,
            Self::Unreachable { .. } => Step::Tcp,
            Self::Tls(_) => Step::Tls,
            Self::Handshake(HandshakeError::Upgrade(_)) => Step::Upgrade,
            Self::Handshake(_) => Step::Handshake,
            Self::Timeout { step, .. } => *step,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dns => "name resolution",
            Self::Tcp => "the TCP connection",
            Self::Tls => "the TLS handshake",
            Self::Upgrade => "the HTTP upgrade",
            Self::Handshake => "the DERP handshake",
        })
    }
}

fn is_lookup(attempt: &Attempt) -> bool {
    matches!(attempt.error, AttemptError::Lookup(_) | AttemptError::NoAddress)
}

/// Each attempt; with its endpoint's label where there is more than one.
fn list(attempts: &[Attempt]) -> String {
    let several = attempts.iter().any(|attempt| attempts.iter().any(|other| attempt.label != other.label));
    let line = |attempt: &Attempt| match several {
        true => format!("{}: {attempt}", attempt.label),
        false => attempt.to_string(),
    };
    attempts.iter().map(line).collect::<Vec<_>>().join("; ")
}
