//! Which figures of a report are missing, and why.

use wherry_client::Family;
use wherry_wire::derp_map::{DerpMap, Region};

use super::findings::Findings;
use super::node::NodeReport;
use super::plan::Families;
use super::portal::Portal;
use super::portmap::PortMapping;
use super::report::{Figure, Missing};
use super::udp;
use super::why::{Reason, Why};

/// What is known besides the findings.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) map: &'a DerpMap,
    pub(super) have: Families,
    pub(super) findings: &'a Findings,
    pub(super) nodes: &'a [NodeReport],
    pub(super) asks_router: bool,
    pub(super) has_gateway: bool,
    pub(super) port_mapping: PortMapping,
    /// STUN sees this host's own address by IPv4.
    pub(super) is_public: bool,
    pub(super) portal: Option<Portal>,
    /// Whether hairpinning was asked for, and is known.
    pub(super) hairpin: (bool, bool),
    pub(super) is_full: bool,
}

/// Everything missing, the whole network's first, then the regions', then the nodes'.
pub(super) fn list(facts: &Facts<'_>) -> Vec<Missing> {
    let mut list = Vec::new();
    let mut add = |figure, family, why| list.push(Missing { figure, family, region: None, node: None, why });
    if !facts.findings.udp {
        add(Figure::Udp, None, udp::why(facts.map, facts.have, facts.nodes));
    }
    if facts.findings.global_v4.is_none() {
        add(Figure::Address, Some(Family::V4), own_address(facts, Family::V4));
    }
    if facts.findings.global_v6.is_none() {
        add(Figure::Address, Some(Family::V6), own_address(facts, Family::V6));
    }
    if facts.findings.mapping_varies.is_none() {
        add(Figure::MappingVaries, None, mapping(facts));
    }
    if !facts.port_mapping.is_offered() {
        add(Figure::PortMapping, None, port_mapping(facts));
    }
    if let Some(why) = portal(facts) {
        add(Figure::CaptivePortal, None, why);
    }
    if facts.hairpin == (true, false) {
        let what = "this host's own address by IPv4 is not known, so nothing can be sent to it; see UDP";
        add(Figure::Hairpinning, None, Why::new(Reason::TooLittle, what, ""));
    }
    if facts.findings.latencies.any.is_empty() {
        let what = "no region answered, neither by STUN nor by HTTPS nor by ICMP; see the nodes";
        add(Figure::Nearest, None, Why::new(Reason::Unreachable, what, ""));
    }
    for (id, region) in facts.map.live_regions() {
        if !facts.findings.latencies.any.contains_key(&id) {
            let (figure, region, why) = (Figure::RegionLatency, Some(id), latency(facts, id, region));
            list.push(Missing { figure, family: None, region, node: None, why });
        }
    }
    list.extend(facts.findings.latencies.echo.keys().map(|id| Missing {
        figure: Figure::RegionLatency,
        family: None,
        region: Some(*id),
        node: None,
        why: of_host_alone(),
    }));
    let is_blocked = list.iter().any(|gap| gap.figure == Figure::Udp && gap.why.reason == Reason::Blocked);
    let mut of_nodes: Vec<_> = facts.nodes.iter().flat_map(of_node).collect();
    for gap in of_nodes.iter_mut().filter(|gap| is_blocked && gap.figure == Figure::Stun) {
        if gap.why.reason == Reason::Timeout {
            // What is to be done stands with UDP; nobody's firewall is to blame twice.
            gap.why.remedy.clear();
        }
    }
    list.append(&mut of_nodes);
    list
}

fn of_node(report: &NodeReport) -> Vec<Missing> {
    let stun = [(Family::V4, report.stun_v4.as_ref().err()), (Family::V6, report.stun_v6.as_ref().err())];
    let relay = [(Family::V4, report.relay_v4.as_ref().err()), (Family::V6, report.relay_v6.as_ref().err())];
    let all = stun.map(|one| (Figure::Stun, one)).into_iter().chain(relay.map(|one| (Figure::Relay, one)));
    let missing = all.filter_map(|(figure, (family, why))| {
        let (region, node, why) = (Some(report.region), Some(report.label.clone()), why?.clone());
        Some(Missing { figure, family: Some(family), region, node, why })
    });
    missing.collect()
}

fn own_address(facts: &Facts<'_>, family: Family) -> Why {
    let has = match family {
        Family::V4 => facts.have.v4,
        Family::V6 => facts.have.v6,
    };
    if udp::is_asked_by(family, facts.nodes) {
        return Why::new(
            Reason::TooLittle,
            format!("no STUN server answered by {family}; see the nodes"),
            "",
        );
    }
    if !has {
        return Why::no_family(family);
    }
    let what = format!("no STUN server of the map could be asked by {family}; see the nodes");
    Why::new(Reason::SwitchedOff, what, "")
}

fn mapping(facts: &Facts<'_>) -> Why {
    if facts.findings.seen_v4.is_empty() {
        return own_address(facts, Family::V4);
    }
    if facts.is_public {
        let what =
            "STUN sees this host's own address and port by IPv4: there is no NAT whose mapping could vary";
        return Why::new(Reason::NotNeeded, what, "");
    }
    let what = "only one STUN server answered by IPv4, and it takes two to compare";
    let remedy = "a map whose regions have two addresses together tells easy from hard NAT";
    Why::new(Reason::TooLittle, what, remedy)
}

fn port_mapping(facts: &Facts<'_>) -> Why {
    if !facts.asks_router {
        return Why::new(Reason::NotNeeded, "the router was to be left out", "");
    }
    if facts.port_mapping.is_refused {
        let what = "the router answers NAT-PMP or PCP, but refuses to open ports";
        let remedy = "if direct connections fail, allow it in the router";
        return Why::new(Reason::Refused, what, remedy);
    }
    if facts.has_gateway {
        let what = "the router answers neither UPnP nor NAT-PMP nor PCP";
        let remedy = "if direct connections fail, switch one of them on in the router";
        Why::new(Reason::Timeout, what, remedy)
    } else {
        Why::new(
            Reason::NotNeeded,
            "this host has no gateway with a private address, so there is none to ask",
            "",
        )
    }
}

fn portal(facts: &Facts<'_>) -> Option<Why> {
    match facts.portal {
        None if facts.is_full => {
            Some(Why::new(Reason::NotNeeded, "STUN answers, so no portal is in the way", ""))
        }
        None => Some(Why::new(Reason::NotNeeded, "only full reports look for one", "")),
        Some(Portal::Late) => {
            let what =
                "those who were asked for one had not all answered within the time that clients give them";
            Some(Why::new(Reason::Timeout, what, ""))
        }
        Some(Portal::Unasked) => Some(Why::new(
            Reason::TooLittle,
            "no node of the map has both CanPort80 and IPv4, and the vendor's hosts were to be left out",
            if facts.findings.udp {
                ""
            } else {
                "serve port 80 on a relay and say CanPort80: true in the map"
            },
        )),
        Some(Portal::Found | Portal::None) => None,
    }
}

fn latency(facts: &Facts<'_>, id: i64, region: &Region) -> Why {
    if region.no_measure_no_home {
        return Why::new(Reason::SwitchedOff, "the map says not to measure it (NoMeasureNoHome)", "");
    }
    if region.nodes.is_empty() {
        return Why::new(
            Reason::BadEntry,
            "the region has no nodes",
            "list its relays under Nodes in the map",
        );
    }
    if let Some(node) = region.nodes.iter().find(|node| node.region_id != id) {
        let what = format!(
            "node {:?} says RegionID {}, so clients file its latency there",
            node.name, node.region_id
        );
        return Why::new(Reason::BadEntry, what, format!("let RegionID of the node be {id} in the map"));
    }
    let answered = facts.nodes.iter().any(|node| node.region == id && node.has_stun());
    match (answered, facts.is_full) {
        (true, true) => {
            let what = "it answers STUN, but later than three other regions did, and clients wait no longer";
            Why::new(Reason::NotNeeded, what, "")
        }
        (_, false) => {
            Why::new(Reason::NotNeeded, "a report after the first asks the fastest regions only", "")
        }
        (false, true) => Why::new(Reason::Timeout, "none of its nodes answered; see there", ""),
    }
}

/// A latency that is there, but of the host.
fn of_host_alone() -> Why {
    let what = "it is an ICMP answer of the host, not of the relay, though clients take it as good";
    Why::new(Reason::TooLittle, what, "how the relay itself does stands with its nodes")
}

#[cfg(test)]
#[path = "missing_tests.rs"]
mod tests;
