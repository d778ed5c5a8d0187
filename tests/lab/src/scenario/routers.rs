//! Routers that do more than translate: hand out ports, send back what is for themselves, show a page first.

use super::verdict::{agreed, both_agreed, report};
use crate::evidence::{finding, words};
use crate::folder::write;
use crate::map::{Node, Region, yaml};
use crate::net::{Host, Nat};
use crate::process::Process;
use crate::stage::{RELAY, Stage};
use crate::wait;
use serde_json::Value;
use std::time::Duration;

/// Last number in the address of the portal's page.
const PAGE: u8 = 30;

/// The address at which a router opens ports. Its daemon takes those of ranges for documents, which all others here are, for
/// private ones and opens none; this one belongs to IANA, and to nobody's network.
const MAPPED: &str = "192.0.1.101";

/// What such a router may speak, as the fields of a report call it.
const PROTOCOLS: [&str; 3] = ["UPnP", "PMP", "PCP"];

/// Time until a report has all three.
const SEEN: Duration = Duration::from_secs(60);

/// Time the router's daemon has to listen.
const SOON: Duration = Duration::from_secs(10);

/// What a portal answers whatever is asked.
const LOGIN: &str = "HTTP/1.1 302 Found\r\nLocation: http://203.0.113.30/login\r\nContent-Length: 0\r\n\
                     Connection: close\r\n\r\n";

/// A captive portal: no UDP, and a page in place of every answer on port 80.
pub(super) fn captive_portal(stage: &Stage<'_>) -> Result<(), String> {
    let relay = stage.bare_relay("relay", RELAY)?;
    // By hand: the relay's own entry leaves port 80 out of it, and clients ask there only where the map lets them.
    let node = Node { port_80: true, ..relay.node()? };
    let control = stage.control(&yaml(&[Region { id: 900, code: "wherry", nodes: vec![node] }]))?;
    let page = stage.internet.public("page", PAGE)?;
    let answer = stage.dir.join("answer");
    write(&answer, LOGIN)?;
    let _server = stage.serve(&page, &["answer", "80", &answer.to_string_lossy()])?;
    let behind = |name, number| stage.internet.behind(name, number, Nat::UdpBlocked);
    let (a, b) = (behind("a", 101)?, behind("b", 102)?);
    a.router.send_port_80_to(page.v4.ok_or("the portal's page has no address")?)?;
    let today = &stage.programs.today;
    let pair = stage.join(&control.key()?, [(a, today, None), (b, today, None)])?;
    let [captive, free] = both_agreed(stage, &pair)?;
    // Of b the relay's own answer at port 80 is the proof.
    if (&captive["CaptivePortal"], &free["CaptivePortal"]) != (&true.into(), &false.into()) {
        return Err("there should be a captive portal before a, and none before b".to_owned());
    }
    pair.relayed("wherry")
}

/// A router that sends back in what its client sends to its outer address, and one that does not. Clients of today test this no
/// more, so wherry alone is asked.
pub(super) fn hairpin(stage: &Stage<'_>) -> Result<(), String> {
    let relay = stage.bare_relay("relay", RELAY)?;
    let control = stage.control(&relay.printed_map()?)?;
    let behind = |name, number| stage.internet.behind(name, number, Nat::Easy);
    let (a, b) = (behind("a", 101)?, behind("b", 102)?);
    a.router.hairpin(a.outer, a.client.v4.ok_or("the client has no address")?)?;
    let today = &stage.programs.today;
    let pair = stage.join(&control.key()?, [(a, today, None), (b, today, None)])?;
    for (client, sends_back) in [(&pair.a, true), (&pair.b, false)] {
        agreed(stage, client)?;
        let report = report(stage, client, &["--hairpin"])?;
        let found = &report["HairPinning"];
        words(&client.host.name, "wherry netcheck --hairpin --json", &format!("\"HairPinning\": {found}"));
        if *found != sends_back {
            return Err(format!("HairPinning of {} should be {sends_back}", client.host.name));
        }
    }
    Ok(())
}

/// A router that translates hard, and opens ports for who asks by UPnP, NAT-PMP or PCP: the connection turns direct.
pub(super) fn port_mapping(stage: &Stage<'_>) -> Result<(), String> {
    let relay = stage.bare_relay("relay", RELAY)?;
    let control = stage.control(&relay.printed_map()?)?;
    let behind = |name, number| stage.internet.behind(name, number, Nat::Hard);
    let (a, b) = (behind("a", 101)?, behind("b", 102)?);
    let _daemon = opens_ports(stage, &a.router)?;
    b.router.ip(&format!("route add {MAPPED} dev eth0"))?;
    let today = &stage.programs.today;
    let pair = stage.join(&control.key()?, [(a, today, None), (b, today, None)])?;
    let none = agreed(stage, &pair.b)?;
    if PROTOCOLS.iter().any(|protocol| none[*protocol] != false) {
        return Err("no port should be offered to b".to_owned());
    }
    all_offered("tailscale netcheck", || pair.a.json(&["netcheck", "--format=json"]))?;
    all_offered("wherry netcheck", || report(stage, &pair.a, &[]))?;
    // Without a mapping two hard NATs stay relayed; see `relayed`.
    let pings = pair.b.ask(&["ping", "-c", "20", "a"])?;
    match pings.lines().next_back() {
        Some(last) if last.contains(&format!("via {MAPPED}:")) => Ok(()),
        _ => Err("the connection did not turn direct by the mapped port".to_owned()),
    }
}

/// Asks until the router's daemon answers by each protocol. Both programs wait a quarter of a second for it, and one that shares
/// a machine with other work may need longer now and then.
fn all_offered(who: &str, ask: impl Fn() -> Result<Value, String>) -> Result<(), String> {
    wait::until(&format!("{who} to see {}", PROTOCOLS.join(", ")), SEEN, || {
        let report = ask()?;
        Ok(PROTOCOLS.iter().all(|protocol| report[*protocol] == true).then_some(()))
    })?;
    finding(&format!("{who} sees {}", PROTOCOLS.join(", ")));
    Ok(())
}

/// Starts the daemon that routers of this kind run.
fn opens_ports(stage: &Stage<'_>, router: &Host) -> Result<Process, String> {
    router.ip(&format!("addr add {MAPPED}/32 dev eth0"))?;
    router.open_for_mappings()?;
    let config = stage.dir.join("miniupnpd.conf");
    let text = format!(
        "ext_ifname=eth0\nlistening_ip=lan0\next_ip={MAPPED}\nenable_upnp=yes\nenable_natpmp=yes\nsecure_mode=yes\n\
         uuid=00000000-0000-4000-8000-000000000101\nupnp_table_name=mappings\nupnp_nat_table_name=mappings\n\
         upnp_forward_chain=forward\nupnp_nat_chain=prerouting\nupnp_nat_postrouting_chain=postrouting\n"
    );
    write(&config, &text)?;
    let pid = stage.dir.join("miniupnpd.pid");
    let words = ["miniupnpd", "-d", "-f", &*config.to_string_lossy(), "-P", &*pid.to_string_lossy()];
    let name = format!("{}-miniupnpd", router.name);
    let mut daemon = Process::start(router, &stage.dir, &name, &words, &[])?;
    listens(&mut daemon, router)?;
    Ok(daemon)
}

fn listens(daemon: &mut Process, router: &Host) -> Result<(), String> {
    daemon.shows(&format!("{} to listen for NAT-PMP", router.name), SOON, |daemon| {
        let said = daemon.out() + &daemon.err();
        said.contains("Listening for NAT-PMP").then_some(())
    })
}
