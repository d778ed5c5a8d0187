//! Asking the nodes of a map what only they know.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, SocketAddr};

use futures_util::{StreamExt as _, stream};
use tokio::task::JoinSet;
use wherry_client::{
    CertificateFault, DialError, Dialer, Endpoint, HandshakeError, Identity, NodePrivate, Pin, PinFailure,
    Target, TlsError,
};
use wherry_wire::derp_map::Node;

use super::ask::{self, Sight, trusted_pin};
use super::check::Checked;
use super::finding::{Place, Rule};
use super::judge::{Way, way};
use super::mesh::{self, ACROSS, Tie, ties};
use super::outline::{NodeOutline, Outline, Pen, RegionOutline};
use crate::hindrance::Hindrance;
use crate::pin;
use crate::port80::{self, Heard};
use crate::remedy::{self, Situation, Tool};

/// Nodes that are asked at a time.
const AT_ONCE: usize = 16;

/// What asking a node gave.
struct Answer {
    dial: Option<Result<(), DialError>>,
    /// The pin of the certificate that it shows, where a pin would do.
    shown: Option<Pin>,
    /// The pin of a self-signed certificate that is accepted because this host trusts it.
    trusted: Option<Pin>,
    /// Where it was asked for STUN, and what kept it from answering.
    stun: Option<(SocketAddr, io::Result<Sight>)>,
    /// Who answers on port 80, where the map says that the node does.
    port_80: Option<Heard>,
}

/// Asks every node of the map, as a client would, and writes down what is wrong: nodes that do not answer, certificates
/// that are other than the map says, STUN that is silent, nodes of a region that do not forward to each other.
///
/// `keys` are those of nodes that are admitted where a random key is not: one is enough but for a mesh, which takes one for
/// each relay. A map that its readers refuse whole is not asked: no client dials it.
pub async fn probe(checked: &mut Checked, dialer: &Dialer, keys: &[NodePrivate]) {
    if checked.is_refused() {
        return;
    }
    let Some(map) = checked.outline.take() else { return };
    let answers = ask_all(&map, dialer, keys.first()).await;
    let mut pen = Pen::default();
    for (number, (region, node)) in (0_usize..).zip(map.nodes()) {
        if let Some(answer) = answers.get(&number) {
            judge(&map, region, node, answer, &mut pen);
        }
    }
    let mut open = BTreeSet::new();
    for (region, relays, ties) in ask_regions(&map, dialer, keys).await {
        if ties.iter().any(|(_, tie)| matches!(tie, Tie::Unknown { .. })) {
            open.insert(Some(region.key));
        }
        meshed(&map, region, &relays, ties, &mut pen);
    }
    // What was a question is answered, but for relays that were not tried.
    checked.findings.retain(|finding| match finding.rule {
        Rule::MustBeMeshed => open.contains(&finding.place.region),
        Rule::BareAddress => false,
        // What answers is somebody's own.
        Rule::Example => {
            answers.values().any(|answer| matches!(&answer.dial, Some(Err(err)) if !is_refused(err)))
        }
        _ => true,
    });
    checked.outline = Some(map);
    checked.add(pen);
}

/// A region with its relays, and how they stand to each other.
type Region<'a> = (&'a RegionOutline, Vec<&'a NodeOutline>, Vec<(usize, Tie)>);

/// Asks the regions that have several relays.
async fn ask_regions<'a>(map: &'a Outline, dialer: &Dialer, keys: &[NodePrivate]) -> Vec<Region<'a>> {
    let relays = |region: &'a RegionOutline| -> Vec<_> {
        region.nodes.iter().filter(|node| !node.node.stun_only).collect()
    };
    let regions = map.live().map(|(region, _)| (region, relays(region)));
    let asked = regions.filter(|(_, relays)| relays.len() > 1).map(async |(region, relays)| {
        let nodes: Vec<_> = relays.iter().map(|one| &one.node).collect();
        let ties = ties(dialer, &nodes, keys).await;
        (region, relays, ties)
    });
    stream::iter(asked).buffered(AT_ONCE).collect().await
}

async fn ask_all(map: &Outline, dialer: &Dialer, key: Option<&NodePrivate>) -> BTreeMap<usize, Answer> {
    let mut waiting: Vec<(usize, Node)> = (0..).zip(map.nodes().map(|(_, node)| node.node.clone())).collect();
    waiting.reverse();
    let mut answers = BTreeMap::new();
    let mut under_way = JoinSet::new();
    loop {
        while under_way.len() < AT_ONCE
            && let Some((number, node)) = waiting.pop()
        {
            let (dialer, key) = (dialer.clone(), key.cloned());
            under_way.spawn(async move { (number, ask(&node, &dialer, key).await) });
        }
        match under_way.join_next().await {
            Some(Ok((number, answer))) => drop(answers.insert(number, answer)),
            // What breaks while asking says nothing about the node.
            Some(Err(_)) => {}
            None => return answers,
        }
    }
}

async fn ask(node: &Node, dialer: &Dialer, key: Option<NodePrivate>) -> Answer {
    let mut answer = Answer { dial: None, shown: None, trusted: None, stun: None, port_80: None };
    let mut addr = None;
    // What cannot be dialled at all has been said of the text.
    if let (Ok(target), Ok(stranger)) = (Target::node(node), Identity::throw_away()) {
        let mut dial = dialer.connect(&target, &stranger).await;
        let is_closed = matches!(&dial, Err(err) if is_refused(err));
        if let Some(key) = key.filter(|_| is_closed) {
            dial = dialer.connect(&target, &Identity::new(key)).await;
        }
        let is_pinnable = matches!(
            dial,
            Err(DialError::Tls(TlsError::Certificate { fault: CertificateFault::SelfSigned, .. }))
        );
        let is_accepted = dial.as_ref().map_or_else(is_refused, |_| true);
        if let Ok(endpoint) = Endpoint::node(node) {
            if is_pinnable {
                answer.shown = pin::shown(dialer, &endpoint).await.ok().flatten();
            } else if is_accepted {
                answer.trusted = trusted_pin(dialer, &endpoint).await;
            }
        }
        addr = dial.as_ref().ok().map(|connection| connection.addr().ip());
        answer.dial = Some(dial.map(drop));
    }
    if let Some(witness) = port80::witness(node).filter(|_| node.can_port_80) {
        answer.port_80 = Some(port80::ask(witness, None).await);
    }
    if let Some(port) = node.stun_udp_port() {
        answer.stun = stun(node, addr, port).await;
    }
    answer
}

/// Asks for STUN where clients do; none if there is no address to ask.
async fn stun(node: &Node, reached: Option<IpAddr>, port: u16) -> Option<(SocketAddr, io::Result<Sight>)> {
    let fixed = match way(node) {
        [Way::Fixed(ip), _] | [_, Way::Fixed(ip)] => Some(ip),
        _ => None,
    };
    let ip = match node.stun_test_ip.parse().ok().or(reached).or(fixed) {
        Some(ip) => ip,
        None => tokio::net::lookup_host((node.host_name.as_str(), port)).await.ok()?.next()?.ip(),
    };
    let server = SocketAddr::new(ip, port);
    Some((server, ask::stun(server).await))
}

fn judge(map: &Outline, region: &RegionOutline, one: &NodeOutline, answer: &Answer, pen: &mut Pen) {
    let place = |field| map.in_node(region, one, field);
    if let Some(Err(err)) = &answer.dial {
        dial(map, one, answer, err, &place, pen);
    }
    if let Some(pin) = &answer.trusted {
        pen.note(
            Rule::TrustedHere,
            place("CertName"),
            "the certificate is self-signed, and accepted only because this host trusts it: other clients refuse it",
            ACCEPTED,
            write(map, pin),
        );
    }
    let is_serving = !matches!(&answer.dial, Some(Err(err)) if !is_refused(err));
    if is_serving && matches!(answer.port_80, Some(Heard::Stranger | Heard::Nobody)) {
        pen.note(
            Rule::Port80Silent,
            place("CanPort80"),
            port80::WRONG,
            "an answer to the question by which clients look for captive portals",
            port80::CURE,
        );
    }
    if let Some((server, Err(err))) = &answer.stun {
        silent(*server, err, is_serving, &place, pen);
    }
}

/// STUN that does not answer, unless the question did not leave this host.
fn silent(
    server: SocketAddr,
    err: &io::Error,
    is_serving: bool,
    place: &impl Fn(&'static str) -> Place,
    pen: &mut Pen,
) {
    let kept = match Hindrance::of_connect(err) {
        Hindrance::NoWay if err.kind() != io::ErrorKind::InvalidData => {
            "there is no way there from this host"
        }
        Hindrance::Forbidden => "this host's own firewall lets nothing out there",
        _ => {
            let cure = match is_serving {
                true => format!("{}, or correct STUNPort (-1 is none)", remedy::stun(server.port(), err)),
                false => {
                    "cure what is wrong with the relay first: one that cannot serve keeps silent".to_owned()
                }
            };
            let found = remedy::no_answer(server, err);
            return pen.note(Rule::StunSilent, place("STUNPort"), found, "an answer to STUN", cure);
        }
    };
    pen.note(
        Rule::NotAsked,
        place("STUNPort"),
        format!("it was not asked for STUN at {server}/udp: {kept} ({err})"),
        "an answer to STUN",
        "ask from another host, or see to the network and the firewall of this one",
    );
}

fn is_refused(err: &DialError) -> bool {
    matches!(err, DialError::Handshake(HandshakeError::Refused))
}

fn dial(
    map: &Outline,
    one: &NodeOutline,
    answer: &Answer,
    err: &DialError,
    place: &impl Fn(&'static str) -> Place,
    pen: &mut Pen,
) {
    let cure = || {
        Endpoint::node(&one.node).map_or_else(
            |_| remedy::LOG.to_owned(),
            |endpoint| remedy::dial(err, &Situation { endpoint: &endpoint, tool: Tool::Map, seen_pin: None }),
        )
    };
    match err {
        err if is_refused(err) => pen.note(
            Rule::NotAsked,
            place(""),
            "TLS and certificate are right, but whether it relays was not asked: it does not admit this node",
            "an answer to the whole handshake",
            "nothing, if it is meant to admit known nodes alone; --key FILE asks as one of them",
        ),
        DialError::Tls(TlsError::Pin(PinFailure::OtherCertificate { found, .. })) => pen.note(
            Rule::PinDiffers,
            place("CertName"),
            format!("it is {}, but the node serves {found}", one.node.cert_name),
            found.to_string(),
            write(map, found),
        ),
        DialError::Tls(err @ (TlsError::Certificate { .. } | TlsError::Pin(_))) => pen.note(
            Rule::CertificateRefused,
            place("CertName"),
            err.to_string(),
            ACCEPTED,
            match &answer.shown {
                Some(pin) => write(map, pin),
                None => cure(),
            },
        ),
        err => pen.note(Rule::NodeDown, place("HostName"), err.to_string(), "a relay that answers", cure()),
    }
}

/// What a node is to show.
const ACCEPTED: &str =
    "a certificate that clients accept: by name from an authority that they know, or by its pin";

/// How a pin gets into the map.
fn write(map: &Outline, pin: &Pin) -> String {
    let line = map.line("CertName", &format!("\"{pin}\""));
    format!("if the relay prints the same pin, write {line}; if not, somebody else answers")
}

/// Writes down which relays of a region do not forward to each other, and which could not be asked.
fn meshed(
    map: &Outline,
    region: &RegionOutline,
    relays: &[&NodeOutline],
    ties: Vec<(usize, Tie)>,
    pen: &mut Pen,
) {
    let label = |place: usize| relays.get(place).map_or("", |one| one.label.as_str());
    for (place, tie) in ties {
        let Some(node) = relays.get(place) else { continue };
        match tie {
            Tie::Holds { .. } => {}
            Tie::Broken { from, to } => pen.note(
                Rule::NotMeshed,
                map.in_node(region, node, ""),
                format!(
                    "a packet from a client of node {} did not reach one of node {} within {} s",
                    label(from),
                    label(to),
                    ACROSS.as_secs()
                ),
                "relays of one region that forward to each other (a mesh): else two peers whose connections are on different \
                 ones do not meet",
                mesh::CURE,
            ),
            Tie::Unknown { why } => pen.note(
                Rule::NotAsked,
                map.in_node(region, node, ""),
                format!("whether it is meshed with the other nodes of its region could not be asked: {why}"),
                "relays of one region that forward to each other (a mesh)",
                "cure what keeps it from answering, or ask it as nodes that it admits",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the numbers of Linux: EPERM 1, ENETUNREACH 101, ECONNREFUSED 111, EHOSTUNREACH 113.
    #[cfg(target_os = "linux")]
    #[test]
    fn stun_that_is_silent_is_told_by_what_came_in_place_of_an_answer() {
        let said = |err: io::Error| {
            let mut pen = Pen::default();
            silent("203.0.113.7:3478".parse().unwrap(), &err, true, &|_| Place::default(), &mut pen);
            let finding = pen.findings.remove(0);
            (finding.rule, finding.found + "; " + &finding.cure)
        };
        for (err, rule, words) in [
            (
                io::Error::from_raw_os_error(111),
                Rule::StunSilent,
                "nothing listens|let the relay answer STUN",
            ),
            (
                io::Error::from_raw_os_error(113),
                Rule::StunSilent,
                "is rejected|nobody has that address|the relay's",
            ),
            (io::ErrorKind::TimedOut.into(), Rule::StunSilent, "no answer|firewall|-1 is none"),
            (io::ErrorKind::InvalidData.into(), Rule::StunSilent, "no answer|another program"),
            (io::Error::from_raw_os_error(101), Rule::NotAsked, "not asked|no way there|this one"),
            (io::Error::from_raw_os_error(1), Rule::NotAsked, "not asked|own firewall|this one"),
        ] {
            let (is, said) = said(err);
            assert!(is == rule && words.split('|').all(|word| said.contains(word)), "{is:?} {said}");
        }
    }
}
