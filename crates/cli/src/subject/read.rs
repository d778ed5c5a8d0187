//! From the words of the caller to relays.

use std::fs;
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};

use wherry_client::{Endpoint, Family, NodePrivate, NodePublic, TargetError};
use wherry_tools::map::Source;
use wherry_wire::derp_map::{Address, DerpMap, Node};

use super::args::{StunPort, SubjectArgs, SubjectFlags};
use super::entry::entry;
use super::wrong::BadQuestion;

/// One relay.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Subject {
    pub(crate) endpoint: Endpoint,
    /// Where to ask for STUN, if anywhere.
    pub(crate) stun: Option<Stun>,
}

/// Where to ask for STUN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stun {
    pub(crate) port: u16,
    /// The address to use even if TCP goes elsewhere.
    pub(crate) test_ip: Option<IpAddr>,
    /// The address to use if TCP reached nothing.
    pub(crate) ip: Option<IpAddr>,
    /// Nobody named the port: it is where most relays have STUN.
    pub(crate) is_guess: bool,
}

impl Stun {
    /// At that port of the relay's own address.
    pub(crate) fn at(port: u16) -> Self {
        Self { port, test_ip: None, ip: None, is_guess: false }
    }
}

/// The port stock clients use if the entry names none.
const STUN_PORT: u16 = 3478;

/// All relays the arguments name, adjusted by the flags.
pub(crate) fn subjects(args: &SubjectArgs) -> Result<Vec<Subject>, BadQuestion> {
    named(&args.relay, &args.flags)
}

/// All relays that other words name, adjusted by the flags.
pub(crate) fn named(words: &str, flags: &SubjectFlags) -> Result<Vec<Subject>, BadQuestion> {
    let mut subjects = match read(words)? {
        Read::Endpoint(endpoint) => vec![by_name(endpoint)],
        Read::Map(written) => written.check(relays)?,
    };
    for subject in &mut subjects {
        subject.adjust(flags);
    }
    Ok(subjects)
}

/// The relays of a map, every one of which can be dialled.
fn relays(map: &DerpMap) -> Result<Vec<Subject>, BadQuestion> {
    let relays: Vec<_> = nodes(map).map(dialled).collect::<Result<_, _>>()?;
    if relays.is_empty() { Err(BadQuestion::NoRelay) } else { Ok(relays) }
}

/// The nodes of a map that relay.
pub(crate) fn nodes(map: &DerpMap) -> impl Iterator<Item = &Node> {
    map.live_regions().flat_map(|(_, region)| &region.nodes).filter(|node| !node.stun_only)
}

/// Whether a node of a map relays.
pub(crate) fn has_relays(map: &DerpMap) -> bool {
    nodes(map).next().is_some()
}

/// The node keys of each `--key`.
pub(crate) fn keys(paths: &[PathBuf]) -> Result<Vec<NodePrivate>, BadQuestion> {
    paths.iter().map(|path| key(path)).collect()
}

/// The node key of `--key`: the text itself, or a relay's key file that holds it.
pub(crate) fn key(path: &Path) -> Result<NodePrivate, BadQuestion> {
    let shown = || path.display().to_string();
    let is_key =
        || [NodePublic::PREFIX, NodePrivate::PREFIX].iter().any(|prefix| shown().starts_with(prefix));
    let text = fs::read_to_string(path).map_err(|cause| match is_key() {
        // One that is private is not shown again.
        true => BadQuestion::NoKeyFile,
        false => BadQuestion::Read { path: shown(), cause },
    })?;
    let start = text.find(NodePrivate::PREFIX).unwrap_or_default();
    let rest = text.get(start..).unwrap_or_default().trim_end();
    let end = rest.find(['"', '\n', '\r']).unwrap_or(rest.len());
    let key = rest.get(..end).unwrap_or_default().trim_end();
    key.parse().map_err(|cause| BadQuestion::Key { path: shown(), cause })
}

/// What words stand for.
pub(super) enum Read {
    Endpoint(Endpoint),
    Map(Written),
}

/// A map, and where it is written unless in the question itself.
pub(super) struct Written {
    pub(super) map: DerpMap,
    source: Option<Source>,
}

impl Written {
    /// What is wrong with the map in the eyes of `judge` is told with its place.
    pub(super) fn check<T>(
        &self,
        judge: impl FnOnce(&DerpMap) -> Result<T, BadQuestion>,
    ) -> Result<T, BadQuestion> {
        judge(&self.map).map_err(|why| match &self.source {
            Some(source) => why.within(source, true),
            None => why,
        })
    }
}

pub(super) fn read(words: &str) -> Result<Read, BadQuestion> {
    if words.contains("://") {
        return Ok(Read::Endpoint(words.parse()?));
    }
    if words.trim_start().starts_with('{') {
        return Ok(Read::Map(Written { map: entry(words)?, source: None }));
    }
    let path = Path::new(words);
    // A folder may have the name of a host.
    if words == "-" || path.exists() && (!path.is_dir() || looks_like_path(words)) {
        let source = Source::local(words)?;
        let map = entry(&source.text).map_err(|why| why.within(&source, false))?;
        return Ok(Read::Map(Written { map, source: Some(source) }));
    }
    if looks_like_path(words) {
        return Err(BadQuestion::NoFile { path: words.to_owned() });
    }
    // An IPv6 address without brackets and port.
    if words.parse::<Ipv6Addr>().is_ok() {
        return Ok(Read::Endpoint(format!("https://[{words}]").parse()?));
    }
    Ok(Read::Endpoint(format!("https://{words}").parse()?))
}

fn looks_like_path(words: &str) -> bool {
    words.contains('/') || [".yaml", ".yml", ".json"].iter().any(|ending| words.ends_with(ending))
}

fn by_name(endpoint: Endpoint) -> Subject {
    Subject { endpoint, stun: Some(Stun { is_guess: true, ..Stun::at(STUN_PORT) }) }
}

/// One node of a map, which its entry leaves an address to dial.
pub(crate) fn dialled(node: &Node) -> Result<Subject, BadQuestion> {
    if (node.ipv4_address(), node.ipv6_address()) == (Address::Off, Address::Off) {
        return Err(BadQuestion::NoAddress { node: node.name.clone() });
    }
    of_node(node).map_err(BadQuestion::Node)
}

/// One node of a map.
pub(crate) fn of_node(node: &Node) -> Result<Subject, TargetError> {
    let ip = match (node.ipv4_address(), node.ipv6_address()) {
        (Address::Fixed(ip), _) => Some(ip.into()),
        (_, Address::Fixed(ip)) => Some(ip.into()),
        _ => None,
    };
    let stun = node.stun_udp_port().map(|port| Stun {
        test_ip: node.stun_test_ip.parse().ok(),
        ip,
        ..Stun::at(port)
    });
    Ok(Subject { endpoint: Endpoint::node(node)?, stun })
}

impl Subject {
    /// Flags win over the entry.
    pub(crate) fn adjust(&mut self, flags: &SubjectFlags) {
        let mut endpoint = self.endpoint.clone();
        if let Some(verify) = flags.verify() {
            endpoint = endpoint.with_verify(verify);
        }
        if let Some(family) = flags.family() {
            endpoint = endpoint.with_only(family);
            if let Some(stun) = &mut self.stun {
                stun.ip = stun.ip.filter(|ip| ip.is_ipv4() == (family == Family::V4));
            }
        }
        self.endpoint = endpoint;
        match flags.stun_port {
            None => {}
            Some(StunPort::Off) => self.stun = None,
            Some(StunPort::At(port)) => {
                let entry = self.stun.unwrap_or_else(|| Stun::at(port));
                self.stun = Some(Stun { port, is_guess: false, ..entry });
            }
        }
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
