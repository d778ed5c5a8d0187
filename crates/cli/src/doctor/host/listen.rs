//! The addresses that the settings ask for, and whether it is the relay that has them.

use std::net::SocketAddr;

use wherry_server::admin::{Addresses, Status};
use wherry_server::config::Settings;
use wherry_tools::doctor::{Finding, Part};

use super::limit;
use super::settings::halves;
use super::sockets::{Process, Protocol, Socket, holders};
use crate::status::{self, AskError};

/// What the programs of a relay are called.
const OURS: [&str; 2] = ["wherry", "derper"];

/// What was found about the addresses.
pub(super) struct Site {
    pub(super) findings: Vec<Finding>,
    /// The relay's process, where this user may see it.
    pub(super) pid: Option<u32>,
    /// Whether it can be asked from outside.
    pub(super) is_there: bool,
    /// Its private listener takes questions, and does not answer.
    pub(super) is_silent: bool,
    /// What its private listener says.
    status: Option<Status>,
}

/// An address that a setting asks for.
struct Wanted {
    key: &'static str,
    protocol: Protocol,
    addr: SocketAddr,
}

/// Who has it.
enum Held {
    Nobody,
    Relay(Option<u32>),
    Other(Process),
    /// Somebody whom this user may not see.
    Hidden,
}

/// Looks who has the addresses, and asks the private listener how the relay is.
pub(super) async fn look(settings: &Settings) -> Site {
    let asked = match settings.admin {
        Some(admin) if admin.port() != 0 => Some(status::ask(&admin.to_string()).await),
        _ => None,
    };
    let is_silent = matches!(asked, Some(Err(AskError::Silent { .. })));
    let status = asked.and_then(Result::ok);
    let wanted = wanted(settings);
    let (Ok(tcp), Ok(udp)) = (Protocol::Tcp.sockets(), Protocol::Udp.sockets()) else {
        let finding =
            Finding::skipped(Part::Listen, "who has the relay's addresses: /proc/net cannot be read");
        return Site { findings: vec![finding], pid: None, is_there: true, is_silent, status };
    };
    let listed = |protocol| if protocol == Protocol::Tcp { &tcp } else { &udp };
    let held: Vec<_> = wanted.iter().map(|one| held(one, listed(one.protocol), status.as_ref())).collect();
    let pid = held.iter().find_map(|held| if let Held::Relay(pid) = held { *pid } else { None });
    let runs = status.is_some() || held.iter().any(|held| matches!(held, Held::Relay(_)));
    let served =
        |(one, held): (&Wanted, &Held)| one.key == "listen" && matches!(held, Held::Relay(_) | Held::Hidden);
    let is_there = wanted.iter().zip(&held).any(served);
    // Another program that keeps silent there is told by its process.
    let is_silent = is_silent
        && wanted.iter().zip(&held).any(|(one, held)| one.key == "admin" && !matches!(held, Held::Other(_)));
    Site { findings: addresses(&wanted, &held, runs), pid, is_there, is_silent, status }
}

impl Site {
    /// What the relay says of itself, or why it says nothing. `is_admit_written`: who may use it does not follow from other
    /// settings. `has_bad_files`: what is wrong with its files was told.
    pub(super) fn health(
        &self,
        settings: &Settings,
        is_admit_written: bool,
        has_bad_files: bool,
    ) -> Vec<Finding> {
        match &self.status {
            Some(status) => admission(status, settings, is_admit_written)
                .into_iter()
                .chain(health(status, has_bad_files))
                .collect(),
            None if self.is_silent => vec![self.hangs()],
            None if self.is_there && settings.admin.is_none() => vec![Finding::skipped(
                Part::Running,
                "what it says of itself: admin is off, so it was not asked",
            )],
            None => Vec::new(),
        }
    }

    fn hangs(&self) -> Finding {
        let who = self.pid.map(|pid| format!(" (process {pid})")).unwrap_or_default();
        if let Some(files) = self.pid.and_then(limit::exhausted) {
            return Finding::error(
                Part::Running,
                format!(
                    "the relay{who} has as many files open as it may, {files}, so it takes no connection any more"
                ),
                limit::REMEDY,
            );
        }
        Finding::error(
            Part::Running,
            format!("the relay{who} hangs: it does not answer on its private listener"),
            "look whether it is stopped (state T in ps), or waits for a disk (state D), and what its log says (journalctl -u \
             wherry: \"cannot accept connections\" is for want of open files); then restart it (systemctl restart wherry)",
        )
    }
}

/// Port 0 is any port: nobody can say whose it is.
fn wanted(settings: &Settings) -> Vec<Wanted> {
    let one = |key, protocol| move |addr| Wanted { key, protocol, addr };
    let listen = settings.listen.iter().map(|listen| listen.addr).map(one("listen", Protocol::Tcp));
    let http = settings.http.iter().copied().map(one("http", Protocol::Tcp));
    let stun = settings.stun.iter().copied().map(one("stun", Protocol::Udp));
    let admin = settings.admin.into_iter().map(one("admin", Protocol::Tcp));
    listen.chain(http).chain(stun).chain(admin).filter(|one| one.addr.port() != 0).collect()
}

fn held(wanted: &Wanted, sockets: &[Socket], status: Option<&Status>) -> Held {
    let met: Vec<_> = sockets.iter().filter(|socket| socket.has(wanted.addr)).collect();
    if met.is_empty() {
        return Held::Nobody;
    }
    let holders = holders(met.into_iter());
    let ours =
        holders.iter().find(|process| OURS.contains(&process.name.as_str())).map(|process| process.pid);
    // A relay may run under any name, and behind what passes its ports on.
    let is_said =
        status.is_some_and(|status| ports(wanted, &status.addresses).any(|port| port == wanted.addr.port()));
    match holders.into_iter().next() {
        _ if ours.is_some() => Held::Relay(ours),
        other if is_said => Held::Relay(other.map(|process| process.pid)),
        Some(other) => Held::Other(other),
        None => Held::Hidden,
    }
}

/// The ports that a running relay has for a key.
fn ports<'a>(wanted: &Wanted, addresses: &'a Addresses) -> impl Iterator<Item = u16> + 'a {
    let (key, none) = (wanted.key, &[][..]);
    let lists: [&'a [SocketAddr]; 2] = match key {
        "listen" => [&addresses.tls, &addresses.plain],
        "http" => [&addresses.http, none],
        "stun" => [&addresses.stun, none],
        _ => [none, none],
    };
    let admin = addresses.admin.filter(|_| key == "admin");
    lists.into_iter().flatten().map(SocketAddr::port).chain(admin.map(|addr| addr.port()))
}

fn addresses(wanted: &[Wanted], held: &[Held], runs: bool) -> Vec<Finding> {
    let shown = |one: &Wanted| format!("{}/{} ({})", one.addr, one.protocol.word(), one.key);
    let all = || wanted.iter().zip(held);
    let list = |is: fn(&Held) -> bool| {
        all().filter(|(_, held)| is(held)).map(|(one, _)| shown(one)).collect::<Vec<_>>().join(", ")
    };
    let mut findings = Vec::new();
    let (ours, hidden) =
        (list(|held| matches!(held, Held::Relay(_))), list(|held| matches!(held, Held::Hidden)));
    if !ours.is_empty() {
        findings.push(Finding::ok(Part::Listen, format!("the relay has {ours}")));
    }
    if !hidden.is_empty() {
        let found = format!("somebody has {hidden}; who, this user may not see (root may)");
        findings.push(Finding::skipped(Part::Listen, found));
    }
    for (one, held) in all() {
        if let Held::Other(Process { pid, name }) = held {
            findings.push(Finding::error(
                Part::Listen,
                format!("{} is taken by {name} (process {pid})", shown(one)),
                format!("stop that program, or give the relay another address: {}", one.key),
            ));
        }
    }
    let free = list(|held| matches!(held, Held::Nobody));
    let is_blocked = held.iter().any(|held| matches!(held, Held::Other(_)));
    // A relay that found one address taken does not start, so nobody has the others.
    if !free.is_empty() && (runs || !is_blocked) {
        findings.push(nobody(&free, runs, hidden.is_empty()));
    }
    findings
}

/// Addresses that nobody has.
fn nobody(free: &str, runs: bool, is_all_seen: bool) -> Finding {
    if runs || !is_all_seen {
        Finding::error(
            Part::Listen,
            format!("nobody has {free}, though the relay runs"),
            "it was started with other settings: restart it",
        )
    } else {
        Finding::error(
            Part::Running,
            format!("the relay does not run: nobody has {free}"),
            "start it (systemctl start wherry, or wherry serve --config FILE); if it ends at once, its log says why \
             (journalctl -u wherry)",
        )
    }
}

/// Whether those may use it who may by the settings.
fn admission(status: &Status, settings: &Settings, is_written: bool) -> Option<Finding> {
    let (is, by_settings) = (&status.admit, settings.admit.to_string());
    if is.is_empty() || *is == by_settings {
        return None;
    }
    Some(if is_written {
        Finding::error(
            Part::Running,
            format!("admit is {is} in the relay that runs, though {by_settings} is written"),
            "have it read its settings again (systemctl reload wherry); a flag or a variable that it was started with wins over the file",
        )
    } else {
        Finding::warning(
            Part::Running,
            format!(
                "admit is {is} in the relay that runs; nothing is written, which would make it {by_settings}"
            ),
            "write admit as it should be and reload; without it a restart (systemctl restart wherry) would change it",
        )
    })
}

/// What the relay says of itself.
fn health(status: &Status, has_bad_files: bool) -> Vec<Finding> {
    // What it says of its files has been told with their names.
    let is_new = |text: &&String| {
        !has_bad_files || !["certificates", "admission"].iter().any(|part| text.starts_with(part))
    };
    let halves = |text: &String| halves(text, "see wherry status, and the relay's log");
    let faults = status.faults.iter().filter(is_new).map(halves);
    let notes = status.notes.iter().filter(is_new).map(halves);
    let mut findings: Vec<_> =
        faults.map(|(found, remedy)| Finding::error(Part::Running, found, remedy)).collect();
    findings.extend(notes.map(|(found, remedy)| Finding::warning(Part::Running, found, remedy)));
    if findings.is_empty() && status.ready {
        let found = format!("version {} runs, and says that it is ready", status.version);
        findings.push(Finding::ok(Part::Running, found));
    }
    findings
}
