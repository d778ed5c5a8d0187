//! The arguments.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use wherry_client::{Family, Pin};

/// Test a relay: TCP, TLS, handshake, a packet through it, STUN
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct PingArgs {
    /// URL, host or host:port, or an entry of a DERP map: a file, `-` for stdin, or the JSON itself. Words around an
    /// entry do not matter: what `wherry serve` prints will do
    #[arg(value_name = "RELAY")]
    pub(super) relay: String,

    /// Rounds, each with connections of its own
    #[arg(short, long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) count: u32,

    /// Pin (sha256-raw:…) of the one certificate to accept, whatever the entry says
    #[arg(long, conflicts_with = "insecure")]
    pub(super) pin: Option<Pin>,

    /// Accept any certificate, whatever the entry says
    #[arg(long)]
    pub(super) insecure: bool,

    /// Carry DERP over a WebSocket
    #[arg(long)]
    pub(super) websocket: bool,

    /// UDP port of STUN, or `off`, whatever the entry says
    #[arg(long, value_name = "PORT", value_parser = stun_port)]
    pub(super) stun_port: Option<StunPort>,

    /// Use IPv4 only
    #[arg(short = '4', long = "ipv4", conflicts_with = "v6")]
    pub(super) v4: bool,

    /// Use IPv6 only
    #[arg(short = '6', long = "ipv6")]
    pub(super) v6: bool,

    /// Longest time a step may take: 5s, 800ms, or a number of seconds
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub(super) timeout: Duration,

    /// File with the node key (privkey:…) to connect with, instead of a throw-away one
    ///
    /// For relays that admit only known nodes. Use a key that no running node uses: packets for that node would
    /// come here meanwhile.
    #[arg(long, value_name = "FILE")]
    pub(super) key: Option<PathBuf>,

    /// Print the result as JSON
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

Exit code: 0 everything works, 1 something does not, 64 the question was wrong.";

/// What `--stun-port` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StunPort {
    Off,
    At(u16),
}

impl PingArgs {
    /// The only family to use, if one was chosen.
    pub(super) fn family(&self) -> Option<Family> {
        match (self.v4, self.v6) {
            (true, _) => Some(Family::V4),
            (_, true) => Some(Family::V6),
            _ => None,
        }
    }
}

fn stun_port(text: &str) -> Result<StunPort, String> {
    match text {
        "off" => Ok(StunPort::Off),
        _ => match text.parse() {
            Ok(0) | Err(_) => Err("a port from 1 to 65535, or off".to_owned()),
            Ok(port) => Ok(StunPort::At(port)),
        },
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let (number, millis) = match text.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => (text.strip_suffix('s').unwrap_or(text), 1000),
    };
    match number.parse::<u32>() {
        Ok(number @ 1..=3_600_000) if u64::from(number) * millis <= 3_600_000 => {
            Ok(Duration::from_millis(u64::from(number) * millis))
        }
        _ => Err("from 1ms to 3600s, in the units s and ms: 5s, 800ms, or a number of seconds".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_or_milliseconds_up_to_an_hour() {
        assert_eq!(duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("5"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("800ms"), Ok(Duration::from_millis(800)));
        assert_eq!(duration("3600s"), Ok(Duration::from_secs(3600)));
        for text in ["", "0", "0ms", "3601s", "-1s", "1m", "1.5s", "s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn stun_is_a_port_or_off() {
        assert_eq!(stun_port("off"), Ok(StunPort::Off));
        assert_eq!(stun_port("3478"), Ok(StunPort::At(3478)));
        for text in ["0", "65536", "-1", "no"] {
            assert!(stun_port(text).is_err(), "{text}");
        }
    }
}
