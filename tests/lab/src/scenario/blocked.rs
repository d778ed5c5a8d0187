//! Networks that let little through: everything goes by TCP, and distances are measured by HTTPS.

use super::verdict::both_agreed;
use crate::evidence::finding;
use crate::net::Nat;
use crate::stage::{RELAY, Stage};

/// What the stream carries: enough that a way which loses or stalls would show.
const BYTES: u64 = 10_000_000;

/// No UDP on one side.
pub(super) fn without_udp(stage: &Stage<'_>) -> Result<(), String> {
    works(stage, Nat::UdpBlocked)
}

/// Nothing but TCP to port 443 on one side: no STUN, and no ICMP either, so that a distance is by HTTPS.
pub(super) fn only_443(stage: &Stage<'_>) -> Result<(), String> {
    works(stage, Nat::Only443)
}

fn works(stage: &Stage<'_>, nat: Nat) -> Result<(), String> {
    let relay = stage.bare_relay("relay", RELAY)?;
    let control = stage.control(&relay.printed_map()?)?;
    let pair = stage.pair(&control, [nat, Nat::Easy])?;
    let [blocked, free] = both_agreed(stage, &pair)?;
    if (&blocked["UDP"], &free["UDP"]) != (&false.into(), &true.into()) {
        return Err("UDP should not work for a, and for b".to_owned());
    }
    if nat == Nat::Only443 && blocked["ICMPv4"] != false {
        return Err("an answer by ICMP came through a router that lets none through".to_owned());
    }
    if blocked["RegionLatency"]["900"].as_u64().unwrap_or_default() == 0 {
        return Err("the client has measured no distance".to_owned());
    }
    pair.relayed("wherry")?;
    let took = pair.pour(BYTES)?;
    finding(&format!("{BYTES} bytes over TCP, each one right, in {:.1} s", took.as_secs_f64()));
    pair.relayed("wherry")
}
