//! One side has IPv6 only, the other IPv4 only, and the relay's ports are not the usual ones.

use super::verdict::agreed;
use crate::map::yaml;
use crate::net::Nat;
use crate::relay::Setup;
use crate::stage::{RELAY, Stage, region};

/// Plays it.
pub(super) fn run(stage: &Stage<'_>) -> Result<(), String> {
    let host = stage.internet.public("relay", RELAY)?;
    let relay = stage.relay(&host, Setup { listen: 8443, stun: 3479, ..Setup::bare(&host) })?;
    // By hand, as its owner would: a relay that is told an IPv4 address as its name prints an entry with that address and
    // `ipv6: none`, since it cannot know which other addresses reach it. Added here is the IPv6 address alone; pin and
    // ports are those it prints.
    let control = stage.control(&yaml(&[region(900, "wherry", &relay)?]))?;
    let six = stage.internet.behind("a", 101, Nat::V6Only)?;
    stage.internet.teach(&host, 101)?;
    stage.internet.teach(stage.control_host(), 101)?;
    let four = stage.internet.behind("b", 102, Nat::Easy)?;
    let today = &stage.programs.today;
    let pair = stage.join(&control.key()?, [(six, today, None), (four, today, None)])?;
    for (client, has, lacks) in [(&pair.a, "IPv6", "IPv4"), (&pair.b, "IPv4", "IPv6")] {
        let report = agreed(stage, client)?;
        if report[has] != true || report[lacks] != false {
            return Err(format!("{} should have {has} and not {lacks}", client.host.name));
        }
    }
    pair.relayed("wherry")
}
