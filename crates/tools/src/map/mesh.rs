//! Whether the relays of a region forward to each other.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{interval, timeout};
use wherry_client::{Connection, DialError, Dialer, HandshakeError, Identity, Message, NodePrivate, Target};
use wherry_wire::derp_map::Node;
use wherry_wire::key::NodePublic;

use crate::clock::entropy;

/// How long a packet from one relay to another is waited for: relays tell each other who came within a round trip or two.
pub(crate) const ACROSS: Duration = Duration::from_secs(3);

/// How often it is sent in that time.
const AGAIN: Duration = Duration::from_millis(200);

/// Relays of a region between which packets are sent: it takes a connection for each, and as many rounds of [`ACROSS`].
const MESHED: usize = 16;

/// How a relay stands to others of its region; all are told by their places in the region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tie {
    /// Packets pass both ways between it and each relay before it, of which this is the first.
    Holds {
        /// The first.
        with: usize,
    },
    /// A packet from a client of the one did not reach a client of the other.
    Broken {
        /// The one.
        from: usize,
        /// The other.
        to: usize,
    },
    /// It could not be asked.
    Unknown {
        /// Why not.
        why: String,
    },
}

/// A client on a relay.
struct End {
    place: usize,
    connection: Connection,
    me: Identity,
}

/// Sends packets from each relay to each other; the relays by their places, each with what came of it and those before it.
///
/// `keys` are those of nodes that the relays admit, for relays that admit no random key. It takes one for each: with one key
/// at two ends each relay would find the receiver among its own clients.
pub(crate) async fn ties(dialer: &Dialer, nodes: &[&Node], keys: &[NodePrivate]) -> Vec<(usize, Tie)> {
    let (mut ties, mut ends) = (Vec::new(), VecDeque::new());
    let mut spare = keys.iter();
    for (place, node) in nodes.iter().enumerate() {
        let unknown = match enter(dialer, node, &mut spare).await {
            Ok(_) if ends.len() == MESHED => format!("no more than {MESHED} relays of a region are tried"),
            Ok((connection, me)) => {
                ends.push_back(End { place, connection, me });
                continue;
            }
            Err(NoEntry::Closed) if keys.is_empty() => {
                "it admits no random key; give the keys of nodes that it admits, one for each relay: --key FILE".to_owned()
            }
            Err(NoEntry::Closed) => {
                "it admits no random key, and those that were given are refused or in use at others; give --key FILE once \
                 for each relay"
                    .to_owned()
            }
            Err(NoEntry::Failed(why)) => format!("it takes no connection from here: {why}"),
        };
        ties.push((place, Tie::Unknown { why: unknown }));
    }
    ties.extend(between(ends).await);
    ties.sort_by_key(|(place, _)| *place);
    ties
}

/// How the relays stand to each other, each but the first with what came of it and those before it.
async fn between(mut ends: VecDeque<End>) -> Vec<(usize, Tie)> {
    let places: Vec<usize> = ends.iter().map(|end| end.place).collect();
    let mut lost = BTreeSet::new();
    // Each comes to the front once.
    for _ in 0..ends.len() {
        let Some(mut to) = ends.pop_front() else { break };
        match silent(&mut to, &ends).await {
            Ok(silent) => lost.extend(silent.into_iter().map(|from| (from, to.place))),
            Err(why) => {
                return places.into_iter().map(|place| (place, Tie::Unknown { why: why.clone() })).collect();
            }
        }
        ends.push_back(to);
    }
    // Once is enough of two that lose each other's packets.
    let is_said = |(from, to): &(usize, usize)| from > to && lost.contains(&(*to, *from));
    let broken = |place: usize| {
        let of_it = lost.iter().filter(move |(from, to)| place == *from.max(to));
        of_it.filter(|pair| !is_said(pair)).map(|(from, to)| Tie::Broken { from: *from, to: *to }).collect()
    };
    let of_one = |(place, with): (&usize, usize)| {
        let broken: Vec<_> = broken(*place);
        let ties = if broken.is_empty() { vec![Tie::Holds { with }] } else { broken };
        ties.into_iter().map(|tie| (*place, tie)).collect::<Vec<_>>()
    };
    let first = places.first().copied().unwrap_or_default();
    places.iter().skip(1).map(|place| (place, first)).flat_map(of_one).collect()
}

/// Why there is no client on a relay.
enum NoEntry {
    /// It admits no key that there is.
    Closed,
    Failed(String),
}

/// Connects as a stranger, else with the next key that is left.
async fn enter<'a>(
    dialer: &Dialer,
    node: &Node,
    keys: &mut impl Iterator<Item = &'a NodePrivate>,
) -> Result<(Connection, Identity), NoEntry> {
    let target = Target::node(node).map_err(|err| NoEntry::Failed(err.to_string()))?;
    let stranger = Identity::throw_away().map_err(|err| NoEntry::Failed(err.to_string()))?;
    match dialer.connect(&target, &stranger).await {
        Ok(connection) => return Ok((connection, stranger)),
        Err(DialError::Handshake(HandshakeError::Refused)) => {}
        Err(err) => return Err(NoEntry::Failed(err.to_string())),
    }
    let me = Identity::new(keys.next().ok_or(NoEntry::Closed)?.clone());
    match dialer.connect(&target, &me).await {
        Ok(connection) => Ok((connection, me)),
        Err(DialError::Handshake(HandshakeError::Refused)) => Err(NoEntry::Closed),
        Err(err) => Err(NoEntry::Failed(err.to_string())),
    }
}

/// The places of the others from which no packet comes out at `to`.
///
/// # Errors
/// Why the packets could not be told apart.
async fn silent(to: &mut End, others: &VecDeque<End>) -> Result<Vec<usize>, String> {
    let dst = to.me.public();
    // A mark for each pair: what is still under way from another is no sign of this one.
    let marks = others.iter().map(|_| entropy::<16>()).collect::<Result<Vec<_>, _>>();
    let marks = marks.map_err(|err| err.to_string())?;
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
    Ok(silent.into_iter().map(|(from, _)| from.place).collect())
}

/// Sends the same packet again and again.
async fn repeat(from: &End, dst: &NodePublic, packet: &[u8]) {
    let mut ticks = interval(AGAIN);
    loop {
        ticks.tick().await;
        // The relay's limit on packets may say no once; a broken connection shows at the other end.
        drop(from.connection.send(dst, packet).await);
    }
}

#[cfg(test)]
#[path = "mesh_tests.rs"]
mod tests;
