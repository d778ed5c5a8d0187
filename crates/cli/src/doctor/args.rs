//! The arguments.

use std::path::PathBuf;

use clap::Args;

use crate::subject::SubjectArgs;

/// Look for what is wrong with a relay, and say what to do about it
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(super) subject: SubjectArgs,

    /// File with the node key (privkey:…) of a node that the relay admits, to look behind its admission
    ///
    /// Use a key that no running node uses: packets for that node would come here meanwhile.
    #[arg(long, value_name = "FILE")]
    pub(super) key: Option<PathBuf>,

    /// Take it as meant that the relay is open to anybody
    #[arg(long)]
    pub(super) open: bool,

    /// Print the result as JSON
    #[arg(long)]
    pub(super) json: bool,
}

const AFTER: &str = "\
Examined, of each relay that is named (of a map, every one in it):
  name       it resolves
  port       its TCP port is open
  tls        it speaks TLS there, and clients accept its certificate: name, authority, pin, dates
  expiry     the certificate is good for 14 days or more
  clock      its clock and this host's are less than a minute apart (Date of an HTTP answer)
  derp       HTTP upgrade and DERP handshake work; a proxy lets Upgrade pass
  admission  a random key is refused
  families   IPv4 and IPv6 both answer where it has both
  stun       STUN answers, and sees no private address in place of this host's

Of a map in a file, also whether the nodes of each region forward to each other, where they admit a random key.

Not examined: the relay's own host (its configuration: wherry config check), and the text of a map (wherry map check).

Examples:
  wherry doctor https://relay.example
  wherry doctor 203.0.113.7:8443 --pin sha256-raw:… --key probe.key
  wherry doctor derp.yaml --json

Exit code: 0 nothing is to be mended, 1 something is, 64 the question was wrong.";
