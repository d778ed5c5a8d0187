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
    let line = |same: &[Attempt]| {
        let Some(Attempt { label, error, .. }) = same.first() else { return String::new() };
        let prefix = if several { format!("{label}: ") } else { String::new() };
        format!("{prefix}{}: {error}", places(same))
    };
    // What failed in the same way is told once.
    let alike = |one: &Attempt, next: &Attempt| {
        one.label == next.label && one.error.to_string() == next.error.to_string()
    };
    attempts.chunk_by(alike).map(line).collect::<Vec<_>>().join("; ")
}

/// Where attempts went; a name that was tried in both families is said once.
fn places(attempts: &[Attempt]) -> String {
    let mut places = Vec::new();
    let mut last_name = "";
    for at in attempts.iter().map(|attempt| attempt.at.as_str()) {
        match at.split_once(" by ") {
            Some((name, family)) if name == last_name => places.push(family.to_owned()),
            found => {
                places.push(at.to_owned());
                last_name = found.map_or("", |(name, _)| name);
            }
        }
    }
    places.join(" and ")
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn attempt(label: &str, at: &str, error: AttemptError) -> Attempt {
        Attempt { label: label.to_owned(), at: at.to_owned(), error }
    }

    fn lookup() -> AttemptError {
        AttemptError::Lookup(io::Error::other("unknown"))
    }

    #[test]
    fn what_failed_in_the_same_way_is_told_once() {
        let one = vec![
            attempt("a", "relay.example by IPv4", lookup()),
            attempt("a", "relay.example by IPv6", lookup()),
        ];
        let said = DialError::Unreachable { attempts: one }.to_string();
        assert_eq!(said, "relay.example by IPv4 and IPv6: name resolution failed: unknown");
        let two = vec![
            attempt("a", "relay.example by IPv4", lookup()),
            attempt("a", "relay.example by IPv6", AttemptError::NoAddress),
            attempt("b", "10.0.0.7:443", AttemptError::NoFamily),
        ];
        let said = DialError::Unreachable { attempts: two }.to_string();
        assert_eq!(said.matches("; ").count(), 2, "{said}");
        assert!(
            said.starts_with("a: relay.example by IPv4: name") && said.contains("; b: 10.0.0.7:443: "),
            "{said}"
        );
    }
}
