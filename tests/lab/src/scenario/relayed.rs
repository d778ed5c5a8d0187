//! Two hard NATs: the relay carries everything.

use super::verdict::both_agreed;
use crate::evidence::finding;
use crate::net::Nat;
use crate::stage::{RELAY, Stage};

/// What the stream carries.
const BYTES: u64 = 50_000_000;

/// Plays it.
pub(super) fn run(stage: &Stage<'_>) -> Result<(), String> {
    let relay = stage.bare_relay("relay", RELAY)?;
    let control = stage.control(&relay.printed_map()?)?;
    let pair = stage.pair(&control, [Nat::Hard, Nat::Hard])?;
    // Before the stream, not while it runs: clients drop what their own line to the relay does not take at once, of which a
    // stream on a machine with other work makes plenty, and a ping is not sent again.
    let pings = pair.a.ask(&["ping", "--until-direct=false", "-c", "20", "b"])?;
    let took = pair.pour(BYTES)?;
    let megabits = BYTES as f64 * 8e-6 / took.as_secs_f64();
    finding(&format!("{BYTES} bytes over TCP, each one right, at {megabits:.0} Mbit/s"));
    let status = pair.a.status_of(&pair.b)?;
    let pongs = pings.lines().filter(|line| line.contains("via DERP(wherry)")).count();
    if pongs != 20 {
        return Err(format!("{pongs} of 20 pings came back by the relay"));
    }
    if !status.contains("relay \"wherry\"") {
        return Err("the status does not say it is relayed".to_owned());
    }
    both_agreed(stage, &pair).map(drop)
}
