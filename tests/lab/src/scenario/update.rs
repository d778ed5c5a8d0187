//! The map changes while everybody is connected: clients move to the new relay, and the old one may go.

use crate::evidence::finding;
use crate::map::yaml;
use crate::net::Nat;
use crate::stage::{RELAY, SECOND, Stage, region};
use std::time::Instant;

/// Plays it.
pub(super) fn run(stage: &Stage<'_>) -> Result<(), String> {
    let one = stage.bare_relay("one", RELAY)?;
    let control = stage.control(&yaml(&[region(900, "one", &one)?]))?;
    let pair = stage.pair(&control, [Nat::Hard, Nat::Hard])?;
    pair.relayed("one")?;
    let two = stage.bare_relay("two", SECOND)?;
    let start = Instant::now();
    control.change_map(&yaml(&[region(901, "two", &two)?]))?;
    pair.a.moves_to("two")?;
    pair.b.moves_to("two")?;
    pair.a.knows_home_of(&pair.b, "two")?;
    pair.b.knows_home_of(&pair.a, "two")?;
    drop(one);
    let took = start.elapsed().as_secs();
    finding(&format!(
        "both at home in region `two` {took} s after the change, without a restart; relay `one` is gone"
    ));
    pair.relayed("two")
}
