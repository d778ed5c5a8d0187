//! A list says who may use the relay: who is not on it stays out, who is taken off is cut.

use super::verdict::both_agreed;
use crate::client::Client;
use crate::evidence::{finding, words};
use crate::folder::write;
use crate::net::Nat;
use crate::relay::Setup;
use crate::stage::{RELAY, Stage};
use crate::wait;
use std::time::{Duration, Instant};

/// Time a change of the list takes at most to be felt, both ends' reconnects included.
const FELT: Duration = Duration::from_secs(40);

/// Time from the change of the list to the cut: the relay looks at the list four times a second; the rest is for a
/// machine with other work.
const CUT: Duration = Duration::from_secs(2);

/// One ping that does not wait long for an answer.
const PING: &[&str] = &["ping", "--until-direct=false", "--timeout=2s", "-c", "1", "b"];

/// Plays it.
pub(super) fn run(stage: &Stage<'_>) -> Result<(), String> {
    let host = stage.internet.public("relay", RELAY)?;
    let list = stage.dir.join("nodes");
    write(&list, "")?;
    let setup = Setup { admit: format!("list:{}", list.display()), ..Setup::bare(&host) };
    let mut relay = stage.relay(&host, setup)?;
    let control = stage.control(&relay.printed_map()?)?;
    let pair = stage.pair(&control, [Nat::Hard, Nat::Hard])?;
    let (a, b) = (pair.a.key()?, pair.b.key()?);

    write(&list, &format!("{a} a\n"))?;
    let refused = relay.process().shows("the refusal of b", FELT, |relay| {
        relay.err().lines().find(|line| line.contains("not admitted") && line.contains(&b)).map(str::to_owned)
    })?;
    words("relay", "wherry serve", &refused);
    until_ping(&pair.a, "timed out")?;

    write(&list, &format!("{a} a\n{b} b\n"))?;
    until_ping(&pair.a, "via DERP(wherry)")?;
    // Both are admitted; the keys of the two netchecks are not, and both tools say what they see all the same.
    both_agreed(stage, &pair)?;

    let mut asking = pair.a.begin(&["ping", "--until-direct=false", "--timeout=2s", "-c", "10", "b"])?;
    asking.says("pong")?;
    let start = Instant::now();
    write(&list, &format!("{a} a\n"))?;
    let cut = relay.process().shows("the cut of b", FELT, |relay| {
        let is_cut = |line: &&str| line.contains("closed") && line.contains("revoked");
        relay.err().lines().find(is_cut).map(str::to_owned)
    })?;
    let took = start.elapsed();
    words("relay", "wherry serve", &cut);
    finding(&format!("b was cut {} ms after it was taken off the list", took.as_millis()));
    if took > CUT {
        return Err(format!("the cut took more than {} ms", CUT.as_millis()));
    }
    let pings = asking.finish()?;
    let last = pings.lines().rfind(|line| line.contains("pong") || line.contains("timed out"));
    if last.is_some_and(|line| line.contains("timed out")) { Ok(()) } else { Err("b was not cut".to_owned()) }
}

fn until_ping(from: &Client, says: &str) -> Result<(), String> {
    let answer = wait::until(&format!("a ping that says `{says}`"), FELT, || {
        let (_, answer) = from.outcome(PING)?;
        Ok(answer.contains(says).then_some(answer))
    })?;
    words(&from.host.name, &format!("tailscale {}", PING.join(" ")), &answer);
    Ok(())
}
