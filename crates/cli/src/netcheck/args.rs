//! The arguments.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args};

use crate::output::Form;
use crate::subject::SubjectFlags;
use crate::time;

/// Look at this host's network towards the relays of a map: NAT, latencies, which relays work
#[derive(Debug, Args)]
#[command(after_help = AFTER, group(ArgGroup::new("what").required(true).args(["relay", "map"])))]
pub(crate) struct NetcheckArgs {
    /// A single relay instead of a map: URL, host or host:port, or an entry of a DERP map as for `wherry ping`
    #[arg(value_name = "RELAY")]
    pub(super) relay: Option<String>,

    /// File or URL of a map in YAML or JSON; `-` is stdin
    #[arg(long, value_name = "FILE|URL")]
    pub(super) map: Option<String>,

    #[command(flatten)]
    pub(super) flags: SubjectFlags,

    /// Pause before another report, until interrupted or nobody reads on: e.g. 5s, 800ms or 1m30s
    #[arg(long, value_name = "TIME", value_parser = time::step)]
    pub(super) every: Option<Duration>,

    /// Test too whether the router sends back what goes out to its own address
    #[arg(long)]
    pub(super) hairpin: bool,

    /// Check without asking the router which ways it offers to open ports (UPnP, NAT-PMP, PCP)
    #[arg(long)]
    pub(super) no_router: bool,

    /// Look for a captive portal at the map's nodes alone, not at the vendor's hosts: for networks that lead to no others
    #[arg(long)]
    pub(super) no_vendor: bool,

    /// Longest time a step towards a relay may take
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time::step)]
    pub(super) timeout: Duration,

    /// File with the node key (privkey:…) to connect with, instead of throw-away ones
    ///
    /// For relays that admit only known nodes. Use a key that no running node uses: packets for that node would
    /// come here meanwhile.
    #[arg(long, value_name = "FILE")]
    pub(super) key: Option<PathBuf>,

    /// Address of this host to ask from by UDP
    #[arg(long, value_name = "IP")]
    pub(super) bind_address: Option<IpAddr>,

    /// UDP port to ask from; 0 leaves it to the system
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(super) bind_port: u16,

    /// Form of the report: text, json, or json-line; in JSON a report that cannot be made is an object with `Error`
    #[arg(long, value_name = "FORM", value_enum, default_value = "text", hide_possible_values = true)]
    pub(super) format: Form,

    /// Print JSON, as --format json
    #[arg(long, conflicts_with = "format")]
    pub(super) json: bool,

    /// Show region numbers, and what is missing because the map or this host says so
    #[arg(short, long)]
    pub(super) verbose: bool,
}

const AFTER: &str = "\
Examples:
  wherry netcheck --map derp.yaml
  wherry netcheck --map https://controlplane.tailscale.com/derpmap/default
  wherry netcheck relay.example:8443 --pin sha256-raw:…
  wherry netcheck --map derp.yaml --every 5s --format json-line
  wherry map entry relay.example:8443 | wherry netcheck -

Words, layout and JSON fields are those of `tailscale netcheck`, and so is the verdict. Below it stand
every node by itself, its STUN and its relay (TLS, pin, handshake, a ping), why a figure is missing, and what
it all means in plain words. Where STUN does not answer at once, a captive portal is looked for at the map's
nodes with CanPort80, then (but for --no-vendor) at controlplane.tailscale.com and login.tailscale.com.
A map by URL comes from a server for whose certificate an authority stands that this host trusts (the variable
SSL_CERT_FILE names a file of others), or which --pin or --insecure accept.
A relay named by its address alone is asked for its STUN port, which stands in the map that it may serve;
else that is 3478, or what --stun-port says.

Exit code: 0 a relay works (without --key, one that admits known nodes alone counts), 1 none does or a file or the map
cannot be had, 64 the question was wrong, 78 the map is.";

impl NetcheckArgs {
    pub(super) fn form(&self) -> Form {
        if self.json { Form::Json } else { self.format }
    }
}
