//! `tailscale netcheck` sees our regions, and tells an easy NAT from a hard one by two of our STUN addresses.

use super::verdict::agreed;
use crate::map::yaml;
use crate::net::Nat;
use crate::stage::{RELAY, SECOND, Stage, region};

/// Plays it.
pub(super) fn run(stage: &Stage<'_>) -> Result<(), String> {
    let one = stage.bare_relay("one", RELAY)?;
    let two = stage.bare_relay("two", SECOND)?;
    let control = stage.control(&yaml(&[region(900, "one", &one)?, region(901, "two", &two)?]))?;
    let pair = stage.pair(&control, [Nat::Easy, Nat::Hard])?;
    for (client, varies) in [(&pair.a, false), (&pair.b, true)] {
        let report = agreed(stage, client)?;
        if report["MappingVariesByDestIP"] != varies {
            return Err(format!(
                "MappingVariesByDestIP is {}, not {varies}",
                report["MappingVariesByDestIP"]
            ));
        }
        for region in ["900", "901"] {
            if report["RegionV4Latency"][region].as_u64().unwrap_or_default() == 0 {
                return Err(format!("region {region} has no latency"));
            }
        }
    }
    Ok(())
}
