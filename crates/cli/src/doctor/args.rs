//! The arguments.

use std::path::PathBuf;

use clap::Args;

use crate::subject::SubjectFlags;

/// Look for what is wrong with a relay, a map or a configuration, and say what to do about it
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct DoctorArgs {
    /// URL, host or host:port of a relay; map (file, URL with a path, `-` for stdin, or the JSON itself; one entry will do,
    /// and words around it do not matter); or configuration of a relay on this host (file that ends in .toml). Without it
    /// the configuration is that of WHERRY_CONFIG, else /etc/wherry.toml
    #[arg(value_name = "RELAY|MAP|CONFIG")]
    pub(super) what: Option<String>,

    /// TOML file with the settings of a relay on this host, whatever its name [env: WHERRY_CONFIG]
    #[arg(long, value_name = "FILE", conflicts_with = "what")]
    pub(super) config: Option<PathBuf>,

    #[command(flatten)]
    pub(super) flags: SubjectFlags,

    /// File with the node key (privkey:…) of a node that the relay admits, to look behind its admission; with
    /// one for each relay, packets are sent between relays of a region that admit only those
    ///
    /// Use keys that no running node uses: packets for that node would come here meanwhile.
    #[arg(long, value_name = "FILE")]
    pub(super) key: Vec<PathBuf>,

    /// Take it as meant that the relay is open to anybody
    #[arg(long)]
    pub(super) open: bool,

    /// Socket of this host's tailscaled, which a derper with -verify-clients asks [default: of a configuration,
    /// /var/run/tailscale/tailscaled.sock if it is there]
    #[arg(long, value_name = "PATH")]
    pub(super) tailscaled_socket: Option<PathBuf>,

    /// Print the result as JSON; where there is none, an object with `error`
    #[arg(long)]
    pub(super) json: bool,
}

const AFTER: &str = "\
Examined, of each relay that is named (of a map, every one in it):
  name       it resolves
  port       its TCP port is open, and 80 where the map says so (CanPort80)
  tls        it speaks TLS there, and clients accept its certificate: name, authority, whole chain, pin, dates
  expiry     the certificate is good for 14 days or more
  clock      its clock and this host's are less than a minute apart (Date of an HTTP answer)
  derp       HTTP upgrade and DERP handshake work; a proxy lets Upgrade pass
  admission  a random key is refused
  families   IPv4 and IPv6 both lead to it where it has both: TCP, TLS, handshake, STUN
  stun       STUN answers, and sees no private address, nor the relay's own, in place of this host's

Of a map, also STUN of nodes that have nothing else, its text and names, as wherry map check has them, and
  mesh       the nodes of each region forward to each other

A map by URL comes from a server for whose certificate an authority stands that this host trusts (the variable
SSL_CERT_FILE names a file of others), or which --pin or --insecure accept.

Of a configuration, first what only the relay's own host knows; then the relay, as clients find it by hostname and ports:
  config     every mistake in the settings
  files      certificates and admission list can be read; dates, names and content
  listen     the relay has the ports that it wants, and no other program
  running    it runs; what it says of itself on its private listener
  limit      it may have enough files, and so connections, open
  tailscaled somebody answers behind the socket

Examples:
  wherry doctor https://relay.example
  wherry doctor 203.0.113.7:8443 --pin sha256-raw:… --key probe.key
  wherry doctor derp.yaml --json
  wherry doctor https://relay.example/derpmap.json
  wherry doctor /etc/wherry.toml

Exit code: 0 nothing is to be mended, 1 something is (of the text of a map: an error) or a file or the map cannot be
had, 64 the question was wrong, 78 it is no map, or one whose relays no client could dial by their entries.";
