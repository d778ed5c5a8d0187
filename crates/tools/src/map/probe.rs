//! Asking the nodes of a map what only they know.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};
use wherry_client::{
    Connection, DialError, Dialer, Endpoint, HandshakeError, Identity, Message, Pin, PinFailure, Target,
    TlsError,
};
use wherry_wire::derp_map::Node;
use wherry_wire::key::NodePublic;

use super::ask::{self, shown_pin};
use super::check::Checked;
use super::finding::{Place, Rule};
use super::judge::{Way, way};
use super::outline::{NodeOutline, Outline, Pen, RegionOutline};
use crate::clock::entropy;
use crate::remedy::{self, Situation, Tool};

/// Nodes that are asked at a time.
const AT_ONCE: usize = 16;

/// How long a packet from one node to another is waited for: relays tell each other who came within a round trip or two.
const ACROSS: Duration = Duration::from_secs(3);

/// How often it is sent in that time.
const AGAIN: Duration = Duration::from_millis(200);

/// Relays of a region between which packets are sent: it takes a connection for each, and as many rounds of [`ACROSS`].
const MESHED: usize = 16;

/// What asking a node gave.
struct Answer {
    dial: Option<Result<Connection, DialError>>,
    /// The pin of the certificate that it shows, where that was refused.
    shown: Option<Pin>,
    /// The key of the connection.
    me: Option<Identity>,
    stun: Option<Result<(), String>>,
}

/// Asks every node of the map, as a client would, and writes down what is wrong: nodes that do not answer, certificates
/// that are other than the map says, STUN that is silent, nodes of a region that do not forward to each other.
/// A map that its readers refuse whole is not asked: no client dials it.
pub async fn probe(checked: &mut Checked, dialer: &Dialer) {
    if checked.is_refused() {
        return;
    }
    let Some(map) = checked.outline.take() else { return };
    let mut answers = ask_all(&map, dialer).await;
    let mut pen = Pen::default();
    for (number, (region, node)) in (0_usize..).zip(map.nodes()) {
        if let Some(answer) = answers.get(&number) {
            judge(&map, region, node, answer, &mut pen);
        }
    }
    let mut number = 0;
    let mut open = BTreeSet::new();
    for (region, _) in map.live() {
        let numbers = number..number + region.nodes.len();
        number = numbers.end;
        let relays: Vec<_> =
            region.nodes.iter().zip(numbers).filter(|(node, _)| !node.node.stun_only).collect();
        if relays.len() > 1 && !meshed(&map, region, &relays, &mut answers, &mut pen).await {
            open.insert(Some(region.key));
        }
    }
    // What was a question is answered, but for pairs of relays that were not tried.
    checked.findings.retain(|finding| match finding.rule {
        Rule::MustBeMeshed => open.contains(&finding.place.region),
        Rule::BareAddress => false,
        _ => true,
    });
    checked.outline = Some(map);
    checked.add(pen);
}

async fn ask_all(map: &Outline, dialer: &Dialer) -> BTreeMap<usize, Answer> {
    let mut waiting: Vec<(usize, Node)> = (0..).zip(map.nodes().map(|(_, node)| node.node.clone())).collect();
    waiting.reverse();
    let mut answers = BTreeMap::new();
    let mut under_way = JoinSet::new();
    loop {
        while under_way.len() < AT_ONCE
            && let Some((number, node)) = waiting.pop()
        {
            let dialer = dialer.clone();
            under_way.spawn(async move { (number, ask(&node, &dialer).await) });
        }
        match under_way.join_next().await {
            Some(Ok((number, answer))) => drop(answers.insert(number, answer)),
            // What breaks while asking says nothing about the node.
            Some(Err(_)) => {}
            None => return answers,
        }
    }
}

async fn ask(node: &Node, dialer: &Dialer) -> Answer {
    let me = Identity::throw_away().ok();
    let mut answer = Answer { dial: None, shown: None, me: None, stun: None };
    let mut addr = None;
    // What cannot be dialled at all has been said of the text.
    if let (Ok(target), Some(me)) = (Target::node(node), me) {
        let dial = dialer.connect(&target, &me).await;
        let is_tls = matches!(dial, Err(DialError::Tls(_)));
        if let Some(endpoint) = Endpoint::node(node).ok().filter(|_| is_tls) {
            answer.shown = shown_pin(dialer, &endpoint).await;
        }
        addr = dial.as_ref().ok().map(|connection| connection.addr().ip());
        answer.dial = Some(dial);
        answer.me = Some(me);
    }
    if let Some(port) = node.stun_udp_port() {
        answer.stun = stun(node, addr, port).await;
    }
    answer
}

/// Asks for STUN where clients do; none if there is no address to ask.
async fn stun(node: &Node, reached: Option<IpAddr>, port: u16) -> Option<Result<(), String>> {
    let fixed = match way(node) {
        [Way::Fixed(ip), _] | [_, Way::Fixed(ip)] => Some(ip),
        _ => None,
    };
    let ip = match node.stun_test_ip.parse().ok().or(reached).or(fixed) {
        Some(ip) => ip,
        None => tokio::net::lookup_host((node.host_name.as_str(), port)).await.ok()?.next()?.ip(),
    };
    let server = SocketAddr::new(ip, port);
    Some(ask::stun(server).await.map(drop).map_err(|err| format!("{server}/udp: {err}")))
}

fn judge(map: &Outline, region: &RegionOutline, one: &NodeOutline, answer: &Answer, pen: &mut Pen) {
    let place = |field| map.in_node(region, one, field);
    if let Some(Err(err)) = &answer.dial {
        dial(map, one, answer, err, &place, pen);
    }
    let is_serving = !matches!(&answer.dial, Some(Err(err)) if !is_refused(err));
    if let Some(Err(why)) = &answer.stun {
        let cure = match is_serving {
            true => {
                "open the port in the host's firewall and in the provider's, or correct STUNPort (-1 is none)"
            }
            false => "cure what is wrong with the relay first: one that cannot serve keeps silent",
        };
        pen.note(
            Rule::StunSilent,
            place("STUNPort"),
            format!("no answer to STUN: {why}"),
            "an answer to STUN",
            cure,
        );
    }
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
    let write = |pin: &Pin| {
        format!(
            "if the relay prints the same pin, write {}; if not, somebody else answers",
            map.line("CertName", &format!("\"{pin}\""))
        )
    };
    match err {
        err if is_refused(err) => pen.note(
            Rule::NotAsked,
            place(""),
            "TLS and certificate are right, but the relay does not admit a node that nobody knows",
            "an answer to the whole handshake",
            "nothing, if it is meant to admit known nodes alone; wherry ping --key asks as one of them",
        ),
        DialError::Tls(TlsError::Pin(PinFailure::OtherCertificate { found, .. })) => pen.note(
            Rule::PinDiffers,
            place("CertName"),
            format!("it is {}, but the node serves {found}", one.node.cert_name),
            found.to_string(),
            write(found),
        ),
        DialError::Tls(err @ (TlsError::Certificate { .. } | TlsError::Pin(_))) => pen.note(
            Rule::CertificateRefused,
            place("CertName"),
            err.to_string(),
            "a certificate that clients accept: by name from an authority that they know, or by its pin",
            match &answer.shown {
                Some(pin) => write(pin),
                None => "get a certificate from a known authority, or pin a self-signed one".to_owned(),
            },
        ),
        err => {
            let cure = Endpoint::node(&one.node).map_or_else(
                |_| remedy::LOG.to_owned(),
                |endpoint| {
                    remedy::dial(err, &Situation { endpoint: &endpoint, tool: Tool::Map, seen_pin: None })
                },
            );
            pen.note(Rule::NodeDown, place("HostName"), err.to_string(), "a relay that answers", cure);
        }
    }
}

/// One relay of a region, connected to.
struct End<'a> {
    /// Its number among the ends of the region.
    number: usize,
    node: &'a NodeOutline,
    connection: Connection,
    me: Identity,
}

/// Sends packets from each relay of a region to each other; whether every pair of them was tried.
async fn meshed(
    map: &Outline,
    region: &RegionOutline,
    relays: &[(&NodeOutline, usize)],
    answers: &mut BTreeMap<usize, Answer>,
    pen: &mut Pen,
) -> bool {
    let mut ends = VecDeque::new();
    for (node, number) in relays {
        let answer = answers.remove(number);
        match answer.and_then(|answer| Some((answer.dial?.ok()?, answer.me?))) {
            Some((connection, me)) => ends.push_back(End { number: ends.len(), node, connection, me }),
            None => pen.note(
                Rule::NotAsked,
                map.in_node(region, node, ""),
                "whether it is meshed with the other nodes of its region could not be asked, for it takes no connection from here",
                "relays of one region that forward to each other (a mesh)",
                "cure what keeps it from answering, or ask it as a node that it admits",
            ),
        }
    }
    ends.truncate(MESHED);
    let mut is_whole = ends.len() == relays.len();
    let mut lost = BTreeSet::new();
    // Each comes to the front once, so that in the end they stand by number again.
    for _ in 0..ends.len() {
        let Some(mut to) = ends.pop_front() else { break };
        match silent(&mut to, &ends).await {
            Some(silent) => lost.extend(silent.into_iter().map(|from| (from, to.number))),
            None => is_whole = false,
        }
        ends.push_back(to);
    }
    let is_said = |(from, to): &(usize, usize)| from > to && lost.contains(&(*to, *from));
    for (from, to) in lost.iter().filter(|pair| !is_said(pair)) {
        let [Some(from), Some(to), Some(later)] = [from, to, from.max(to)].map(|number| ends.get(*number))
        else {
            continue;
        };
        pen.note(
            Rule::NotMeshed,
            map.in_node(region, later.node, ""),
            format!(
                "a packet from a client of node {} did not reach one of node {} within 3 s",
                from.node.label, to.node.label
            ),
            "relays of one region that forward to each other (a mesh): else two peers whose connections are on different \
             ones do not meet",
            "mesh them (one key for both, each dialling the other), or give each a region of its own",
        );
    }
    is_whole
}

/// The numbers of the others from which no packet comes out at `to`; none if the packets could not be told apart.
async fn silent(to: &mut End<'_>, others: &VecDeque<End<'_>>) -> Option<Vec<usize>> {
    let dst = to.me.public();
    // A mark for each pair: what is still under way from another is no sign of this one.
    let marks = others.iter().map(|_| entropy::<16>()).collect::<Result<Vec<_>, _>>().ok()?;
    let sending = join_all(others.iter().zip(&marks).map(|(from, mark)| repeat(from, &dst, mark)));
    let mut silent: Vec<_> = others.iter().zip(&marks).collect();
    let arriving = async {
        while !silent.is_empty() {
            match to.connection.recv().await {
                Ok(Message::Packet { src, packet }) => {
                    silent.retain(|(from, mark)| from.me.public() != src || packet != mark.as_slice());
                }
                Ok(_) => {}
                Err(_) => return,
            }
        }
    };
    let arrived = async {
        tokio::select! {
            () = arriving => {}
            _ = sending => {}
        }
    };
    // What has not come by then is silent.
    drop(timeout(ACROSS, arrived).await);
    Some(silent.into_iter().map(|(from, _)| from.number).collect())
}

/// Sends the same packet again and again.
async fn repeat(from: &End<'_>, dst: &NodePublic, packet: &[u8]) {
    let mut ticks = interval(AGAIN);
    loop {
        ticks.tick().await;
        // The relay's limit on packets may say no once; a broken connection shows at the other end.
        drop(from.connection.send(dst, packet).await);
    }
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod tests;
