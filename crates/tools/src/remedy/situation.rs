//! What is known beside the error when a dial fails.

use wherry_client::{Endpoint, NodePublic, Pin, PinFailure};

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
        /// The node whose key was given; none is a throw-away one.
        key: Option<NodePublic>,
    },
    /// `wherry netcheck`.
    Netcheck {
        /// As for [`Ping`](Self::Ping).
        key: Option<NodePublic>,
    },
    /// `wherry bench`.
    Bench,
    /// `wherry doctor`.
    Doctor {
        /// As for [`Ping`](Self::Ping).
        key: Option<NodePublic>,
    },
    /// `wherry map entry`.
    Map,
}

impl Tool {
    /// The node whose key was given.
    pub(super) const fn key(self) -> Option<NodePublic> {
        match self {
            Self::Ping { key } | Self::Netcheck { key } | Self::Doctor { key } => key,
            Self::Bench | Self::Map => None,
        }
    }

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
