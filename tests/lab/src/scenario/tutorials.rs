//! The tutorials, followed word for word by somebody who has Headscale and two machines behind hard NATs.

use super::authority;
use crate::client::Client;
use crate::evidence::{finding, words};
use crate::folder;
use crate::net::{Host, Nat};
use crate::stage::{Pair, RELAY, RELAY_NAME, Stage};
use crate::tutorial::{Machine, Step, steps};
use crate::{control, process};
use std::path::PathBuf;
use std::time::Duration;

/// Time a command on a client may take.
const STEP: Duration = Duration::from_secs(60);

/// A case: its page, and what its reader has before the first step.
struct Case {
    page: &'static str,
    /// The relay is behind a router at home.
    at_home: bool,
    /// There is a certificate for the relay's name.
    certificate: bool,
}

/// A bare address.
pub(super) fn bare_ip(stage: &Stage<'_>) -> Result<(), String> {
    follow(stage, &Case { page: "bare-ip", at_home: false, certificate: false })
}

/// A home line: the relay is behind a router, and neither 443 nor 3478 can be had.
pub(super) fn home_line(stage: &Stage<'_>) -> Result<(), String> {
    follow(stage, &Case { page: "home-line", at_home: true, certificate: false })
}

/// A name with a certificate.
pub(super) fn domain(stage: &Stage<'_>) -> Result<(), String> {
    follow(stage, &Case { page: "domain", at_home: false, certificate: true })
}

/// A name with a certificate, both of a web server that is there already.
pub(super) fn nginx(stage: &Stage<'_>) -> Result<(), String> {
    follow(stage, &Case { page: "nginx", at_home: false, certificate: true })
}

/// The two machines that serve, and whom the clients trust beside themselves.
struct Servers {
    relay: Machine,
    headscale: Machine,
    roots: Option<PathBuf>,
}

fn follow(stage: &Stage<'_>, case: &Case) -> Result<(), String> {
    let page = case.page;
    let path = folder::root().join("docs").join("tutorials").join(format!("{page}.md"));
    let text = std::fs::read_to_string(&path).map_err(|err| format!("{}: {err}", path.display()))?;
    let servers = servers(stage, case)?;
    let mut pair: Option<Pair<'_>> = None;
    for step in steps(&text) {
        match (step.machine.as_str(), &pair) {
            ("relay", None) => on_server(&servers.relay, &step, &[])?,
            ("relay", Some(pair)) => {
                on_server(&servers.relay, &step, &[("KEY-OF-A", pair.a.key()?), ("KEY-OF-B", pair.b.key()?)])?
            }
            ("headscale", _) => on_headscale(&servers.headscale, &step)?,
            ("a" | "b", Some(pair)) => on_client(stage, pair, &step)?,
            ("a" | "b", None) => {
                let joined = log_in(stage, &servers)?;
                on_client(stage, &joined, &step)?;
                pair = Some(joined);
            }
            (other, _) => return Err(format!("{page}: no machine `{other}`")),
        }
    }
    let pair = pair.ok_or_else(|| format!("{page}: it never comes to the clients"))?;
    finding("followed to the end; and:");
    pair.relayed("wherry")
}

/// The machines as they are before the first step: programs installed, Headscale without a map of its own.
fn servers(stage: &Stage<'_>, case: &Case) -> Result<Servers, String> {
    let host = relay_host(stage, case)?;
    let headscale_host = stage.control_host();
    for host in [&host, headscale_host] {
        host.knows(&stage.names(host))?;
    }
    let relay = Machine::new(&host, &stage.dir)?;
    let headscale = Machine::new(headscale_host, &stage.dir)?;
    let unit = folder::root().join("packaging").join("wherry.service");
    let unit = std::fs::read_to_string(&unit).map_err(|err| format!("{}: {err}", unit.display()))?;
    relay.install(&stage.programs.wherry)?;
    relay.file("/etc/systemd/system/wherry.service", &unit)?;
    headscale.install(&stage.programs.wherry)?;
    headscale.install(&stage.programs.headscale)?;
    headscale.file("/etc/headscale/config.yaml", &control::rest("/var/lib/headscale"))?;
    headscale.file(
        "/etc/systemd/system/headscale.service",
        "ExecStart=/usr/local/bin/headscale --config /etc/headscale/config.yaml serve\n",
    )?;
    let roots = if case.certificate { Some(certificate(stage, &relay, &headscale)?) } else { None };
    Ok(Servers { relay, headscale, roots })
}

fn relay_host(stage: &Stage<'_>, case: &Case) -> Result<Host, String> {
    if !case.at_home {
        return stage.internet.public("relay", RELAY);
    }
    let behind = stage.internet.behind("relay", RELAY, Nat::Easy)?;
    let inner = behind.client.v4.ok_or("the relay at home has no address")?;
    // What the page tells the reader to set up on the router.
    behind.router.pass_on("tcp", 8443, inner)?;
    behind.router.pass_on("udp", 3479, inner)?;
    Ok(behind.client)
}

/// What certbot leaves on the relay's machine, from an authority that the other machines trust.
fn certificate(stage: &Stage<'_>, relay: &Machine, headscale: &Machine) -> Result<PathBuf, String> {
    let issued = authority::issue(RELAY_NAME)?;
    let live = format!("/etc/letsencrypt/live/{RELAY_NAME}");
    let chain = issued.certificate.clone() + &issued.root;
    for (file, text) in [("cert", &issued.certificate), ("chain", &issued.root), ("fullchain", &chain)] {
        relay.file(&format!("{live}/{file}.pem"), text)?;
    }
    relay.file(&format!("{live}/privkey.pem"), &issued.key)?;
    headscale.file("/etc/ssl/certs/ca-certificates.crt", &issued.root)?;
    let roots = stage.dir.join("roots.pem");
    folder::write(&roots, &issued.root)?;
    Ok(roots)
}

/// A file's content may have places that the reader is told to fill in.
fn on_server(machine: &Machine, step: &Step, places: &[(&str, String)]) -> Result<(), String> {
    match &step.file {
        Some(path) => {
            let text =
                places.iter().fold(step.text.clone(), |text, (place, value)| text.replace(place, value));
            machine.file(path, &text)?;
            words(&step.machine, &format!("edit {path}"), &text);
        }
        None => words(&step.machine, step.text.trim_end(), &machine.run("step", &step.text)?),
    }
    Ok(())
}

/// The reader has a configuration already: the step is its section `derp`.
fn on_headscale(machine: &Machine, step: &Step) -> Result<(), String> {
    match step.file.as_deref() {
        Some(path @ "/etc/headscale/config.yaml") => {
            machine.file(path, &(control::rest("/var/lib/headscale") + &step.text))?;
            words(&step.machine, &format!("edit {path}"), &step.text);
            Ok(())
        }
        _ => on_server(machine, step, &[]),
    }
}

fn on_client(stage: &Stage<'_>, pair: &Pair<'_>, step: &Step) -> Result<(), String> {
    let client: &Client = if step.machine == "a" { &pair.a } else { &pair.b };
    let script = format!("PATH={}:$PATH\n{}", client.bin()?.display(), step.text);
    let name = format!("{}-step", step.machine);
    let said = process::output(&client.host, &stage.dir, &name, &["sh", "-ec", &script], STEP)?;
    words(&step.machine, step.text.trim_end(), &said);
    Ok(())
}

fn log_in<'a>(stage: &'a Stage<'_>, servers: &Servers) -> Result<Pair<'a>, String> {
    let ask = "headscale users create lab >/dev/null && headscale preauthkeys create --user 1 --reusable";
    let said = servers.headscale.run("key", ask)?;
    let key = said.split_whitespace().next_back().ok_or("headscale gives no key")?;
    let behind = |name, number| stage.internet.behind(name, number, Nat::Hard);
    let (a, b) = (behind("a", 101)?, behind("b", 102)?);
    let today = &stage.programs.today;
    let roots = servers.roots.as_deref();
    stage.join(key, [(a, today, roots), (b, today, roots)])
}
