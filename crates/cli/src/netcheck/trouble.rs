//! What can go wrong before there is a report, and a report of nothing.

use std::fmt;

use serde::Serialize;
use thiserror::Error;
use wherry_tools::map::Finding;
use wherry_tools::netcheck::CheckError;

use crate::failure::Failure;
use crate::finding::line;

/// A map that cannot be used, every reason on a line of its own.
#[derive(Debug, Error)]
pub(super) struct BadMap {
    pub(super) findings: Vec<Finding>,
    /// As it was named.
    pub(super) name: String,
}

/// What JSON says where there is no report.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NoReport {
    pub(super) error: String,
}

/// No relay works.
#[derive(Debug, Error)]
#[error(
    "{}; the reasons stand above under Missing{}",
    if *.names_none { "no node of the map relays, so nobody finds a home there: let one relay, or add one that does" }
    else if *.is_key_refused { "no relay of the map that is reached from here admits this key" }
    else if *.is_unasked { "no relay of the map works from here, and nobody was asked for STUN" }
    else if *.has_stun { "no relay of the map works from here, though STUN answers" }
    else { "nothing can be reached: no STUN server answers and no relay" },
    if *.is_json { "" } else { " figures" }
)]
pub(super) struct NoRelay {
    pub(super) is_json: bool,
    /// The map has nodes for STUN alone.
    pub(super) names_none: bool,
    /// No STUN server was asked.
    pub(super) is_unasked: bool,
    pub(super) has_stun: bool,
    pub(super) is_key_refused: bool,
}

impl fmt::Display for BadMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.findings.is_empty() {
            return write!(f, "{}: the map has no region with a node, so there is nobody to ask", self.name);
        }
        let lines: Vec<_> = self.findings.iter().map(line).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// A socket that cannot be had where the flags ask for it is a mistake on the command line.
pub(super) fn of_check(err: CheckError) -> Failure {
    match &err {
        CheckError::Socket { from, .. } if from.ip.is_some() || from.port != 0 => Failure::Usage(
            format!("{err}; --bind-address takes an address of this host, --bind-port a port nobody uses")
                .into(),
        ),
        _ => Failure::Other(err.into()),
    }
}
