//! The arguments.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::subject::SubjectArgs;
use crate::time;

/// Test a relay: TCP, TLS, handshake, a packet through it, STUN
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct PingArgs {
    #[command(flatten)]
    pub(super) subject: SubjectArgs,

    /// Rounds, each with connections of its own
    #[arg(short, long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) count: u32,

    /// Carry DERP over a WebSocket
    #[arg(long)]
    pub(super) websocket: bool,

    /// Longest time a step may take, e.g. 5s or 800ms
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time::step)]
    pub(super) timeout: Duration,

    /// File with the node key (privkey:…) to connect with, instead of a throw-away one
    ///
    /// For relays that admit only known nodes. Use a key that no running node uses: packets for that node would
    /// come here meanwhile.
    #[arg(long, value_name = "FILE")]
    pub(super) key: Option<PathBuf>,

    /// Print the result as JSON; where there is none, an object with `error`
    #[arg(long)]
    pub(super) json: bool,
}

const AFTER: &str = "\
Examples:
  wherry ping https://relay.example/derp
  wherry ping relay.example:8443 --pin sha256-raw:…
  wherry ping '{\"HostName\":\"203.0.113.7\",\"DERPPort\":8443,\"CertName\":\"sha256-raw:…\"}'
  wherry ping derp.yaml
  wherry ping - < what-wherry-serve-printed

A relay named by its address alone is asked for its STUN port, which stands in the map that it may serve;
else that is 3478, or what --stun-port says.

A certificate that is checked by name is good by an authority that this host trusts; the variable SSL_CERT_FILE
names a file of others, such as a private one's.

Exit code: 0 everything works, 1 something does not or a file cannot be read, 64 the question was wrong, 78 the map is.";
