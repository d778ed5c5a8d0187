//! The map changes while traffic flows: clients move to the new relay, and the old one may go.

use super::verdict::both_agreed;
use crate::evidence::finding;
use crate::map::{Region, yaml};
use crate::net::Nat;
use crate::stage::{Pair, RELAY, SECOND, Stage, fared, region};
use crate::traffic::{Drip, Tally};
use crate::wait;
use std::time::{Duration, Instant};

/// 45 s of datagrams.
const COUNT: u32 = 450;

/// 20 s of them, where that is enough.
const FEWER: u32 = 200;

/// One every 100 ms.
const PAUSE: Duration = Duration::from_millis(100);

/// Time all clients have to be moved, and the longest silence that is borne. A client whose home has left the map closes its
/// connection at once, but chooses another home only when it measures again, 20 to 26 s after the last time. That is a
/// clock of its own, which no relay can hurry; the rest is for Headscale, the other client and a machine with other work.
const MOVED: Duration = Duration::from_secs(35);

/// The same within a region: as soon as they have the map, clients dial the node that is left.
const MOVED_ON: Duration = Duration::from_secs(8);

/// The longest silence of one reconnect within a region: 0.6 s were seen where five processes wanted each core.
const RECONNECT: Duration = Duration::from_secs(3);

/// Datagrams that may be lost by all of them: three or four by each, and until the map has one node each of Headscale's looks
/// may bring another order, and with it one more.
const LOST: u32 = 40;

/// Packets that show that the traffic is on a relay, and not one stray.
const SOME: u64 = 20;

/// Another region takes the place of the one there was.
pub(super) fn region_replaced(stage: &Stage<'_>) -> Result<(), String> {
    let one = stage.bare_relay("one", RELAY)?;
    let control = stage.control(&yaml(&[region(900, "one", &one)?]))?;
    let pair = stage.pair(&control, [Nat::Hard, Nat::Hard])?;
    pair.relayed("one")?;
    let two = stage.bare_relay("two", SECOND)?;
    let echo = pair.echo()?;
    let drip = flowing(&pair, COUNT)?;
    let start = Instant::now();
    control.change_map(&yaml(&[region(901, "two", &two)?]))?;
    pair.a.moves_to("two")?;
    pair.b.moves_to("two")?;
    pair.a.knows_home_of(&pair.b, "two")?;
    pair.b.knows_home_of(&pair.a, "two")?;
    drop(one);
    moved(start, drip, MOVED)?.bears(MOVED, PAUSE)?;
    drop(echo);
    both_agreed(stage, &pair)?;
    pair.relayed("two")
}

/// A region of two nodes loses the first.
///
/// The two are not meshed, and need not be here: clients dial a region's nodes in the map's order, and Headscale, which shuffles
/// that order at each look, gives all of them the same. So all are on one node, now this and now that; clients on different
/// ones would need a mesh.
pub(super) fn node_out(stage: &Stage<'_>) -> Result<(), String> {
    let one = stage.bare_relay("one", RELAY)?;
    let two = stage.bare_relay("two", SECOND)?;
    let with = |nodes| yaml(&[Region { id: 900, code: "pair", nodes }]);
    let control = stage.control(&with(vec![one.node()?, two.node()?]))?;
    let pair = stage.pair(&control, [Nat::Hard, Nat::Hard])?;
    let echo = pair.echo()?;
    let drip = flowing(&pair, FEWER)?;
    let start = Instant::now();
    control.change_map(&with(vec![two.node()?]))?;
    for client in [&pair.a, &pair.b] {
        wait::until("a map with one node", MOVED_ON, || {
            let map = client.json(&["debug", "derp-map"])?;
            let nodes = map["Regions"]["900"]["Nodes"].as_array().map(Vec::len);
            Ok((nodes == Some(1)).then_some(()))
        })?;
    }
    drop(one);
    let before = stage.carried(&two)?;
    let tally = moved(start, drip, MOVED_ON)?;
    tally.came_back_within(RECONNECT)?;
    if tally.lost > LOST {
        return Err(format!("{} datagrams were lost, more than {LOST}", tally.lost));
    }
    if stage.carried(&two)?.since(before).packets < SOME {
        return Err("the traffic is not on the second node".to_owned());
    }
    drop(echo);
    both_agreed(stage, &pair)?;
    pair.relayed("pair")
}

/// Datagrams that come back.
fn flowing(pair: &Pair<'_>, count: u32) -> Result<Drip, String> {
    let drip = pair.drip(count, PAUSE)?;
    wait::until("20 answers before the change", MOVED_ON, || Ok((drip.answers() >= 20).then_some(())))?;
    Ok(drip)
}

/// The clients have moved, and the old relay is gone; says at what price.
fn moved(start: Instant, drip: Drip, limit: Duration) -> Result<Tally, String> {
    let took = start.elapsed();
    let tally = drip.finish()?;
    finding(&format!(
        "moved {:.1} s after the change, without a restart, and the old relay is gone: {}",
        took.as_secs_f64(),
        fared(&tally)
    ));
    if took > limit {
        return Err(format!("the move took more than {} s", limit.as_secs()));
    }
    Ok(tally)
}
