//! Networks that let little through: everything goes by TCP, and distances are measured by HTTPS.

use super::verdict::agreed;
use crate::net::Nat;
use crate::stage::{RELAY, Stage};

/// No UDP on one side.
pub(super) fn without_udp(stage: &Stage<'_>) -> Result<(), String> {
    works(stage, Nat::UdpBlocked)
}

/// Nothing but TCP to port 443 on one side: no STUN, and no ICMP either.
pub(super) fn only_443(stage: &Stage<'_>) -> Result<(), String> {
    works(stage, Nat::Only443)
}

fn works(stage: &Stage<'_>, nat: Nat) -> Result<(), String> {
    let relay = stage.bare_relay("relay", RELAY)?;
    let control = stage.control(&relay.printed_map()?)?;
    let pair = stage.pair(&control, [nat, Nat::Easy])?;
    let report = agreed(stage, &control, &pair.a)?;
    if report["UDP"] != false {
        return Err("the client thinks that UDP works".to_owned());
    }
    if report["RegionLatency"]["900"].as_u64().unwrap_or_default() == 0 {
        return Err("the client has measured no distance".to_owned());
    }
    pair.relayed("wherry")
}
