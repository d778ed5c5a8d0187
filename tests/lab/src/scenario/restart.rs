//! The relay dies, or is stopped, and comes back: traffic flows again by itself.

use crate::evidence::finding;
use crate::net::Nat;
use crate::relay::Relay;
use crate::stage::{Pair, RELAY, Stage, fared};
use crate::wait;
use nix::sys::signal::Signal;
use std::time::Duration;

/// 10 s of datagrams.
const COUNT: u32 = 100;
const PAUSE: Duration = Duration::from_millis(100);

/// The longest silence that is borne. Clients come back within a second or two; the rest is for a slow machine.
const BEARABLE: Duration = Duration::from_secs(8);

/// Time an orderly stop takes at most.
const STOP: Duration = Duration::from_secs(15);

/// Plays it.
pub(super) fn run(stage: &Stage<'_>) -> Result<(), String> {
    let mut relay = stage.bare_relay("relay", RELAY)?;
    let control = stage.control(&relay.printed_map()?)?;
    let pair = stage.pair(&control, [Nat::Hard, Nat::Hard])?;
    pair.relayed("wherry")?;
    let echo = pair.echo()?;
    for signal in [Signal::SIGKILL, Signal::SIGTERM] {
        survives(&pair, &mut relay, signal)?;
    }
    drop(echo);
    pair.relayed("wherry")
}

fn survives(pair: &Pair<'_>, relay: &mut Relay, signal: Signal) -> Result<(), String> {
    let drip = pair.drip(COUNT, PAUSE)?;
    wait::until("20 answers before the signal", BEARABLE, || Ok((drip.answers() >= 20).then_some(())))?;
    relay.process().signal(signal)?;
    relay.process().wait(STOP)?;
    relay.again()?;
    let tally = drip.finish()?;
    finding(&format!("{signal} and a start: {}", fared(&tally)));
    if tally.silence > BEARABLE {
        return Err(format!("a silence of more than {} s", BEARABLE.as_secs()));
    }
    // What is lost beyond the silence itself was lost for another reason.
    let excused = tally.silence.as_millis() / PAUSE.as_millis() + 2;
    if u128::from(tally.lost) > excused {
        Err("more was lost than the silence explains".to_owned())
    } else {
        Ok(())
    }
}
