//! Two regions: each client has another home, and they reach each other all the same.

use super::verdict::agreed;
use crate::map::yaml;
use crate::net::Nat;
use crate::stage::{RELAY, SECOND, Stage, region};

/// Plays it.
pub(super) fn run(stage: &Stage<'_>) -> Result<(), String> {
    let one = stage.bare_relay("one", RELAY)?;
    let two = stage.bare_relay("two", SECOND)?;
    let control = stage.control(&yaml(&[region(900, "one", &one)?, region(901, "two", &two)?]))?;
    let behind = |name, number| stage.internet.behind(name, number, Nat::Hard);
    let (a, b) = (behind("a", 101)?, behind("b", 102)?);
    // Distances here are a toss-up; a relay whose STUN is out of reach is nobody's home.
    a.router.deaf_to("203.0.113.20")?;
    b.router.deaf_to("203.0.113.10")?;
    let today = &stage.programs.today;
    let pair = stage.join(&control.key()?, [(a, today, None), (b, today, None)])?;
    for (client, peer, home, its_home) in [(&pair.a, &pair.b, 900, "two"), (&pair.b, &pair.a, 901, "one")] {
        client.knows_home_of(peer, its_home)?;
        // With one distance alone, both netchecks must name the same home.
        let report = agreed(stage, client)?;
        if report["PreferredDERP"] != home {
            return Err(format!("{} should be at home in region {home}", client.host.name));
        }
        let pings = client.ask(&["ping", "--until-direct=false", "-c", "3", &peer.host.name])?;
        if pings.lines().filter(|line| line.contains("via DERP(")).count() != 3 {
            return Err("a ping was lost or did not go by a relay".to_owned());
        }
        let status = client.status_of(peer)?;
        if !status.contains(&format!("relay \"{its_home}\"")) {
            return Err(format!("the status does not say relay \"{its_home}\""));
        }
    }
    Ok(())
}
