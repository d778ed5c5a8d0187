//! What every scenario starts from: an internet with a control server's host, programs, and a folder.

use crate::client::Client;
use crate::control::{self, Control, MapSource};
use crate::map::Region;
use crate::net::{Behind, Host, Internet, Nat};
use crate::process::Process;
use crate::programs::{Programs, Release};
use crate::relay::{Relay, Setup};
use crate::traffic::{self, Drip, Tally};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Last number in the addresses of the control server.
const CONTROL: u8 = 2;

/// Last number in the addresses of the relay where there is one, or of the first of two.
pub(crate) const RELAY: u8 = 10;

/// Last number in the addresses of the second relay.
pub(crate) const SECOND: u8 = 20;

/// The name of the host with the first number.
pub(crate) const RELAY_NAME: &str = "relay.example.com";

/// The private listener of every relay, where it is by default.
const ADMIN: &str = "127.0.0.1:3341";

/// The stage of one scenario.
#[derive(Debug)]
pub(crate) struct Stage<'a> {
    /// The net.
    pub(crate) internet: Internet,
    /// The folder for logs and state.
    pub(crate) dir: PathBuf,
    /// The programs.
    pub(crate) programs: &'a Programs,
    control_host: Host,
}

impl<'a> Stage<'a> {
    /// An internet with one public host, which waits for a map.
    ///
    /// # Errors
    /// A command failed.
    pub(crate) fn set(scenario: &'static str, programs: &'a Programs, dir: &Path) -> Result<Self, String> {
        let internet = Internet::new(scenario)?;
        let control_host = internet.public("control", CONTROL)?;
        Ok(Self { internet, dir: dir.to_owned(), programs, control_host })
    }

    /// A public host with a relay as one starts it who has only an address.
    ///
    /// # Errors
    /// The relay does not serve.
    pub(crate) fn bare_relay(&self, name: &str, number: u8) -> Result<Relay, String> {
        let host = self.internet.public(name, number)?;
        let setup = Setup::bare(&host);
        self.relay(&host, setup)
    }

    /// A relay on a host.
    ///
    /// # Errors
    /// The relay does not serve.
    pub(crate) fn relay(&self, host: &Host, setup: Setup) -> Result<Relay, String> {
        Relay::start(&self.programs.wherry, host, &self.dir, setup)
    }

    /// The control server, with this map in a file.
    ///
    /// # Errors
    /// It does not answer.
    pub(crate) fn control(&self, map: &str) -> Result<Control, String> {
        Control::start(&self.programs.headscale, &self.control_host, &self.dir, &MapSource::File(map))
    }

    /// The control server, which reads its map at this URL, from a server of these authorities.
    ///
    /// # Errors
    /// It does not answer.
    pub(crate) fn control_by_url(&self, url: &str, roots: Option<&Path>) -> Result<Control, String> {
        let map = MapSource::Url(url, roots);
        Control::start(&self.programs.headscale, &self.control_host, &self.dir, &map)
    }

    /// Starts one of the lab's own servers on a host, until what is returned goes.
    ///
    /// # Errors
    /// It does not listen.
    pub(crate) fn serve(&self, on: &Host, what: &[&str]) -> Result<Process, String> {
        traffic::serve(&self.programs.own, &self.dir, on, what)
    }

    /// The answer to one HTTP request from a host.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn get(
        &self,
        from: &Host,
        addr: &str,
        path: &str,
        headers: &[&str],
    ) -> Result<String, String> {
        traffic::ask(&self.programs.own, &self.dir, from, addr, path, headers)
    }

    /// What clients sent to each other by this relay so far.
    ///
    /// # Errors
    /// The relay does not say.
    pub(crate) fn carried(&self, relay: &Relay) -> Result<Carried, String> {
        let metrics = self.get(relay.host(), ADMIN, "/metrics", &[])?;
        Carried::read(&metrics).ok_or_else(|| format!("the relay counts no packets:\n{metrics}"))
    }

    /// Where the control server runs.
    pub(crate) const fn control_host(&self) -> &Host {
        &self.control_host
    }

    /// Two clients of today, each behind a router of its own, logged in.
    ///
    /// # Errors
    /// A client does not log in.
    pub(crate) fn pair(&self, control: &Control, nats: [Nat; 2]) -> Result<Pair<'_>, String> {
        let [a, b] = nats;
        let a = self.internet.behind("a", 101, a)?;
        let b = self.internet.behind("b", 102, b)?;
        self.join(&control.key()?, [(a, &self.programs.today, None), (b, &self.programs.today, None)])
    }

    /// What a host's names resolve to, in the family it has.
    pub(crate) fn names(&self, host: &Host) -> String {
        let lines = [(control::NAME, CONTROL), (RELAY_NAME, RELAY)].map(|(name, number)| match host.v4 {
            Some(_) => format!("203.0.113.{number} {name}\n"),
            None => format!("2001:db8::{number:x} {name}\n"),
        });
        lines.concat()
    }

    /// Logs in two clients at once, with this key.
    ///
    /// # Errors
    /// A client does not log in.
    pub(crate) fn join(
        &self,
        key: &str,
        who: [(Behind, &Release, Option<&Path>); 2],
    ) -> Result<Pair<'_>, String> {
        let start = |(behind, release, roots): (Behind, &Release, Option<&Path>)| {
            behind.client.knows(&self.names(&behind.client))?;
            Client::start(release, &behind.client, &self.dir, key, roots)
        };
        let [a, b] = who;
        let (mut a, mut b) = (start(a)?, start(b)?);
        a.logged_in()?;
        b.logged_in()?;
        a.knows(&b)?;
        b.knows(&a)?;
        Ok(Pair { a, b, own: &self.programs.own, dir: &self.dir })
    }
}

/// A region of one relay.
///
/// # Errors
/// The relay has not said its pin.
pub(crate) fn region(id: u16, code: &'static str, relay: &Relay) -> Result<Region, String> {
    Ok(Region { id, code, nodes: vec![relay.node()?] })
}

/// Two clients.
#[derive(Debug)]
pub(crate) struct Pair<'a> {
    /// The one that asks.
    pub(crate) a: Client,
    /// The one that answers.
    pub(crate) b: Client,
    own: &'a Path,
    dir: &'a Path,
}

impl Pair<'_> {
    /// Pings three times, which must go by the relay of this region.
    ///
    /// # Errors
    /// A ping was lost, or went another way.
    pub(crate) fn relayed(&self, code: &str) -> Result<(), String> {
        let pings = self.a.ask(&["ping", "--until-direct=false", "-c", "3", "b"])?;
        let first = pings.lines().next().unwrap_or_default();
        let pongs = pings.lines().filter(|line| line.starts_with("pong")).count();
        if pongs == 3 && first.contains(&format!("via DERP({code})")) {
            return Ok(());
        }
        Err(format!("a ping was lost, or the first did not go by relay {code}"))
    }

    /// Starts the answering end of a drip.
    ///
    /// # Errors
    /// It does not listen.
    pub(crate) fn echo(&self) -> Result<Process, String> {
        traffic::serve(self.own, self.dir, &self.b.host, &["echo"])
    }

    /// Starts datagrams from the first client to the second, where `echo` must listen.
    ///
    /// # Errors
    /// They cannot be started.
    pub(crate) fn drip(&self, count: u32, pause: Duration) -> Result<Drip, String> {
        Drip::start(self.own, self.dir, &self.a, &self.b, count, pause)
    }

    /// Sends a stream from the first client to the second.
    ///
    /// # Errors
    /// A byte was lost or wrong.
    pub(crate) fn pour(&self, bytes: u64) -> Result<Duration, String> {
        let sink = traffic::serve(self.own, self.dir, &self.b.host, &["sink"])?;
        let took = traffic::pour(self.own, self.dir, &self.a, &self.b, bytes);
        drop(sink);
        took
    }
}

/// What clients sent to each other by a relay: WireGuard's packets, not those by which they look for a direct way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Carried {
    /// How many.
    pub(crate) packets: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
}

impl Carried {
    fn read(metrics: &str) -> Option<Self> {
        let value = |name: &str| {
            let counted =
                metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix("{kind=\"other\"} "));
            counted?.parse().ok()
        };
        let (packets, bytes) = ("derp_packets_received_kind", "wherry_bytes_received_kind_total");
        Some(Self { packets: value(packets)?, bytes: value(bytes)? })
    }

    /// What came since an earlier look.
    pub(crate) const fn since(self, earlier: Self) -> Self {
        Self { packets: self.packets - earlier.packets, bytes: self.bytes - earlier.bytes }
    }
}

/// Says how datagrams fared, in words.
pub(crate) fn fared(tally: &Tally) -> String {
    let Tally { sent, lost, silence, .. } = tally;
    format!("{sent} datagrams there and back: {lost} lost, longest silence {} ms", silence.as_millis())
}
