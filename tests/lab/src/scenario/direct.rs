//! Two easy NATs: the relay carries the first packets, and is not needed after.

use crate::evidence::finding;
use crate::net::Nat;
use crate::stage::{RELAY, Stage, fared};
use std::time::Duration;

/// 10 s of datagrams: the way changes within the first five.
const COUNT: u32 = 100;
const PAUSE: Duration = Duration::from_millis(100);

/// Plays it.
pub(super) fn run(stage: &Stage<'_>) -> Result<(), String> {
    let relay = stage.bare_relay("relay", RELAY)?;
    let control = stage.control(&relay.printed_map()?)?;
    let pair = stage.pair(&control, [Nat::Easy, Nat::Easy])?;
    let echo = pair.echo()?;
    let mut asking = pair.a.begin(&["ping", "--until-direct=false", "-c", "8", "b"])?;
    asking.says("pong")?;
    let drip = pair.drip(COUNT, PAUSE)?;
    let pings = asking.finish()?;
    if !pings.lines().next().is_some_and(|first| first.contains("via DERP(wherry)")) {
        return Err("the first ping did not go by the relay".to_owned());
    }
    if !pings.lines().next_back().is_some_and(|last| last.contains("via 203.0.113.102:")) {
        return Err("the connection did not turn direct".to_owned());
    }
    if let Some(lost) = pings.lines().find(|line| !line.starts_with("pong")) {
        return Err(format!("a ping was lost: {lost}"));
    }
    let tally = drip.finish()?;
    finding(&fared(&tally));
    drop(echo);
    if tally.lost > 0 { Err("datagrams were lost on the way to direct".to_owned()) } else { Ok(()) }
}
