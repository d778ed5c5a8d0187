//! The arguments.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use wherry_bench::amount;

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

    /// Longest time a step may take, e.g. 5s or 800ms
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = timeout)]
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

Exit code: 0 everything works, 1 something does not or a file cannot be read, 64 the question was wrong, 78 the map is.";

fn timeout(text: &str) -> Result<Duration, String> {
    let within = |time: &Duration| (Duration::from_millis(1)..=Duration::from_secs(3600)).contains(time);
    amount::duration(text)
        .ok()
        .filter(within)
        .ok_or_else(|| "a time with its unit, from 1ms to 1h, e.g. 5s or 800ms".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_and_end_at_an_hour() {
        assert_eq!(timeout("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(timeout("800ms"), Ok(Duration::from_millis(800)));
        assert_eq!(timeout("1h"), Ok(Duration::from_secs(3600)));
        for text in ["", "0", "5", "0ms", "3601s", "-1s", "61m", "s"] {
            assert!(timeout(text).is_err(), "{text}");
        }
    }
}
