//! What is behind the switch's lock.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use wherry_wire::derp::encode;
use wherry_wire::derp::{PeerFlags, PeerGoneReason};
use wherry_wire::key::NodePublic;

use super::counts::Counts;
use super::listeners::Audience;
use super::members::Members;
use crate::admitted::Role;
use crate::conn::{Conn, ConnId};
use crate::mesh_view::Forwarders;
use crate::route::{Peer, Route};

#[derive(Debug)]
pub(crate) struct State<L> {
    /// Every key that is here or in the mesh.
    pub(crate) entries: HashMap<NodePublic, Entry<L>>,
    pub(crate) conns: BTreeMap<ConnId, Arc<Conn<L>>>,
    pub(crate) watchers: BTreeMap<ConnId, Arc<Conn<L>>>,
    pub(super) audience: Audience,
    pub(crate) counts: Counts,
    pub(super) next_conn: u64,
}

/// One key.
#[derive(Debug)]
pub(crate) struct Entry<L> {
    /// What lookups see of it.
    pub(crate) peer: Arc<Peer<L>>,
    pub(crate) members: Members<L>,
    pub(crate) forwarders: Forwarders,
}

impl<L> Entry<L> {
    pub(super) fn new(key: NodePublic) -> Self {
        let peer = Arc::new(Peer::new(key));
        Self { peer, members: Members::None, forwarders: Forwarders::None }
    }

    /// Where packets for this key go, by the rules: a local conn wins over any sibling.
    pub(crate) fn route(&self) -> Route<L> {
        if let Some(conn) = self.members.active() {
            return Route::Local(Arc::clone(conn));
        }
        if self.members.len() > 0 {
            return Route::Inactive;
        }
        self.forwarders.preferred().map_or(Route::Unknown, Route::Sibling)
    }

    /// Shows lookups where packets go now.
    pub(super) fn publish(&self) {
        self.peer.set_route(self.route());
    }
}

/// Conns whose mailbox got a control frame.
pub(super) type News<L> = BTreeMap<ConnId, Arc<Conn<L>>>;

impl<L> State<L> {
    pub(super) fn new() -> Self {
        Self {
            entries: HashMap::new(),
            conns: BTreeMap::new(),
            watchers: BTreeMap::new(),
            audience: Audience::default(),
            counts: Counts::default(),
            next_conn: 0,
        }
    }

    /// Tells every watcher that `conn` is here.
    pub(super) fn announce_present(&mut self, conn: &Conn<L>, news: &mut News<L>) {
        let mut frame = Vec::new();
        encode_present(conn, &mut frame);
        self.announce(&frame, news);
    }

    /// Tells every watcher that no conn of `key` is here any more.
    pub(super) fn announce_gone(&mut self, key: &NodePublic, news: &mut News<L>) {
        self.announce(&gone_frame(key), news);
    }

    /// Tells those who heard `key` that it is neither here nor in the mesh any more.
    pub(super) fn notify_listeners(&mut self, key: &NodePublic, news: &mut News<L>) {
        let frame = gone_frame(key);
        for id in self.audience.take(key).iter() {
            if let Some(conn) = self.conns.get(&id) {
                self.counts.notices_lost += tell(conn, &frame, news);
            }
        }
    }

    /// Tells `watcher` of every key that is here, by its active conn.
    pub(super) fn flood(&mut self, watcher: &Arc<Conn<L>>, news: &mut News<L>) {
        let mut frames = Vec::new();
        for conn in self.entries.values().filter_map(|entry| entry.members.active()) {
            encode_present(conn, &mut frames);
        }
        self.counts.notices_lost += tell(watcher, &frames, news);
    }

    /// What is wrong with who is to be told of departures, if anything.
    pub(crate) fn listeners_fault(&self) -> Option<&'static str> {
        self.audience.fault(self.conns.keys().copied())
    }

    fn announce(&mut self, frame: &[u8], news: &mut News<L>) {
        for watcher in self.watchers.values() {
            self.counts.notices_lost += tell(watcher, frame, news);
        }
    }
}

/// Puts control frames into the mailbox of `conn`; returns how many notices were lost for good.
fn tell<L>(conn: &Arc<Conn<L>>, frames: &[u8], news: &mut News<L>) -> u64 {
    let full = conn.mailbox().push_control(frames).is_err();
    let is_sibling = conn.role() == Role::Mesh;
    if full && is_sibling {
        // Its picture of who is here is wrong from now on; its owner must hear of that as of any news.
        conn.mark_overrun();
    }
    if !full || is_sibling {
        news.insert(conn.id(), Arc::clone(conn));
    }
    u64::from(full && !is_sibling)
}

fn gone_frame(key: &NodePublic) -> Vec<u8> {
    let mut frame = Vec::new();
    encode::peer_gone(&mut frame, key, PeerGoneReason::DISCONNECTED);
    frame
}

fn encode_present<L>(conn: &Conn<L>, out: &mut Vec<u8>) {
    let said = [
        (conn.role() == Role::Mesh, PeerFlags::MESH_PEER),
        (conn.is_prober(), PeerFlags::PROBER),
        (conn.is_not_ideal(), PeerFlags::NOT_IDEAL),
    ];
    let flags = said
        .into_iter()
        .filter(|(holds, _)| *holds)
        .fold(PeerFlags::from_bits(0), |flags, (_, flag)| flags.with(flag));
    // "Regular" is what no other flag says, and is never combined: tailscale: derp/derpserver/derpserver.go.
    let flags = if flags.bits() == 0 { PeerFlags::REGULAR } else { flags };
    encode::peer_present(out, conn.key(), Some(conn.addr()), flags);
}
