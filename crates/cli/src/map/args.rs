//! The arguments.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use wherry_tools::map::Destination;

use super::form::Form;
use super::out::OutArg;
use crate::settings::SettingArgs;
use crate::subject::{StunPort, stun_port};

#[derive(Debug, Subcommand)]
pub(crate) enum MapCommands {
    Check(CheckArgs),
    Entry(Box<EntryArgs>),
    Merge(MergeArgs),
    Convert(ConvertArgs),
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

    /// Test the nodes too: dial each as a client does, ask for STUN, send packets between the nodes of a region
    #[arg(long)]
    pub(super) probe: bool,

    /// File with the node key (privkey:…) of a node that the relays admit, for relays that refuse a throw-away one; with
    /// one for each relay, packets are sent between relays that admit only those
    ///
    /// Use keys that no running node uses: packets for that node would come here meanwhile.
    #[arg(long, value_name = "FILE", requires = "probe")]
    pub(super) key: Vec<PathBuf>,

    /// Look at the text alone: ask neither DNS nor a relay
    #[arg(long, conflicts_with = "probe")]
    pub(super) offline: bool,

    /// Print JSON; where nothing could be checked, an object with `error`
    #[arg(long)]
    pub(super) json: bool,
}

const CHECK_AFTER: &str = "\
Examples:
  wherry map check derp.yaml
  wherry map check derp.yaml https://controlplane.tailscale.com/derpmap/default
  wherry map check --for policy policy.hujson
  wherry map check --probe derp.yaml
  wherry map check --probe --key one.key --key other.key derp.yaml
  wherry map entry relay.example:8443 | wherry map check --probe -

A finding is one line: file:line:column: error|warning|note [rule]: region, node, field: what is there; expected: what may
be there; what to do. Names are looked up where the map leaves an address to DNS.

By https:// a map comes from a server for whose certificate an authority stands that this host trusts; the variable
SSL_CERT_FILE names a file of others, such as a private one's, and holds for --probe, too.

Exit code: 0 no errors, 78 a map has errors, 1 only names or nodes have, or a map or key file cannot be read, 64 the
question was wrong.";

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

/// Print the map entry of a running relay, or of the one that the settings describe
#[derive(Debug, Args)]
#[command(after_help = ENTRY_AFTER)]
pub(crate) struct EntryArgs {
    /// Host, host:port or URL of a running relay, which is asked for its certificate, STUN, port 80 and the region
    /// and names in the map that it serves; without it the entry is made from the settings
    #[arg(value_name = "RELAY")]
    pub(super) relay: Option<String>,

    /// Form of the entry
    #[arg(long, visible_alias = "to", value_enum, default_value_t = Form::Yaml)]
    pub(super) format: Form,

    /// Number of the region; 900 to 999 are those that Tailscale leaves to users [default: the relay's own, or 900]
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(i64).range(1..=65535))]
    pub(super) region_id: Option<i64>,

    /// Code of the region, which status shows [default: the relay's own, or wherry]
    #[arg(long, value_name = "CODE")]
    pub(super) code: Option<String>,

    /// Name of the region for people [default: the relay's own, or Wherry]
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,

    /// Name of the node, which no other node of the map has [default: the relay's own, or the region's number and a]
    #[arg(long, value_name = "NAME")]
    pub(super) node_name: Option<String>,

    /// IPv4 address to write, or none to switch IPv4 off [default: the relay's own, or what follows from the host]
    #[arg(long, value_name = "IP|none", value_parser = ipv4)]
    pub(super) ipv4: Option<String>,

    /// IPv6 address to write, or none to switch IPv6 off [default: the relay's own, or what follows from the host]
    #[arg(long, value_name = "IP|none", value_parser = ipv6)]
    pub(super) ipv6: Option<String>,

    /// UDP port on which the running relay answers STUN, or `off` [default: the relay's own, or 3478]
    #[arg(long, value_name = "PORT", value_parser = stun_port, requires = "relay")]
    pub(super) stun_port: Option<StunPort>,

    #[command(flatten)]
    pub(super) out: OutArg,

    #[command(flatten)]
    pub(super) settings: SettingArgs,
}

const ENTRY_AFTER: &str = "\
Examples:
  wherry map entry derp.example.com:8443
  wherry map entry 203.0.113.7 --format acl --code home --name \"At home\"
  wherry map entry --config /etc/wherry.toml --region-id 901
  wherry map entry 203.0.113.7 --out /etc/headscale/derp.yaml
  wherry map entry 203.0.113.7 | wherry map check --probe -

Of a running relay that serves a map, region, names, addresses and STUN port are those of its own map; flags win.

A certificate that clients would not accept for the host is pinned. Who is on the path at that moment can show another
one: compare the pin with what the relay itself prints when it starts.

Exit code: 0 printed, 1 the relay cannot be asked or its own map is wrong, 64 the question was wrong, 78 the settings are.";

/// Merge maps into one: of a region in several the last stays, whole; null removes
#[derive(Debug, Args)]
#[command(after_help = MERGE_AFTER)]
pub(crate) struct MergeArgs {
    /// File or URL of a map, in YAML or JSON, or a Tailscale policy file with derpMap; `-` is stdin
    #[arg(value_name = "FILE|URL", required = true)]
    pub(super) sources: Vec<String>,

    /// Region to remove, by number or code; repeatable
    #[arg(long, value_name = "ID|CODE")]
    pub(super) without: Vec<String>,

    /// Form of the result
    #[arg(long, visible_alias = "format", value_enum, default_value_t = Form::Yaml)]
    pub(super) to: Form,

    #[command(flatten)]
    pub(super) out: OutArg,
}

const MERGE_AFTER: &str = "\
Examples:
  wherry map merge home.yaml office.yaml --out derp.yaml
  wherry map merge https://relay.example/derpmap.json home.yaml --without hkg
  wherry map merge home.yaml --without 1 --without 2 --to acl

Each region that is replaced or removed is named on stderr. In the form acl removed regions stay as null, which takes
Tailscale's own away.

Exit code: 0 merged, 1 a map cannot be read, 64 the question was wrong, 78 a map has errors.";

/// Convert a map into another form
#[derive(Debug, Args)]
#[command(after_help = CONVERT_AFTER)]
pub(crate) struct ConvertArgs {
    /// File or URL of a map, in YAML or JSON, or a Tailscale policy file with derpMap; `-` is stdin
    #[arg(value_name = "FILE|URL")]
    pub(super) source: String,

    /// Form of the result
    #[arg(long, visible_alias = "format", value_enum)]
    pub(super) to: Form,

    #[command(flatten)]
    pub(super) out: OutArg,
}

const CONVERT_AFTER: &str = "\
Examples:
  wherry map convert derp.yaml --to json --out derpmap.json
  wherry map convert policy.hujson --to yaml --out derp.yaml
  curl -s https://relay.example/derpmap.json | wherry map convert - --to acl

Exit code: 0 converted, 1 the map cannot be read, 64 the question was wrong, 78 the map has errors.";

fn ipv4(text: &str) -> Result<String, String> {
    match text.parse::<Ipv4Addr>() {
        Err(_) if text != "none" => Err("an IPv4 address without port, or none".to_owned()),
        _ => Ok(text.to_owned()),
    }
}

fn ipv6(text: &str) -> Result<String, String> {
    let bare = text.trim_matches(['[', ']']);
    match bare.parse::<Ipv6Addr>() {
        Err(_) if text != "none" => Err("an IPv6 address without port, or none".to_owned()),
        _ => Ok(bare.to_owned()),
    }
}
