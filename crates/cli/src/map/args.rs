//! The arguments.

use clap::{Args, Subcommand, ValueEnum};
use wherry_tools::map::Destination;

#[derive(Debug, Subcommand)]
pub(crate) enum MapCommands {
    Check(CheckArgs),
}

/// Check maps and name every mistake with its place, what is expected, and the cure
#[derive(Debug, Args)]
#[command(after_help = CHECK_AFTER)]
pub(crate) struct CheckArgs {
    /// File or URL of a map, in YAML or JSON, or a Tailscale policy file with derpMap; `-` is stdin
    #[arg(value_name = "FILE|URL", required = true)]
    pub(super) sources: Vec<String>,

    /// Reader of the map, if its form does not tell: headscale-paths (YAML under derp.paths), headscale-urls (JSON
    /// under derp.urls), or policy (derpMap in Tailscale's policy file)
    #[arg(long = "for", value_name = "READER", value_enum, hide_possible_values = true)]
    pub(super) reader: Option<Reader>,

    /// Look at the text alone: ask neither DNS nor a relay
    #[arg(long)]
    pub(super) offline: bool,

    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

const CHECK_AFTER: &str = "\
Examples:
  wherry map check derp.yaml
  wherry map check derp.yaml https://controlplane.tailscale.com/derpmap/default
  wherry map check --for policy policy.hujson
  wherry map entry relay.example:8443 | wherry map check -

A finding is one line: file:line:column: error|warning|note [rule]: region, node, field: what is there; expected: what may
be there; what to do. Names are looked up where the map leaves an address to DNS.

Exit code: 0 no errors, 1 errors, 64 the question was wrong.";

/// Who is going to read a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Reader {
    HeadscalePaths,
    HeadscaleUrls,
    Policy,
}

impl From<Reader> for Destination {
    fn from(reader: Reader) -> Self {
        match reader {
            Reader::HeadscalePaths => Self::HeadscalePaths,
            Reader::HeadscaleUrls => Self::HeadscaleUrls,
            Reader::Policy => Self::Policy,
        }
    }
}
