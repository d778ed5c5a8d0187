//! From the words of the caller to relays.

use std::fs;
use std::io::{self, Read as _};
use std::iter;
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};

use thiserror::Error;
use wherry_client::{Endpoint, Family, NodePrivate, TargetError, TrustError, Verify};
use wherry_server::config::cure;
use wherry_wire::derp_map::{Address, DerpMap, MapError, Node, Region};
use wherry_wire::key::KeyError;

use super::args::{StunPort, SubjectArgs, SubjectFlags};
use crate::failure::Failure;

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

/// The longest entry that is read, in bytes.
const MAX_ENTRY: u64 = 16 << 20;

/// What is wrong with the question.
#[derive(Debug, Error)]
pub(crate) enum BadQuestion {
    #[error("{0}")]
    Target(#[from] TargetError),
    #[error("{0}")]
    Node(TargetError),
    #[error("cannot read {path}: {cause}{}", cure(cause))]
    Read { path: String, cause: io::Error },
    #[error("{path} holds no map: it is no text in UTF-8; check that it is the right file")]
    NotText { path: String },
    #[error("{0}")]
    Map(#[from] MapError),
    #[error(
        "no entry of a DERP map in it; expected is what wherry serve prints, a map, a region or a node in JSON, or a map in YAML"
    )]
    NoEntry,
    #[error("{path}: no such file; if it is an address, write https:// before it")]
    NoFile { path: String },
    #[error("this JSON cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the map has no node that relays")]
    NoRelay,
    #[error("{url}: clients find a relay by TLS under /derp alone; write https://HOST:PORT, or HOST:PORT")]
    NotOfMaps { url: String },
    #[error("{0}")]
    Trust(#[from] TrustError),
    #[error("{path} holds no node key (privkey: and 64 hex digits): {cause}")]
    Key { path: String, cause: KeyError },
}

impl From<BadQuestion> for Failure {
    fn from(wrong: BadQuestion) -> Self {
        match wrong {
            BadQuestion::Target(_) | BadQuestion::NotOfMaps { .. } => Self::Usage(wrong.into()),
            BadQuestion::Map(_)
            | BadQuestion::Node(_)
            | BadQuestion::NoEntry
            | BadQuestion::Json(_)
            | BadQuestion::NotText { .. }
            | BadQuestion::NoRelay => Self::Config(wrong.into()),
            BadQuestion::Read { .. }
            | BadQuestion::NoFile { .. }
            | BadQuestion::Key { .. }
            | BadQuestion::Trust(_) => Self::Other(wrong.into()),
        }
    }
}

/// All relays the arguments name, adjusted by the flags.
pub(crate) fn subjects(args: &SubjectArgs) -> Result<Vec<Subject>, BadQuestion> {
    named(&args.relay, &args.flags)
}

/// All relays that other words name, adjusted by the flags.
pub(crate) fn named(words: &str, flags: &SubjectFlags) -> Result<Vec<Subject>, BadQuestion> {
    let mut subjects = match read(words)? {
        Read::Endpoint(endpoint) => vec![by_name(endpoint)],
        Read::Map(map) => nodes(&map).map(of_node).collect::<Result<_, _>>().map_err(BadQuestion::Node)?,
    };
    if subjects.is_empty() {
        return Err(BadQuestion::NoRelay);
    }
    for subject in &mut subjects {
        subject.adjust(flags);
    }
    Ok(subjects)
}

/// The nodes of a map that relay.
pub(crate) fn nodes(map: &DerpMap) -> impl Iterator<Item = &Node> {
    map.live_regions().flat_map(|(_, region)| &region.nodes).filter(|node| !node.stun_only)
}

/// The node keys of each `--key`.
pub(crate) fn keys(paths: &[PathBuf]) -> Result<Vec<NodePrivate>, BadQuestion> {
    paths.iter().map(|path| key(path)).collect()
}

/// The node key of `--key`: the text itself, or a relay's key file that holds it.
pub(crate) fn key(path: &Path) -> Result<NodePrivate, BadQuestion> {
    let shown = || path.display().to_string();
    let text = fs::read_to_string(path).map_err(|cause| BadQuestion::Read { path: shown(), cause })?;
    let start = text.find(NodePrivate::PREFIX).unwrap_or_default();
    let rest = text.get(start..).unwrap_or_default().trim_end();
    let end = rest.find(['"', '\n', '\r']).unwrap_or(rest.len());
    let key = rest.get(..end).unwrap_or_default().trim_end();
    key.parse().map_err(|cause| BadQuestion::Key { path: shown(), cause })
}

/// What words stand for.
pub(super) enum Read {
    Endpoint(Endpoint),
    Map(DerpMap),
}

pub(super) fn read(words: &str) -> Result<Read, BadQuestion> {
    if words.contains("://") {
        return Ok(Read::Endpoint(words.parse()?));
    }
    if words.trim_start().starts_with('{') {
        return entry(words).map(Read::Map);
    }
    if words == "-" {
        return entry(&whole("stdin", io::stdin().lock())?).map(Read::Map);
    }
    let path = Path::new(words);
    if path.exists() && !path.is_dir() {
        let file =
            fs::File::open(words).map_err(|cause| BadQuestion::Read { path: words.to_owned(), cause })?;
        return entry(&whole(words, file)?).map(Read::Map);
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

fn whole(name: &str, from: impl io::Read) -> Result<String, BadQuestion> {
    let (mut bytes, path) = (Vec::new(), || name.to_owned());
    from.take(MAX_ENTRY)
        .read_to_end(&mut bytes)
        .map_err(|cause| BadQuestion::Read { path: path(), cause })?;
    String::from_utf8(bytes).map_err(|_| BadQuestion::NotText { path: path() })
}

fn by_name(endpoint: Endpoint) -> Subject {
    Subject { endpoint, stun: Some(Stun { is_guess: true, ..Stun::at(STUN_PORT) }) }
}

/// A map, a region or a node in JSON, or a map in YAML, with whatever was printed around it.
pub(crate) fn entry(text: &str) -> Result<DerpMap, BadQuestion> {
    let text = text.trim_start();
    if let Some(json) = json_within(text) {
        return of_json(json);
    }
    if text.starts_with('{') {
        return of_json(text);
    }
    let start = text.find("\nregions:").unwrap_or_default();
    match DerpMap::from_yaml(text.get(start..).unwrap_or_default()) {
        Ok(map) if map.regions.is_empty() => Err(BadQuestion::NoEntry),
        Ok(map) => Ok(map),
        Err(_) if start == 0 && !text.starts_with("regions:") => Err(BadQuestion::NoEntry),
        Err(err) => Err(err.into()),
    }
}

/// The fields by which an entry is told from other objects, the largest entry first.
const FIELDS: [&str; 3] = ["Regions", "Nodes", "HostName"];

/// The first object that begins a line and is an entry.
fn json_within(text: &str) -> Option<&str> {
    let starts = iter::once(0).chain(text.match_indices("\n{").map(|(at, _)| at + 1));
    starts.filter_map(|at| text.get(at..).filter(|rest| rest.starts_with('{'))).find_map(|rest| {
        let mut objects = serde_json::Deserializer::from_str(rest)
            .into_iter::<serde_json::Map<String, serde_json::Value>>();
        let fields = objects.next()?.ok()?;
        FIELDS.iter().any(|field| fields.contains_key(*field)).then(|| rest.get(..objects.byte_offset()))?
    })
}

fn of_json(text: &str) -> Result<DerpMap, BadQuestion> {
    let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text)?;
    match FIELDS.iter().find(|field| fields.contains_key(**field)) {
        Some(&"Regions") => Ok(DerpMap::from_json(text.as_bytes())?),
        Some(&"Nodes") => Ok(alone(serde_json::from_str(text)?)),
        Some(_) => {
            let node: Node = serde_json::from_str(text)?;
            Ok(alone(Region { region_id: node.region_id, nodes: vec![node], ..Region::default() }))
        }
        None => Err(BadQuestion::NoEntry),
    }
}

/// A map of this region; one without an id gets the first of those left to users.
pub(super) fn alone(region: Region) -> DerpMap {
    const FIRST_OF_USERS: i64 = 900;
    let id = if region.region_id == 0 { FIRST_OF_USERS } else { region.region_id };
    let mut region = Region { region_id: id, ..region };
    for node in region.nodes.iter_mut().filter(|node| node.region_id == 0) {
        node.region_id = id;
    }
    DerpMap { regions: [(id, Some(region))].into(), ..DerpMap::default() }
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
        if let Some(pin) = flags.pin {
            endpoint = endpoint.with_verify(Verify::Pin(pin));
        } else if flags.insecure {
            endpoint = endpoint.with_verify(Verify::Nothing);
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
