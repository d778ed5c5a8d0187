//! Two easy NATs: the relay carries the first packets, and is not needed after.

use super::verdict::both_agreed;
use crate::evidence::finding;
use crate::net::Nat;
use crate::relay::Relay;
use crate::stage::{Pair, RELAY, Stage, fared};
use std::time::Duration;

/// 10 s of datagrams: the way changes within the first five.
const COUNT: u32 = 100;
const PAUSE: Duration = Duration::from_millis(100);

/// Datagrams after that, a way there and a way back each.
const AFTER: u32 = 30;

/// Of their 60 packets the relay may carry these: a client that a loaded machine kept from hearing its peer's heartbeat in
/// time sends both ways for a moment.
const STRAYS: u64 = 6;

/// Plays it.
pub(super) fn run(stage: &Stage<'_>) -> Result<(), String> {
    let relay = stage.bare_relay("relay", RELAY)?;
    let control = stage.control(&relay.printed_map()?)?;
    let pair = stage.pair(&control, [Nat::Easy, Nat::Easy])?;
    let echo = pair.echo()?;
    let before = stage.carried(&relay)?;
    let mut asking = pair.a.begin(&["ping", "--until-direct=false", "-c", "8", "b"])?;
    asking.says("pong")?;
    let drip = pair.drip(COUNT, PAUSE)?;
    turned_direct(&asking.finish()?)?;
    let tally = drip.finish()?;
    finding(&fared(&tally));
    if tally.lost > 0 {
        return Err("datagrams were lost on the way to direct".to_owned());
    }
    let first = stage.carried(&relay)?.since(before);
    finding(&format!(
        "of these the relay carried the first: {} packets, {} bytes",
        first.packets, first.bytes
    ));
    // A ping alone looks for a direct way after seconds. The first datagram finds none, so it waits for WireGuard's handshake,
    // which goes by the relay; with that the search begins, and who is faster carries the rest.
    if first.packets == 0 {
        return Err("the first packets did not go by the relay".to_owned());
    }
    if first.packets >= u64::from(COUNT) {
        return Err("the relay went on carrying packets that could go direct".to_owned());
    }
    rests(stage, &relay, &pair)?;
    drop(echo);
    both_agreed(stage, &pair).map(drop)
}

fn turned_direct(pings: &str) -> Result<(), String> {
    if !pings.lines().next().is_some_and(|first| first.contains("via DERP(wherry)")) {
        return Err("the first ping did not go by the relay".to_owned());
    }
    if !pings.lines().next_back().is_some_and(|last| last.contains("via 203.0.113.102:")) {
        return Err("the connection did not turn direct".to_owned());
    }
    match pings.lines().find(|line| !line.starts_with("pong")) {
        Some(lost) => Err(format!("a ping was lost: {lost}")),
        None => Ok(()),
    }
}

/// Traffic goes on, and the relay carries none of it.
fn rests(stage: &Stage<'_>, relay: &Relay, pair: &Pair<'_>) -> Result<(), String> {
    let before = stage.carried(relay)?;
    let tally = pair.drip(AFTER, PAUSE)?.finish()?;
    let after = stage.carried(relay)?.since(before);
    finding(&format!("direct: {}; of these the relay carried {} packets", fared(&tally), after.packets));
    match tally.lost {
        0 if after.packets <= STRAYS => Ok(()),
        0 => Err("the relay still carries packets".to_owned()),
        _ => Err("datagrams were lost on the direct way".to_owned()),
    }
}
