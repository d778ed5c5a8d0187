//! The relay serves the map itself: Headscale reads it by URL, and clients follow what changes in it.

use crate::client::Client;
use crate::evidence::finding;
use crate::folder::write;
use crate::map::yaml;
use crate::net::Nat;
use crate::relay::Setup;
use crate::stage::{RELAY, SECOND, Stage, region};
use crate::wait;
use std::time::{Duration, Instant};

/// Time a change takes at most: the relay looks at the file, Headscale at the relay, and tells the clients.
const FELT: Duration = Duration::from_secs(60);

/// Plays it.
pub(super) fn run(stage: &Stage<'_>) -> Result<(), String> {
    let host = stage.internet.public("one", RELAY)?;
    let other = stage.bare_relay("other", SECOND)?;
    let others = stage.dir.join("others.yaml");
    write(&others, &yaml(&[region(901, "before", &other)?]))?;
    let addr = host.v4.map(|v4| v4.to_string()).unwrap_or_default();
    // Headscale fetches nothing from a server whose certificate it cannot check, hence the plain listener.
    let plain = format!("plain:{addr}:8080");
    let words = ["--listen", &plain, "--map-region-code", "one", "--map-include", &others.to_string_lossy()];
    let extra = words.iter().map(ToString::to_string).collect();
    let one = stage.relay(&host, Setup { extra, ..Setup::bare(&host) })?;
    let control = stage.control_by_url(&format!("http://{addr}:8080/derpmap.json"))?;
    let behind = |name, number| stage.internet.behind(name, number, Nat::Hard);
    let (a, b) = (behind("a", 101)?, behind("b", 102)?);
    for router in [&a.router, &b.router] {
        // The home stays where it is, whatever the distances are.
        router.deaf_to("203.0.113.20")?;
    }
    let today = &stage.programs.today;
    let pair = stage.join(&control.key()?, [(a, today, None), (b, today, None)])?;
    pair.relayed("one")?;

    pair.a.ask(&["netcheck"])?;

    write(&others, &yaml(&[region(902, "after", &other)?]))?;
    let took = changed(&pair.a)?;
    pair.a.ask(&["netcheck"])?;
    finding(&format!(
        "the client had the included file's change after {:.1} s, without a restart",
        took.as_secs_f64()
    ));
    pair.relayed("one")?;
    drop((one, other));
    Ok(())
}

/// Waits until the client has the region after the change and not the one before, and says how long that took.
fn changed(client: &Client) -> Result<Duration, String> {
    let start = Instant::now();
    wait::until("the client's map to change", FELT, || {
        let map = client.json(&["debug", "derp-map"])?;
        let has = |region: &str| map["Regions"][region].is_object();
        Ok((has("902") && !has("901")).then_some(()))
    })?;
    Ok(start.elapsed())
}
