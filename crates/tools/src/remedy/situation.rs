//! What is known beside the error when a dial fails.

use wherry_client::{Endpoint, Pin, PinFailure};

/// What else is known when a dial fails.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "callers write it as a literal")]
pub struct Situation<'a> {
    /// What was dialled.
    pub endpoint: &'a Endpoint,
    /// Who dialled.
    pub tool: Tool,
    /// The pin of the certificate that was refused, or why it is refused under that pin too.
    pub seen_pin: Option<&'a Result<Pin, PinFailure>>,
}

/// Who dials: not all have the same flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tool {
    /// `wherry ping`.
    Ping {
        /// A key was given, so the node is no throw-away one.
        has_key: bool,
    },
    /// `wherry netcheck`.
    Netcheck {
        /// As for [`Ping`](Self::Ping).
        has_key: bool,
    },
    /// `wherry bench`.
    Bench,
    /// `wherry doctor`.
    Doctor {
        /// As for [`Ping`](Self::Ping).
        has_key: bool,
    },
    /// `wherry map entry`.
    Map,
}

impl Tool {
    /// Whether it has -4 and -6.
    pub(super) const fn has_families(self) -> bool {
        match self {
            Self::Ping { .. } | Self::Netcheck { .. } | Self::Doctor { .. } => true,
            Self::Bench | Self::Map => false,
        }
    }

    /// Whether it dials a relay without TLS: a map has no such entry.
    pub(super) const fn takes_http(self) -> bool {
        match self {
            Self::Ping { .. } | Self::Doctor { .. } | Self::Bench => true,
            Self::Netcheck { .. } | Self::Map => false,
        }
    }
}

/// Where to read on when this side cannot know more.
pub const LOG: &str = "the relay's own log says more (wherry: with WHERRY_LOG=debug in its environment)";
