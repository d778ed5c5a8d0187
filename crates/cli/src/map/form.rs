//! The written forms of a map.

use clap::ValueEnum;
use wherry_wire::derp_map::{DerpMap, MapError};

/// How to write a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// For Headscale's derp.paths
    Yaml,
    /// For Headscale's derp.urls, and for tools
    Json,
    /// For pasting into Tailscale's policy file, between its outer braces
    Acl,
}

impl Form {
    pub(super) fn write(self, map: &DerpMap) -> Result<String, MapError> {
        let text = match self {
            Self::Yaml => map.to_yaml(),
            Self::Json => map.to_json(),
            Self::Acl => map.to_policy(),
        }?;
        Ok(format!("{}\n", text.trim_end()))
    }
}
