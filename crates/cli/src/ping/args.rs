//! The arguments.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::subject::SubjectArgs;

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
}
