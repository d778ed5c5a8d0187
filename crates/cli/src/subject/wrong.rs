//! What is wrong with the question.

use std::io;

use thiserror::Error;
use wherry_client::{TargetError, TrustError, without_secrets};
use wherry_server::config::cure;
use wherry_tools::map::{self, Finding, Rule, Severity, Source, SourceError};
use wherry_wire::derp_map::MapError;
use wherry_wire::key::KeyError;

use crate::failure::Failure;
use crate::finding::line;

/// What is wrong with the question.
#[derive(Debug, Error)]
pub(crate) enum BadQuestion {
    #[error("{0}")]
    Target(#[from] TargetError),
    #[error("{0}")]
    Node(TargetError),
    #[error("cannot read {path}: {cause}{}", cure(cause))]
    Read { path: String, cause: io::Error },
    #[error("{}", line(&.0.finding()))]
    Unread(#[from] SourceError),
    #[error("{}", .0.iter().map(line).collect::<Vec<_>>().join("\n"))]
    Broken(Vec<Finding>),
    #[error("{source_name}: {cause}{}", if matches!(**.cause, Self::NoEntry) { "; wherry map check judges maps" } else { "" })]
    Within { source_name: String, cause: Box<Self> },
    #[error("{0}")]
    Map(#[from] MapError),
    #[error(
        "no entry of a DERP map in it; expected is what wherry serve prints, a map, a region or a node in JSON, or a map in YAML"
    )]
    NoEntry,
    #[error("--key takes the file that holds a private key, not a key; wherry key new --out FILE makes one")]
    NoKeyFile,
    #[error("{}: no such file; if it is an address, write https:// before it", public(path))]
    NoFile { path: String },
    #[error("this JSON cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    #[error(
        "node {node} has no address to dial, IPv4 and IPv6 are none; write one, or leave its field out where the name has it"
    )]
    NoAddress { node: String },
    #[error("the map has no node that relays")]
    NoRelay,
    #[error(
        "{}: clients find a relay by TLS under /derp alone; write https://HOST:PORT, or HOST:PORT",
        without_secrets(url)
    )]
    NotOfMaps { url: String },
    #[error("{0}")]
    Trust(#[from] TrustError),
    #[error("{path} holds no node key (privkey: and 64 hex digits): {cause}")]
    Key { path: String, cause: KeyError },
}

/// A path, unless it may be a mistyped URL with a password.
fn public(path: &str) -> String {
    if path.contains('@') { without_secrets(path) } else { path.to_owned() }
}

impl From<BadQuestion> for Failure {
    fn from(wrong: BadQuestion) -> Self {
        match wrong {
            BadQuestion::Target(_) | BadQuestion::NotOfMaps { .. } | BadQuestion::NoKeyFile => {
                Self::Usage(wrong.into())
            }
            BadQuestion::Unread(SourceError { ref cause, .. }) if cause.is_no_map() => {
                Self::Config(wrong.into())
            }
            BadQuestion::Map(_)
            | BadQuestion::Node(_)
            | BadQuestion::NoEntry
            | BadQuestion::Json(_)
            | BadQuestion::Broken(_)
            | BadQuestion::Within { .. }
            | BadQuestion::NoAddress { .. }
            | BadQuestion::NoRelay => Self::Config(wrong.into()),
            BadQuestion::Read { .. }
            | BadQuestion::Unread(_)
            | BadQuestion::NoFile { .. }
            | BadQuestion::Key { .. }
            | BadQuestion::Trust(_) => Self::Other(wrong.into()),
        }
    }
}

impl BadQuestion {
    /// The same with its place in `source`, in the words of `wherry map check` where the text is a map. `has_entry`: what is
    /// wrong is in an entry that could be read, which may stand among words or be less than a map.
    pub(super) fn within(self, source: &Source, has_entry: bool) -> Self {
        let mut findings = map::check(source, None).findings;
        findings.retain(|finding| finding.severity == Severity::Error);
        let is_for_maps = !has_entry && !matches!(self, Self::NoEntry);
        let is_map = findings.iter().all(|finding| match finding.rule {
            Rule::NotAMap => false,
            Rule::Syntax => is_for_maps,
            _ => true,
        });
        if is_map && !findings.is_empty() {
            return Self::Broken(findings);
        }
        Self::Within { source_name: source.name.clone(), cause: Box::new(self) }
    }
}
