//! Nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::address::{self, literal};
use super::certificate;
use super::region::{is_word, not_one_word};
use crate::map::finding::Rule;
use crate::map::outline::{NodeOutline, Outline, Pen, RegionOutline};

/// The names of all nodes, and those that were proposed.
pub(super) struct Names(BTreeSet<String>);

impl Names {
    pub(super) fn of(map: &Outline) -> Self {
        Self(map.nodes().map(|(_, node)| node.node.name.clone()).collect())
    }

    /// What to write into a node of the region that needs another name.
    fn propose(&mut self, map: &Outline, region: &RegionOutline) -> String {
        let mut usual = ('a'..='z').map(|letter| format!("{}{letter}", region.key));
        match usual.find(|name| self.0.insert(name.clone())) {
            Some(name) => format!("write {}", map.line("Name", &format!("\"{name}\""))),
            None => "give it a name of its own".to_owned(),
        }
    }
}

/// One node.
pub(super) fn judge(
    map: &Outline,
    region: &RegionOutline,
    one: &NodeOutline,
    names: &mut Names,
    pen: &mut Pen,
) {
    name(map, region, one, names, pen);
    region_id(map, region, one, pen);
    address::judge(map, region, one, pen);
    ports(map, region, one, pen);
    purpose(map, region, one, pen);
    port_80(map, region, one, pen);
    certificate::judge(map, region, one, pen);
    let test_ip = one.node.stun_test_ip.as_str();
    if !test_ip.is_empty() {
        let place = map.in_node(region, one, "STUNTestIP");
        let expected = "nothing: it is for tests, clients send STUN there instead of to the node";
        let found = match test_ip.parse::<IpAddr>() {
            Ok(ip) => format!("it is {ip}"),
            Err(_) => format!("it is {test_ip:?}, and no address either"),
        };
        pen.note(Rule::TestField, place, found, expected, "remove it");
    }
}

fn name(map: &Outline, region: &RegionOutline, one: &NodeOutline, names: &mut Names, pen: &mut Pen) {
    if one.node.name.is_empty() {
        pen.note(
            Rule::NodeNameMissing,
            map.in_node(region, one, "Name"),
            "the node has no name",
            "a word that no other node of any region has; it is no host name",
            names.propose(map, region),
        );
    } else if !is_word(&one.node.name) {
        let expected = "a word that no other node of any region has";
        let cure = "write hyphens between its parts";
        let place = map.in_node(region, one, "Name");
        pen.note(Rule::NotOneWord, place, not_one_word(&one.node.name), expected, cure);
    }
}

fn region_id(map: &Outline, region: &RegionOutline, one: &NodeOutline, pen: &mut Pen) {
    if one.node.region_id == region.key {
        return;
    }
    let found = match one.has("RegionID") {
        true => format!("it is {}, but the node stands in region {}", one.node.region_id, region.key),
        false => format!("{} is missing, so it is 0", map.name("RegionID")),
    };
    pen.note(
        Rule::NodeRegionDiffers,
        map.in_node(region, one, "RegionID"),
        found,
        format!("{}, the id of the node's region", region.key),
        format!("write {}", map.line("RegionID", &region.key.to_string())),
    );
}

fn ports(map: &Outline, region: &RegionOutline, one: &NodeOutline, pen: &mut Pen) {
    let derp = one.node.derp_port;
    if !(0..=65535).contains(&derp) {
        pen.note(
            Rule::PortRange,
            map.in_node(region, one, "DERPPort"),
            format!("it is {derp}, which is no port"),
            "1 to 65535, or nothing for 443",
            "write the TCP port on which the relay speaks TLS",
        );
    }
    let stun = one.node.stun_port;
    if stun > 65535 {
        pen.note(
            Rule::PortRange,
            map.in_node(region, one, "STUNPort"),
            format!("it is {stun}, which is no port"),
            "1 to 65535, nothing for 3478, or -1 for no STUN",
            "write the UDP port on which the relay answers STUN",
        );
    }
    zero(map, region, one, pen);
    if u16::try_from(derp).is_ok_and(|port| BLOCKED.contains(&port)) {
        pen.note(
            Rule::PortBlocked,
            map.in_node(region, one, "DERPPort"),
            format!("it is {derp}, which browsers and many firewalls refuse to connect to"),
            "443, or a port that no other protocol owns, such as 8443",
            "let the relay listen on another port",
        );
    }
}

/// Ports that were written down as 0: whoever meant none gets the usual one.
fn zero(map: &Outline, region: &RegionOutline, one: &NodeOutline, pen: &mut Pen) {
    for field in &one.zero_ports {
        let (usual, expected) = match *field {
            "DERPPort" => ("443", "1 to 65535, or nothing for 443"),
            _ => ("3478", "1 to 65535, nothing for 3478, or -1 for no STUN"),
        };
        pen.note(
            Rule::PortZero,
            map.in_node(region, one, field),
            format!("it is 0, which is no port: clients take it for {usual}"),
            expected,
            format!("write {}, or the port that was meant", map.line(field, usual)),
        );
    }
}

/// Ports of other protocols to which browsers never connect; 0, the first on their list, is [`zero`]'s.
///
/// Source: the Fetch standard, "bad port".
const BLOCKED: [u16; 82] = [
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104,
    109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515,
    526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049,
    3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
];

fn purpose(map: &Outline, region: &RegionOutline, one: &NodeOutline, pen: &mut Pen) {
    let node = &one.node;
    if !node.stun_only {
        return;
    }
    if node.stun_port < 0 {
        pen.note(
            Rule::NodeIdle,
            map.in_node(region, one, "STUNPort"),
            format!(
                "the node answers STUN alone, but {} switches that off",
                map.line("STUNPort", &node.stun_port.to_string())
            ),
            "a node that relays, or answers STUN, or both",
            "remove the node, or one of the two fields",
        );
    }
    if one.has("DERPPort") && node.derp_port != 0 {
        pen.note(
            Rule::WithoutEffect,
            map.in_node(region, one, "DERPPort"),
            format!("it is {}, but the node answers STUN alone", node.derp_port),
            "no port for DERP on such a node",
            format!("remove it; or write {} if the node relays", map.line("STUNOnly", "false")),
        );
    }
}

/// Clients look for captive portals at the IPv4 address of the entry, and resolve no name for it.
fn port_80(map: &Outline, region: &RegionOutline, one: &NodeOutline, pen: &mut Pen) {
    // What is no address has been said.
    if !one.node.can_port_80 || !matches!(one.node.ipv4.as_str(), "" | "none") {
        return;
    }
    let why = match one.node.ipv4.as_str() {
        "none" => "switched off",
        _ => "left out",
    };
    pen.note(
        Rule::WithoutEffect,
        map.in_node(region, one, "CanPort80"),
        format!(
            "it is true, but {} is {why}: clients look for captive portals at that address alone, and resolve no name for it",
            map.name("IPv4")
        ),
        "true on a node with an IPv4 address",
        format!("write {} with the node's address, or remove it", map.line("IPv4", "\"203.0.113.7\"")),
    );
}

/// What only several nodes can have wrong.
pub(super) fn judge_together(map: &Outline, names: &mut Names, pen: &mut Pen) {
    let mut named: BTreeMap<&str, (&RegionOutline, &NodeOutline)> = BTreeMap::new();
    let mut places: BTreeMap<(String, i64), &NodeOutline> = BTreeMap::new();
    for (region, one) in map.nodes() {
        let name = one.node.name.as_str();
        match named.get(name) {
            Some((other, first)) => pen.note(
                Rule::DuplicateNodeName,
                map.in_node(region, one, "Name"),
                format!("it is {name:?}, as the node of region {} at line {}", other.key, first.at.line),
                "a name that no other node of the whole map has",
                names.propose(map, region),
            ),
            None if name.is_empty() => {}
            None => drop(named.insert(name, (region, one))),
        }
        let node = &one.node;
        let host = match (node.ipv4_address(), literal(&node.host_name)) {
            (wherry_wire::derp_map::Address::Fixed(ip), _) => ip.to_string(),
            (_, Some(ip)) => ip.to_string(),
            _ => node.host_name.to_lowercase(),
        };
        if node.stun_only || host.is_empty() {
            continue;
        }
        let port = if node.derp_port == 0 { 443 } else { node.derp_port };
        match places.get(&(host.clone(), port)) {
            Some(first) => pen.note(
                Rule::DuplicateAddress,
                map.in_node(region, one, "HostName"),
                format!("it is at {host}, port {port}, as node {} at line {}", first.label, first.at.line),
                "another address or port for each relay",
                "remove one of the nodes, or correct its address or port",
            ),
            None => drop(places.insert((host, port), one)),
        }
    }
}
