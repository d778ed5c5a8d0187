use std::time::Duration;

use wherry_wire::derp_map::Node;

use super::*;
use crate::netcheck::node::StunFigure;

const BOTH: Families = Families { v4: true, v6: true };
const OFFERED: PortMapping = PortMapping { upnp: true, pmp: false, pcp: false, is_refused: false };
const V4: Families = Families { v4: true, v6: false };

fn map(regions: Vec<Region>) -> DerpMap {
    let regions = regions.into_iter().map(|region| (region.region_id, Some(region))).collect();
    DerpMap { regions, ..DerpMap::default() }
}

fn region(id: i64) -> Region {
    let node = Node { name: format!("{id}a"), region_id: id, ..Node::default() };
    Region { region_id: id, nodes: vec![node], ..Region::default() }
}

fn node(region: i64, stun: bool) -> NodeReport {
    let off = || Err(Why::off(Family::V6));
    let figure = StunFigure {
        server: "192.0.2.7:3478".parse().unwrap(),
        latency: Duration::from_millis(5),
        seen: "192.0.2.1:7".parse().unwrap(),
    };
    let silent = || Why::stun(&std::io::ErrorKind::TimedOut.into(), figure.server);
    NodeReport {
        region,
        code: String::new(),
        name: format!("{region}a"),
        label: format!("{region}a"),
        host: String::new(),
        stun_v4: if stun { Ok(figure.clone()) } else { Err(silent()) },
        stun_v6: Err(Why::off(Family::V6)),
        relay_v4: Err(Why::off(Family::V4)),
        relay_v6: off(),
    }
}

/// The reasons of a network of this map, whose nodes answered `answers` times by STUN at first.
fn reasons(map: &DerpMap, have: Families, nodes: &[NodeReport], answers: i64) -> Vec<(Figure, Reason)> {
    let mut findings = Findings::default();
    for region in 1..=answers {
        findings.answered(region, "192.0.2.1:7".parse().unwrap(), Duration::from_millis(5));
    }
    let facts = Facts {
        map,
        have,
        findings: &findings,
        nodes,
        asks_router: true,
        has_gateway: true,
        port_mapping: OFFERED,
        is_public: false,
        portal: Some(Portal::None),
        hairpin: (false, false),
        is_full: true,
    };
    list(&facts).into_iter().map(|missing| (missing.figure, missing.why.reason)).collect()
}

#[test]
fn what_is_there_is_not_missing_and_each_node_tells_its_own() {
    let map = map(vec![region(1), region(2)]);
    let nodes = [node(1, true), node(2, true)];
    let expected = [
        (Figure::Address, Reason::NoFamily),
        (Figure::Stun, Reason::SwitchedOff),
        (Figure::Relay, Reason::SwitchedOff),
        (Figure::Relay, Reason::SwitchedOff),
    ];
    let found = reasons(&map, V4, &nodes, 2);
    assert_eq!(found[..4], expected);
    assert_eq!(found.len(), 7);
}

#[test]
fn a_router_that_refuses_and_a_host_without_nat_are_told_as_that() {
    let map = map(vec![region(1)]);
    let mut findings = Findings::default();
    findings.answered(1, "192.0.2.1:7".parse().unwrap(), Duration::from_millis(5));
    let facts = Facts {
        map: &map,
        have: V4,
        findings: &findings,
        nodes: &[],
        asks_router: true,
        has_gateway: true,
        port_mapping: PortMapping { is_refused: true, ..PortMapping::default() },
        is_public: true,
        portal: None,
        hairpin: (false, false),
        is_full: true,
    };
    let found: Vec<_> = list(&facts).into_iter().map(|gap| (gap.figure, gap.why.reason)).collect();
    assert!(found.contains(&(Figure::PortMapping, Reason::Refused)), "{found:?}");
    assert!(found.contains(&(Figure::MappingVaries, Reason::NotNeeded)), "{found:?}");
}

#[test]
fn one_server_is_too_few_to_tell_the_mapping() {
    let found = reasons(&map(vec![region(1)]), BOTH, &[node(1, true)], 1);
    assert!(found.contains(&(Figure::MappingVaries, Reason::TooLittle)), "{found:?}");
    assert!(found.contains(&(Figure::Address, Reason::SwitchedOff)), "{found:?}");
}

#[test]
fn udp_is_called_blocked_only_if_relays_answer_by_tcp_and_several_were_asked_for_stun() {
    let silent = node(1, false);
    let udp = |nodes: &[NodeReport]| {
        let found = reasons(&map(vec![region(1)]), V4, nodes, 0);
        found.iter().find(|(figure, _)| *figure == Figure::Udp).unwrap().1
    };
    assert_eq!(udp(std::slice::from_ref(&silent)), Reason::Timeout);
    let by_tcp = NodeReport { relay_v4: Ok(relay()), ..silent };
    assert_eq!(udp(std::slice::from_ref(&by_tcp)), Reason::TooLittle);
    assert_eq!(udp(&[by_tcp.clone(), by_tcp.clone()]), Reason::Blocked);
    let server = "192.0.2.7:3478".parse().unwrap();
    let refusal = Err(Why::stun(&std::io::ErrorKind::ConnectionRefused.into(), server));
    let refused = NodeReport { stun_v4: refusal, ..by_tcp.clone() };
    assert_eq!(udp(std::slice::from_ref(&refused)), Reason::Refused);
    assert_eq!(udp(&[by_tcp, refused.clone()]), Reason::Blocked);
    assert_eq!(udp(&[refused.clone(), refused]), Reason::Blocked);
    assert_eq!(udp(&[node(1, true)]), Reason::Timeout);
}

/// What is said of UDP where nodes of this STUN port are as told, on a host with these families.
fn udp_why(stun_port: i64, have: Families, nodes: &[NodeReport]) -> Why {
    let mut region = region(1);
    region.nodes[0].stun_port = stun_port;
    udp::why(&map(vec![region]), have, nodes)
}

#[test]
fn a_relay_that_turns_a_stranger_away_has_answered_by_tcp() {
    let refused = Why::new(Reason::NotAdmitted, "", "");
    let nodes = [NodeReport { relay_v4: Err(refused), ..node(1, false) }, node(2, false)];
    let why = udp_why(0, V4, &nodes);
    assert_eq!(why.reason, Reason::Blocked);
    assert!(why.what.contains("relays do by TCP (1 of 2)"), "{why:?}");
    let odd = NodeReport { relay_v4: Err(Why::new(Reason::Pin, "", "")), ..node(1, false) };
    let why = udp_why(0, V4, &[odd]);
    assert!(why.reason == Reason::Timeout && !why.what.contains("no relay by TCP"), "{why:?}");
}

#[test]
fn where_the_map_names_no_stun_server_udp_is_not_called_blocked() {
    let off = || Err(Why::new(Reason::SwitchedOff, "", ""));
    let works = NodeReport { stun_v4: off(), stun_v6: off(), relay_v4: Ok(relay()), ..node(1, false) };
    let why = udp_why(-1, V4, std::slice::from_ref(&works));
    assert_eq!(why.reason, Reason::SwitchedOff);
    assert!(why.what.starts_with("the map names no STUN server"), "{why:?}");
    // A relay that is not asked for STUN does not make the network block the answers of one that is down.
    let why = udp_why(0, V4, &[works, node(2, false)]);
    assert!(why.reason == Reason::Timeout && why.what.contains("that are not asked for STUN"), "{why:?}");
}

#[test]
fn a_family_that_this_host_lacks_is_named_where_the_map_has_no_other() {
    let other = Families { v4: false, v6: true };
    let of = |four: Why, six: Why| NodeReport {
        stun_v4: Err(four.clone()),
        stun_v6: Err(six.clone()),
        relay_v4: Err(four),
        relay_v6: Err(six),
        ..node(1, false)
    };
    let why = udp_why(0, other, &[of(Why::no_family(Family::V4), Why::off(Family::V6))]);
    assert_eq!(why.reason, Reason::NoFamily);
    assert_eq!(why.what, "this host has no way out by IPv4, and no relay of the map has an IPv6 address");
    assert!(why.remedy.contains("map.ipv6"), "{why:?}");
    let why = udp_why(0, V4, &[of(Why::off(Family::V4), Why::no_family(Family::V6))]);
    assert!(why.what.contains("by IPv6, and no relay of the map has an IPv4 address"), "{why:?}");
    // The map has it, and it is not that which fails.
    let silent = Why::new(Reason::Timeout, "", "");
    assert_eq!(udp_why(0, other, &[of(Why::no_family(Family::V4), silent)]).reason, Reason::Timeout);
    let why = udp_why(0, BOTH, &[of(Why::off(Family::V4), Why::off(Family::V6))]);
    assert!(why.what.contains("of a family that is to be asked"), "{why:?}");
}

#[test]
fn an_address_by_a_family_that_nobody_was_asked_by_is_not_called_silent() {
    let own = |have, node: NodeReport| {
        let found = reasons(&map(vec![region(1)]), have, &[node], 0);
        found.iter().find(|(figure, _)| *figure == Figure::Address).unwrap().1
    };
    let unasked = NodeReport { stun_v4: Err(Why::off(Family::V4)), ..node(1, false) };
    assert_eq!(own(V4, unasked.clone()), Reason::SwitchedOff);
    assert_eq!(own(Families::default(), unasked), Reason::NoFamily);
    assert_eq!(own(V4, node(1, false)), Reason::TooLittle);
}

#[test]
fn a_node_that_is_silent_because_udp_is_blocked_has_no_remedy_of_its_own() {
    let remedy = |nodes: &[NodeReport]| {
        let map = map(vec![region(1)]);
        let findings = Findings::default();
        let facts = Facts {
            map: &map,
            have: V4,
            findings: &findings,
            nodes,
            asks_router: true,
            has_gateway: true,
            port_mapping: OFFERED,
            is_public: false,
            portal: None,
            hairpin: (false, false),
            is_full: true,
        };
        let stun = list(&facts).into_iter().find(|gap| gap.figure == Figure::Stun);
        stun.unwrap().why.remedy
    };
    assert!(!remedy(&[node(1, false)]).is_empty());
    let by_tcp = [1, 2].map(|region| NodeReport { relay_v4: Ok(relay()), ..node(region, false) });
    assert!(remedy(&by_tcp).is_empty());
    assert!(!remedy(&by_tcp[..1]).is_empty(), "one alone may be to blame");
}

#[test]
fn a_portal_is_missing_only_where_nobody_was_asked_or_in_time() {
    let map = map(vec![region(1)]);
    let whys = |portal, findings: &Findings| {
        let facts = Facts {
            asks_router: true,
            map: &map,
            have: V4,
            findings,
            nodes: &[],
            has_gateway: true,
            port_mapping: OFFERED,
            is_public: false,
            portal: Some(portal),
            hairpin: (false, false),
            is_full: true,
        };
        let of_portal = |gap: &Missing| gap.figure == Figure::CaptivePortal;
        list(&facts).into_iter().find(of_portal).map(|gap| gap.why)
    };
    let missing = |portal| whys(portal, &Findings::default()).map(|why| why.reason);
    assert_eq!((missing(Portal::Found), missing(Portal::None)), (None, None));
    assert_eq!(missing(Portal::Unasked), Some(Reason::TooLittle));
    assert_eq!(missing(Portal::Late), Some(Reason::Timeout));
    // Where UDP comes through nobody needs it.
    let remedy = |udp| whys(Portal::Unasked, &Findings { udp, ..Findings::default() }).unwrap().remedy;
    assert_eq!([remedy(true).is_empty(), remedy(false).contains("CanPort80: true")], [true; 2]);
}

fn relay() -> crate::netcheck::RelayFigure {
    crate::netcheck::RelayFigure {
        server: "192.0.2.7:443".parse().unwrap(),
        latency: Duration::from_millis(5),
        connect: Duration::from_millis(50),
        is_tls13: true,
        pin: None,
        key: wherry_client::NodePrivate::generate([7; 32]).public(),
    }
}

#[test]
fn an_echo_of_the_host_is_not_taken_for_one_of_the_relay() {
    let map = map(vec![region(1)]);
    let nodes = [node(1, false)];
    let mut findings = Findings::default();
    findings.answered_icmp(1, Duration::from_micros(200));
    let facts = Facts {
        map: &map,
        have: V4,
        findings: &findings,
        nodes: &nodes,
        asks_router: true,
        has_gateway: true,
        port_mapping: OFFERED,
        is_public: false,
        portal: None,
        hairpin: (false, false),
        is_full: true,
    };
    let of_region = |gap: &Missing| gap.figure == Figure::RegionLatency && gap.region == Some(1);
    let gaps: Vec<_> = list(&facts).into_iter().filter(of_region).collect();
    assert!(matches!(gaps.as_slice(), [gap] if gap.why.what.contains("ICMP answer of the host")), "{gaps:?}");
}

#[test]
fn a_region_without_latency_says_what_in_the_map_makes_it_so() {
    let reason = |region: Region, nodes: &[NodeReport]| {
        let found = reasons(&map(vec![region]), V4, nodes, 0);
        found.iter().find(|(figure, _)| *figure == Figure::RegionLatency).unwrap().1
    };
    assert_eq!(reason(Region { no_measure_no_home: true, ..region(1) }, &[]), Reason::SwitchedOff);
    assert_eq!(reason(Region { nodes: Vec::new(), ..region(1) }, &[]), Reason::BadEntry);
    let mut misplaced = region(1);
    misplaced.nodes[0].region_id = 2;
    assert_eq!(reason(misplaced, &[]), Reason::BadEntry);
    assert_eq!(reason(region(1), &[node(1, false)]), Reason::Timeout);
    assert_eq!(reason(region(1), &[node(1, true)]), Reason::NotNeeded);
}
