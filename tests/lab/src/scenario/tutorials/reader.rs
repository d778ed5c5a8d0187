//! Who follows a page, step by step.

use super::cases::Case;
use super::servers::{Servers, renew, servers};
use crate::client::Client;
use crate::evidence::{finding, words};
use crate::net::{Host, Nat};
use crate::stage::{Pair, RELAY, Stage};
use crate::tutorial::{Machine, Step, cert_name, kept, steps};
use crate::{control, folder, process, wait};
use std::time::{Duration, Instant};

/// Time a command on a client may take.
const STEP: Duration = Duration::from_secs(60);

/// Time a change of the list takes to be read, and a stranger to come to the door.
const FELT: Duration = Duration::from_secs(40);

/// Last number in the address that the line at home has later.
const LATER: u8 = 30;

/// Time clients take at most to come back after the address has changed. A client that has nothing to send hears of it with
/// its next keepalive, a minute later.
const BACK: Duration = Duration::from_secs(120);

/// One ping by the relay that does not wait long for an answer.
const PING: [&str; 5] = ["ping", "--until-direct=false", "--timeout=2s", "-c", "1"];

/// Clients that have logged in.
struct Joined<'a> {
    /// With what.
    key: String,
    pair: Pair<'a>,
    /// Before them.
    routers: [Host; 2],
}

/// Who follows a page, and what came of it so far.
pub(super) struct Reader<'a> {
    stage: &'a Stage<'a>,
    servers: Servers,
    /// The clients, once they have logged in.
    joined: Option<Joined<'a>>,
    /// What stands for what on the page.
    places: Vec<(&'static str, String)>,
    /// The pin that the relay printed.
    pin: Option<String>,
}

/// Follows the page to its end, and shows what it promises beside its commands.
pub(super) fn follow<'a>(stage: &'a Stage<'a>, case: &Case) -> Result<Reader<'a>, String> {
    let path = folder::root().join("docs").join("tutorials").join(format!("{}.md", case.page));
    let text = std::fs::read_to_string(&path).map_err(|err| format!("{}: {err}", path.display()))?;
    let servers = servers(stage, case)?;
    let mut reader = Reader { stage, servers, joined: None, places: Vec::new(), pin: None };
    for step in steps(&text)? {
        reader.takes(&step)?;
    }
    finding("followed to the end; and:");
    let joined = reader.joined.as_ref().ok_or_else(|| format!("{}: no client ever joins", case.page))?;
    joined.pair.relayed("wherry")?;
    reader.keeps_out(joined)?;
    Ok(reader)
}

impl Reader<'_> {
    fn takes(&mut self, step: &Step) -> Result<(), String> {
        match step.machine.as_str() {
            "relay" => self.on_relay(step),
            "headscale" => self.on_headscale(step),
            "a" | "b" => self.on_client(step),
            other => Err(format!("there is no machine `{other}`")),
        }
    }

    fn on_relay(&mut self, step: &Step) -> Result<(), String> {
        let said = on_server(&self.servers.relay, step, &self.places)?;
        if let Some(pin) = cert_name(&said) {
            self.pin = Some(pin.to_owned());
        }
        if step.file.as_deref() == Some("/etc/wherry/nodes") { self.list_is_read(step) } else { Ok(()) }
    }

    /// The reader needs a moment to go on; the relay has read the list by then.
    fn list_is_read(&self, step: &Step) -> Result<(), String> {
        let keys = format!("keys={}", step.text.lines().count());
        wait::until(&format!("the relay to read a list with {keys}"), FELT, || {
            let journal = self.journal()?;
            let last = journal.lines().rfind(|line| line.contains("list reloaded"));
            Ok(last.filter(|line| line.ends_with(&keys)).map(drop))
        })
    }

    /// The reader has a configuration already: the step is its section `derp`.
    fn on_headscale(&mut self, step: &Step) -> Result<(), String> {
        let machine = &self.servers.headscale;
        if let Some(path @ "/etc/headscale/config.yaml") = step.file.as_deref() {
            machine.file(path, &(control::rest("/var/lib/headscale") + &step.text))?;
            words(&step.machine, &format!("edit {path}"), &step.text);
            return Ok(());
        }
        let said = on_server(machine, step, &self.places)?;
        if step.text.contains("cat /etc/headscale/derp.yaml") && cert_name(&said) != self.pin.as_deref() {
            return Err(format!("the relay's pin is {:?}, the map has another", self.pin));
        }
        if step.text.starts_with("wherry key new") {
            self.places.push(("KEY-OF-PROBE", said.trim().to_owned()));
        }
        Ok(())
    }

    fn on_client(&mut self, step: &Step) -> Result<(), String> {
        if self.joined.is_none() {
            let joined = self.log_in()?;
            self.places.extend([("KEY-OF-A", joined.pair.a.key()?), ("KEY-OF-B", joined.pair.b.key()?)]);
            self.joined = Some(joined);
        }
        let Some(Joined { pair, .. }) = &self.joined else { return Ok(()) };
        let client: &Client = if step.machine == "a" { &pair.a } else { &pair.b };
        let script = format!("PATH={}:$PATH\n{}", client.bin()?.display(), step.text);
        let name = format!("{}-step", step.machine);
        let said = process::output(&client.host, &self.stage.dir, &name, &["sh", "-ec", &script], STEP)?;
        words(&step.machine, step.text.trim_end(), &said);
        kept(&step.text, &said)
    }

    fn journal(&self) -> Result<String, String> {
        self.servers.relay.run("journal", "journalctl -u wherry")
    }
}

impl<'a> Reader<'a> {
    fn log_in(&self) -> Result<Joined<'a>, String> {
        let ask = "headscale users create lab >/dev/null && headscale preauthkeys create --user 1 --reusable";
        let said = self.servers.headscale.run("key", ask)?;
        let key = said.split_whitespace().next_back().ok_or("headscale gives no key")?;
        let behind = |name, number| self.stage.internet.behind(name, number, Nat::Hard);
        let (a, b) = (behind("a", 101)?, behind("b", 102)?);
        let (today, roots) = (&self.stage.programs.today, self.servers.roots.as_deref());
        let routers = [a.router.clone(), b.router.clone()];
        let pair = self.stage.join(key, [(a, today, roots), (b, today, roots)])?;
        Ok(Joined { key: key.to_owned(), pair, routers })
    }

    /// A third machine of the network, which is not on the list, does not get in, and is logged with its key.
    fn keeps_out(&self, Joined { key, pair, .. }: &Joined<'_>) -> Result<(), String> {
        let host = self.stage.internet.behind("c", 103, Nat::Hard)?.client;
        host.knows(&self.stage.names(&host))?;
        let (today, roots) = (&self.stage.programs.today, self.servers.roots.as_deref());
        let mut stranger = Client::start(today, &host, &self.stage.dir, key, roots)?;
        stranger.logged_in()?;
        let key = stranger.key()?;
        let refusal = wait::until("the relay to turn c away", FELT, || {
            let journal = self.journal()?;
            let mut lines = journal.lines();
            Ok(lines.find(|line| line.contains("not admitted") && line.contains(&key)).map(str::to_owned))
        })?;
        words("relay", "journalctl -u wherry | grep 'not admitted'", &refusal);
        pair.a.knows(&stranger)?;
        let (_, answer) = pair.a.outcome(&[&PING[..], &["c"]].concat())?;
        words("a", "tailscale ping c", &answer);
        if answer.contains("pong") { Err("c was let in".to_owned()) } else { Ok(()) }
    }

    /// The certificate is renewed, and copied by what the page has certbot do: the relay takes it, and who is connected stays.
    pub(super) fn renews(&self) -> Result<(), String> {
        let Joined { pair, .. } = self.joined.as_ref().ok_or("nobody has joined")?;
        renew(&self.servers.relay)?;
        self.servers.relay.run("renewal", "/etc/letsencrypt/renewal-hooks/deploy/wherry")?;
        wait::until("the relay to take the new certificate", FELT, || {
            Ok(self.journal()?.contains("certificates reloaded").then_some(()))
        })?;
        // Who had to connect again could not: the new one is of an authority that nobody trusts.
        finding("the certificate was renewed and taken; and who is connected still is:");
        pair.relayed("wherry")
    }

    /// The line at home gets another address, and somebody else the old one; the name follows, and the clients are back by
    /// themselves.
    pub(super) fn moves(&self) -> Result<(), String> {
        let router = self.servers.router.as_ref().ok_or("there is no line at home")?;
        let Joined { pair, routers, .. } = self.joined.as_ref().ok_or("nobody has joined")?;
        router.ip(&format!("addr del 203.0.113.{RELAY}/24 dev eth0"))?;
        router.ip(&format!("addr add 203.0.113.{LATER}/24 dev eth0"))?;
        self.stage.internet.public("stranger", RELAY)?;
        for router in routers {
            // Or they would go on sending to the relay's router whatever is for the old address.
            router.ip("neigh flush dev eth0")?;
        }
        for host in [&pair.a.host, &pair.b.host, &self.servers.relay_host, self.stage.control_host()] {
            let names = self.stage.names(host);
            host.knows(&names.replace(&format!("203.0.113.{RELAY} "), &format!("203.0.113.{LATER} ")))?;
        }
        let start = Instant::now();
        wait::until("a ping by the relay at its new address", BACK, || {
            let (_, answer) = pair.a.outcome(&[&PING[..], &["b"]].concat())?;
            Ok(answer.contains("via DERP(wherry)").then_some(()))
        })?;
        let took = start.elapsed().as_secs();
        finding(&format!("the address changed and the name with it: pings are back after {took} s"));
        pair.relayed("wherry")
    }
}

/// Does a step; a file's content may have places that the reader is told to fill in.
fn on_server(machine: &Machine, step: &Step, places: &[(&str, String)]) -> Result<String, String> {
    let Some(path) = &step.file else {
        let said = machine.run("step", &step.text)?;
        words(&step.machine, step.text.trim_end(), &said);
        return Ok(said);
    };
    let text = places.iter().fold(step.text.clone(), |text, (place, value)| text.replace(place, value));
    machine.file(path, &text)?;
    words(&step.machine, &format!("edit {path}"), &text);
    Ok(String::new())
}
