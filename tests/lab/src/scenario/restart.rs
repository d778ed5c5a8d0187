//! The relay dies, or is stopped, and comes back: traffic flows again by itself.

use crate::evidence::finding;
use crate::net::Nat;
use crate::relay::Relay;
use crate::stage::{Pair, RELAY, Stage, fared};
use crate::wait;
use nix::sys::signal::Signal;
use std::time::{Duration, Instant};

/// 12 s of datagrams.
const COUNT: u32 = 120;
const PAUSE: Duration = Duration::from_millis(100);

/// The longest silence that is borne. Clients come back within a second or two; the rest is for a slow machine.
const BEARABLE: Duration = Duration::from_secs(5);

/// How long the relay is away for longer.
const OUTAGE: Duration = Duration::from_secs(4);

/// Time an orderly stop takes at most.
const STOP: Duration = Duration::from_secs(15);

/// Plays it.
pub(super) fn run(stage: &Stage<'_>) -> Result<(), String> {
    let mut relay = stage.bare_relay("relay", RELAY)?;
    let control = stage.control(&relay.printed_map()?)?;
    let pair = stage.pair(&control, [Nat::Hard, Nat::Hard])?;
    pair.relayed("wherry")?;
    let echo = pair.echo()?;
    survives(&pair, &mut relay, Signal::SIGKILL, Duration::ZERO)?;
    survives(&pair, &mut relay, Signal::SIGTERM, Duration::ZERO)?;
    survives(&pair, &mut relay, Signal::SIGKILL, OUTAGE)?;
    drop(echo);
    pair.relayed("wherry")
}

fn survives(pair: &Pair<'_>, relay: &mut Relay, signal: Signal, outage: Duration) -> Result<(), String> {
    let drip = pair.drip(COUNT, PAUSE)?;
    wait::until("20 answers before the signal", BEARABLE, || Ok((drip.answers() >= 20).then_some(())))?;
    relay.process().signal(signal)?;
    relay.process().wait(STOP)?;
    let down = Instant::now();
    wait::until("the outage to be over", STOP, || Ok((down.elapsed() >= outage).then_some(())))?;
    relay.again()?;
    let tally = drip.finish()?;
    finding(&format!("{signal}, {} s later a start: {}", outage.as_secs(), fared(&tally)));
    if tally.silence > outage + BEARABLE {
        return Err(format!("a silence of more than {} s", (outage + BEARABLE).as_secs()));
    }
    // What is lost beyond the silence itself was lost for another reason.
    let excused = tally.silence.as_millis() / PAUSE.as_millis() + 2;
    if u128::from(tally.lost) > excused {
        Err("more was lost than the silence explains".to_owned())
    } else {
        Ok(())
    }
}
