//! Why no UDP is known to come through: whom STUN was asked of, and who is reached by TCP all the same.

use wherry_client::Family;
use wherry_wire::derp_map::DerpMap;

use super::node::NodeReport;
use super::plan::Families;
use super::why::{Reason, Why};

/// Why no STUN server answered in time.
pub(super) fn why(map: &DerpMap, have: Families, nodes: &[NodeReport]) -> Why {
    if map.live_regions().all(|(_, region)| region.no_measure_no_home) {
        let what = "the map lets no region be measured (NoMeasureNoHome), so clients ask none for STUN";
        return Why::new(Reason::SwitchedOff, what, "let a region be measured");
    }
    if nodes.iter().any(NodeReport::has_stun) {
        let what = "no STUN server answered at first, though one did when it was asked again";
        let remedy = "the network loses packets, or takes time to wake: run it again";
        return Why::new(Reason::Timeout, what, remedy);
    }
    let asked: Vec<_> = nodes.iter().filter(|node| is_asked(node)).collect();
    if let Some((lacks, other)) = lacking(nodes) {
        return no_family(lacks, other, have);
    }
    if asked.is_empty() {
        return unasked(map, nodes);
    }
    if let Some(refused) = refused(nodes) {
        let what = format!("{}, so UDP itself is not known to be blocked", refused.what);
        let remedy = "say the port where STUN is: --stun-port PORT, or STUNPort in the map entry; if it is there, a firewall \
                      on the way rejects UDP";
        return Why::new(Reason::Refused, what, remedy);
    }
    silent(&asked, nodes)
}

/// Whether a server of this family was asked for STUN.
pub(super) fn is_asked_by(family: Family, nodes: &[NodeReport]) -> bool {
    nodes.iter().any(|node| is_question(node, family))
}

/// No answer from anybody who was asked.
fn silent(asked: &[&NodeReport], nodes: &[NodeReport]) -> Why {
    let by_tcp = asked.iter().filter(|node| node.is_reached()).count();
    if let ([one], 1) = (asked, by_tcp) {
        let what = format!(
            "{}, the only STUN server that was asked, does not answer, though its relay does by TCP, so whether UDP comes through \
             is not known",
            one.label
        );
        let remedy = "either its UDP port is shut at the relay, or this network lets no UDP out: a second \
                      STUN server tells which, as --map https://controlplane.tailscale.com/derpmap/default has many";
        return Why::new(Reason::TooLittle, what, remedy);
    }
    if by_tcp > 0 {
        let what = format!("no STUN server answers, though relays do by TCP ({by_tcp} of {})", asked.len());
        let remedy =
            "most likely this network blocks UDP; if STUN works from elsewhere, it does: let 3478/udp out";
        return Why::new(Reason::Blocked, what, remedy);
    }
    if nodes.iter().any(NodeReport::is_reached) {
        let what = "no STUN server answers, though relays do by TCP that are not asked for STUN";
        let remedy =
            "see to the nodes that were asked; if STUN works from elsewhere, this network blocks UDP";
        return Why::new(Reason::Timeout, what, remedy);
    }
    if nodes.iter().any(is_odd) {
        let what = "no STUN server answers, and what answers by TCP is not as the map says";
        return Why::new(
            Reason::Timeout,
            what,
            "see to the relays first, as stands with them, and ask again",
        );
    }
    let remedy = "check this host's network; what each node did stands with it";
    Why::new(Reason::Timeout, "no STUN server answers, and no relay by TCP either", remedy)
}

/// The family that this host lacks, where no node has the other one.
fn lacking(nodes: &[NodeReport]) -> Option<(Family, Family)> {
    let reasons = |family| nodes.iter().flat_map(move |node| results(node, family));
    let is_off = |found: Option<Reason>| matches!(found, Some(Reason::SwitchedOff | Reason::NoAddress));
    let is_lacking = |found: Option<Reason>| matches!(found, Some(Reason::NoFamily | Reason::Unreachable));
    let pairs = [(Family::V4, Family::V6), (Family::V6, Family::V4)];
    pairs.into_iter().find(|(family, other)| {
        reasons(*family).any(is_lacking)
            && reasons(*family).all(|found| is_lacking(found) || is_off(found))
            && reasons(*other).all(is_off)
    })
}

fn no_family(lacks: Family, other: Family, have: Families) -> Why {
    let has_other = match other {
        Family::V4 => have.v4,
        Family::V6 => have.v6,
    };
    if !has_other {
        let what = format!("this host has no way out by {lacks}, nor an address of {other}");
        return Why::new(Reason::NoFamily, what, "connect it to a network");
    }
    let key = match other {
        Family::V4 => "map.ipv4",
        Family::V6 => "map.ipv6",
    };
    let what = format!("this host has no way out by {lacks}, and no relay of the map has an {other} address");
    let remedy = format!(
        "give a relay an {other} address and name it in the map entry (wherry: {key}), or ask from a host with {lacks}"
    );
    Why::new(Reason::NoFamily, what, remedy)
}

/// Nobody was asked, though this host could have.
fn unasked(map: &DerpMap, nodes: &[NodeReport]) -> Why {
    let mut all = map.live_regions().flat_map(|(_, region)| &region.nodes);
    if all.all(|node| node.stun_port < 0) {
        let what = "the map names no STUN server, so whether UDP comes through is not known";
        let remedy =
            "where a relay does answer STUN, say its port: STUNPort in the map entry, or --stun-port PORT";
        return Why::new(Reason::SwitchedOff, what, remedy);
    }
    let mut reasons = nodes.iter().flat_map(|node| {
        [&node.stun_v4, &node.stun_v6].map(|stun| stun.as_ref().err().map(|why| why.reason))
    });
    if reasons.all(|reason| reason == Some(Reason::SwitchedOff)) {
        let what = "no STUN server of the map has an address of a family that is to be asked";
        let remedy = "ask without -4 and -6, or give the map entry such an address";
        return Why::new(Reason::SwitchedOff, what, remedy);
    }
    let what = "no STUN server could be asked, so whether UDP comes through is not known; see the nodes";
    Why::new(Reason::TooLittle, what, "")
}

/// The refusal of the only node that was asked: it comes back from there, or from a firewall that rejects. Where several were asked,
/// hardly all of them lack STUN.
fn refused<'a>(nodes: &'a [NodeReport]) -> Option<&'a Why> {
    let fate = |node: &'a NodeReport| {
        let why = [&node.stun_v4, &node.stun_v6].map(|stun| stun.as_ref().err());
        let of = |reason| why.into_iter().flatten().find(|why| why.reason == reason);
        of(Reason::Refused).or_else(|| of(Reason::Timeout))
    };
    let mut asked = nodes.iter().filter_map(fate);
    let first = asked.next().filter(|why| why.reason == Reason::Refused)?;
    asked.next().is_none().then_some(first)
}

fn is_asked(node: &NodeReport) -> bool {
    is_question(node, Family::V4) || is_question(node, Family::V6)
}

/// Whether a question went out, or would have if this host's network had let it.
fn is_question(node: &NodeReport, family: Family) -> bool {
    let stun = match family {
        Family::V4 => &node.stun_v4,
        Family::V6 => &node.stun_v6,
    };
    !stun.as_ref().is_err_and(|why| {
        matches!(
            why.reason,
            Reason::SwitchedOff
                | Reason::NoFamily
                | Reason::BadEntry
                | Reason::NotResolved
                | Reason::NoAddress
        )
    })
}

/// What STUN and relay of a node failed with by a family; none of what works.
fn results(node: &NodeReport, family: Family) -> [Option<Reason>; 2] {
    let (stun, relay) = match family {
        Family::V4 => (&node.stun_v4, &node.relay_v4),
        Family::V6 => (&node.stun_v6, &node.relay_v6),
    };
    [stun.as_ref().err().map(|why| why.reason), relay.as_ref().err().map(|why| why.reason)]
}

/// Whether something answers by TCP, which is no relay of ours or has another certificate.
fn is_odd(node: &NodeReport) -> bool {
    let answers = |why: &Why| {
        matches!(
            why.reason,
            Reason::Pin | Reason::Certificate | Reason::Tls | Reason::NotRelay | Reason::Broken
        )
    };
    [&node.relay_v4, &node.relay_v6].into_iter().any(|relay| relay.as_ref().is_err_and(answers))
}
