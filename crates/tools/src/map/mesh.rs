//! Whether the relays of a region forward to each other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use tokio::time::{interval, timeout};
use wherry_client::{Connection, DialError, Dialer, HandshakeError, Identity, Message, NodePrivate, Target};
use wherry_wire::derp_map::Node;
use wherry_wire::key::NodePublic;

use crate::clock::entropy;

/// How long a packet from one relay to another is waited for: relays tell each other who came within a round trip or two.
pub(crate) const ACROSS: Duration = Duration::from_secs(3);

/// What can be done about relays of one region that do not forward to each other.
pub(crate) const CURE: &str = "give each a region of its own, one node in each, or mesh them (derper: one -mesh-psk-file for both, and \
                               each -mesh-with the other; a wherry lets siblings in and dials none yet)";

/// How often it is sent in that time.
const AGAIN: Duration = Duration::from_millis(200);

/// Relays of a region between which packets are sent: it takes a connection for each, and as many rounds of [`ACROSS`].
const MESHED: usize = 16;

/// Relays of a region that are dialled at a time.
const AT_ONCE: usize = 4;

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
    /// It could not be asked, or its connection broke meanwhile.
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
    let tried = nodes.iter().take(MESHED);
    let strangers = tried.map(async |node| (*node, as_stranger(dialer, node).await));
    let strangers: Vec<_> = stream::iter(strangers).buffered(AT_ONCE).collect().await;
    // In turn: who has a key is known only when the one before has been heard.
    let mut pool: Vec<_> = keys.iter().collect();
    for (place, (node, stranger)) in strangers.into_iter().enumerate() {
        let entered = match stranger {
            Err(NoEntry::Closed) => with_a_key(dialer, node, &mut pool).await,
            other => other,
        };
        match entered {
            Ok((connection, me)) => ends.push_back(End { place, connection, me }),
            Err(no) => ties.push((place, Tie::Unknown { why: no.why(keys) })),
        }
    }
    let untried = format!("no more than {MESHED} relays of a region are tried");
    ties.extend((MESHED..nodes.len()).map(|place| (place, Tie::Unknown { why: untried.clone() })));
    ties.extend(between(ends).await);
    ties.sort_by_key(|(place, _)| *place);
    ties
}

/// How the relays stand to each other, each but the first with what came of it and those before it; one whose connection
/// breaks is not known.
async fn between(mut ends: VecDeque<End>) -> Vec<(usize, Tie)> {
    let places: Vec<usize> = ends.iter().map(|end| end.place).collect();
    let (mut lost, mut ended) = (BTreeSet::new(), BTreeMap::new());
    // Each comes to the front once, but those that are gone by then.
    for place in &places {
        let Some(mut to) = ends.pop_front_if(|end| end.place == *place) else { continue };
        match silent(&mut to, &ends).await {
            Ok(Heard { silent, gone }) => {
                lost.extend(silent.into_iter().map(|from| (from, to.place)));
                ended.extend(gone);
            }
            Err(why) => {
                return places.into_iter().map(|place| (place, Tie::Unknown { why: why.clone() })).collect();
            }
        }
        ends.push_back(to);
        ends.retain(|end| !ended.contains_key(&end.place));
    }
    // What did not pass by an end that is gone is no sign of the other.
    lost.retain(|(from, to)| !ended.contains_key(from) && !ended.contains_key(to));
    // Once is enough of two that lose each other's packets.
    let is_said = |(from, to): &(usize, usize)| from > to && lost.contains(&(*to, *from));
    let broken = |place: usize| {
        let of_it = lost.iter().filter(move |(from, to)| place == *from.max(to));
        of_it.filter(|pair| !is_said(pair)).map(|(from, to)| Tie::Broken { from: *from, to: *to }).collect()
    };
    let of_one = |(place, with): (usize, usize)| {
        let broken: Vec<_> = broken(place);
        let ties = if broken.is_empty() { vec![Tie::Holds { with }] } else { broken };
        ties.into_iter().map(|tie| (place, tie)).collect::<Vec<_>>()
    };
    let mut living = places.iter().copied().filter(|place| !ended.contains_key(place));
    let first = living.next().unwrap_or_default();
    let mut ties: Vec<_> = living.map(|place| (place, first)).flat_map(of_one).collect();
    ties.extend(ended.iter().map(|(place, why)| {
        (*place, Tie::Unknown { why: format!("its connection ended while packets were sent: {why}") })
    }));
    ties.sort_by_key(|(place, _)| *place);
    ties
}

/// Why there is no client on a relay.
enum NoEntry {
    /// It admits no key that there is.
    Closed,
    Failed(String),
}

impl NoEntry {
    fn why(self, keys: &[NodePrivate]) -> String {
        match self {
            Self::Closed if keys.is_empty() => {
                "it admits no random key; give the keys of nodes that it admits, one for each relay: --key FILE".to_owned()
            }
            Self::Closed => {
                "it admits no random key, and those that were given are refused or in use at others; give --key FILE once \
                 for each relay"
                    .to_owned()
            }
            Self::Failed(why) => format!("it takes no connection from here: {why}"),
        }
    }
}

async fn as_stranger(dialer: &Dialer, node: &Node) -> Result<(Connection, Identity), NoEntry> {
    let stranger = Identity::throw_away().map_err(|err| NoEntry::Failed(err.to_string()))?;
    enter(dialer, node, stranger).await
}

/// Connects with the first key of the pool that is admitted, and takes it out; the others stay for the next relay.
async fn with_a_key(
    dialer: &Dialer,
    node: &Node,
    pool: &mut Vec<&NodePrivate>,
) -> Result<(Connection, Identity), NoEntry> {
    for (at, key) in pool.iter().enumerate() {
        match enter(dialer, node, Identity::new((*key).clone())).await {
            Err(NoEntry::Closed) => {}
            Ok(entered) => {
                pool.remove(at);
                return Ok(entered);
            }
            Err(failed) => return Err(failed),
        }
    }
    Err(NoEntry::Closed)
}

async fn enter(dialer: &Dialer, node: &Node, me: Identity) -> Result<(Connection, Identity), NoEntry> {
    let target = Target::node(node).map_err(|err| NoEntry::Failed(err.to_string()))?;
    match dialer.connect(&target, &me).await {
        Ok(connection) => Ok((connection, me)),
        Err(DialError::Handshake(HandshakeError::Refused)) => Err(NoEntry::Closed),
        Err(err) => Err(NoEntry::Failed(err.to_string())),
    }
}

/// What came out at one end.
struct Heard {
    /// The places of the others from which no packet came.
    silent: Vec<usize>,
    /// The places of ends whose connections are gone, and why.
    gone: Vec<(usize, String)>,
}

/// Sends packets from the others to `to`, and hears which arrive.
///
/// # Errors
/// Why the packets could not be told apart.
async fn silent(to: &mut End, others: &VecDeque<End>) -> Result<Heard, String> {
    let dst = to.me.public();
    // A mark for each pair: what is still under way from another is no sign of this one.
    let marks = others.iter().map(|_| entropy::<16>()).collect::<Result<Vec<_>, _>>();
    let marks = marks.map_err(|err| err.to_string())?;
    let gone = Mutex::new(Vec::new());
    let leave =
        |place: usize, why: String| gone.lock().unwrap_or_else(PoisonError::into_inner).push((place, why));
    let sending = join_all(others.iter().zip(&marks).map(async |(from, mark)| {
        leave(from.place, repeat(from, &dst, mark).await);
    }));
    let mut silent: Vec<_> = others.iter().zip(&marks).collect();
    let place = to.place;
    let arriving = async {
        while !silent.is_empty() {
            match to.connection.recv().await {
                Ok(Message::Packet { src, packet }) => {
                    silent.retain(|(from, mark)| from.me.public() != src || packet != mark.as_slice());
                }
                Ok(_) => {}
                Err(err) => return leave(place, err.to_string()),
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
    let silent = silent.into_iter().map(|(from, _)| from.place).collect();
    Ok(Heard { silent, gone: gone.into_inner().unwrap_or_else(PoisonError::into_inner) })
}

/// Sends the same packet again and again, until the connection is gone; why it is.
async fn repeat(from: &End, dst: &NodePublic, packet: &[u8]) -> String {
    let mut ticks = interval(AGAIN);
    loop {
        ticks.tick().await;
        // The relay's limit on packets may say no once.
        if let Err(err) = from.connection.send(dst, packet).await {
            return err.to_string();
        }
    }
}

#[cfg(test)]
#[path = "mesh_tests.rs"]
mod tests;
