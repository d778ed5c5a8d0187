//! The switch: joins and leaves, lookups, homes.

use std::collections::hash_map::Entry as Slot;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use wherry_wire::key::NodePublic;

use super::counts::Counts;
use super::listeners::{Audience, Listeners};
use super::shards::Shards;
use super::state::{Entry, News, State};
use crate::admitted::{Admitted, Gate, Role};
use crate::conn::{Conn, ConnId, JoinInfo};
use crate::conn_set::Added;
use crate::drop::DropTally;
use crate::mailbox::{MailboxLimits, MailboxTerms, MemoryBudget};
use crate::route::{Peer, Route};

/// A client sets its home right after it connects; only a later change is a move.
///
/// Source: tailscale: derp/derpserver/derpserver.go, `sclient.setPreferred`.
const SETTLING: Duration = Duration::from_secs(5);

/// Everybody who is connected to one relay, and who is reachable through its siblings. `L` is what the owner of a conn hangs
/// on it.
///
/// Methods that change something take one lock, [`Switch::peer`] and [`Switch::route`] take none.
pub struct Switch<L> {
    // Fixed.
    pub(super) server_key: NodePublic,
    terms: Arc<MailboxTerms>,
    mesh_terms: Arc<MailboxTerms>,
    // Read without a lock, written under it.
    pub(crate) directory: Shards<L>,
    // Under the lock.
    state: Mutex<State<L>>,
}

/// What a join brought about.
#[derive(Debug)]
pub struct Joined<L> {
    /// The conn, now active for its key.
    pub conn: Arc<Conn<L>>,
    /// Conns whose mailbox got a control frame by it: empty them.
    pub news: Vec<Arc<Conn<L>>>,
}

impl<L> Switch<L> {
    /// An empty switch, and the one gate to it. `server_key` is the relay's own; mailboxes take what they hold from `memory`.
    pub fn new(server_key: NodePublic, limits: MailboxLimits, memory: Arc<MemoryBudget>) -> (Self, Gate) {
        let mesh_limits = limits.clone().for_mesh();
        let switch = Self {
            server_key,
            terms: Arc::new(MailboxTerms { limits, memory: Arc::clone(&memory) }),
            mesh_terms: Arc::new(MailboxTerms { limits: mesh_limits, memory }),
            directory: Shards::new(),
            state: Mutex::new(State::new()),
        };
        (switch, Gate::new())
    }

    /// The memory that mailboxes share.
    pub fn memory(&self) -> &Arc<MemoryBudget> {
        &self.terms.memory
    }

    /// Adds a conn, which becomes the active one of its key; watchers are told.
    pub fn join(&self, admitted: Admitted, info: JoinInfo, link: L, now: Duration) -> Joined<L> {
        let mut guard = self.state();
        let state = &mut *guard;
        let id = ConnId(state.next_conn);
        state.next_conn += 1;
        let terms = match admitted.role() {
            Role::Mesh => &self.mesh_terms,
            Role::Regular => &self.terms,
        };
        let conn = Arc::new(Conn::new(id, admitted, info, link, Arc::clone(terms), now));
        state.conns.insert(id, Arc::clone(&conn));
        state.audience.join(id);

        let entry = self.entry(state, conn.key());
        let before = entry.members.len();
        entry.members.join(&conn);
        let after = entry.members.len();
        entry.publish();
        count_members(&mut state.counts, before, after);
        state.counts.dup_conns_total += u64::from(before > 0);
        state.counts.conns += 1;
        state.counts.not_ideal_conns += u64::from(conn.is_not_ideal());

        let mut news = News::new();
        state.announce_present(&conn, &mut news);
        Joined { conn, news: news.into_values().collect() }
    }

    /// Removes a conn and ends its mailbox; what was queued is counted in `drops`. Returns the conns whose mailbox got a control
    /// frame by it. Does nothing the second time.
    ///
    /// Watchers are told when the last conn of the key has left, and those who heard the peer when no sibling has it either.
    pub fn leave(&self, conn: &Arc<Conn<L>>, drops: &mut DropTally) -> Vec<Arc<Conn<L>>> {
        let mut guard = self.state();
        let state = &mut *guard;
        if state.conns.remove(&conn.id()).is_none() {
            return Vec::new();
        }
        conn.mailbox().close(drops);
        state.watchers.remove(&conn.id());
        state.audience.leave(conn.id(), conn.heard());
        state.counts.conns -= 1;
        state.counts.not_ideal_conns -= u64::from(conn.is_not_ideal());
        state.counts.home_conns -= u64::from(conn.is_home());

        let mut news = News::new();
        let Some(entry) = state.entries.get_mut(conn.key()) else { return Vec::new() };
        let before = entry.members.len();
        entry.members.leave(conn.id());
        let after = entry.members.len();
        entry.publish();
        count_members(&mut state.counts, before, after);
        if after == 0 {
            self.forget_if_unreachable(state, conn.key(), &mut news);
            state.announce_gone(conn.key(), &mut news);
        }
        news.into_values().collect()
    }

    /// Notes that a frame came from `conn`, which may make it the active one of its key. Needed only if [`Conn::is_dup`].
    pub fn note_frame(&self, conn: &Arc<Conn<L>>) {
        if !conn.is_dup() || conn.is_last_writer() {
            return;
        }
        let mut state = self.state();
        if let Some(entry) = state.entries.get_mut(conn.key())
            && entry.members.note_frame(conn.id())
        {
            entry.publish();
        }
    }

    /// Sets whether the client of `conn` calls this relay its home.
    pub fn set_home(&self, conn: &Arc<Conn<L>>, home: bool, now: Duration) {
        let mut state = self.state();
        if !state.conns.contains_key(&conn.id()) || !conn.set_home(home) {
            return;
        }
        let moved = u64::from(now.saturating_sub(conn.joined_at()) > SETTLING);
        if home {
            state.counts.home_conns += 1;
            state.counts.home_moves_in += moved;
        } else {
            state.counts.home_conns -= 1;
            state.counts.home_moves_out += moved;
        }
    }

    /// Who is to be told when `peer` is gone, for [`heard`](Self::heard). Takes the lock; keep what it returns.
    pub fn listeners(&self, peer: &NodePublic) -> Arc<Listeners> {
        self.state().audience.of(peer)
    }

    /// Notes that a packet of the peer of `listeners` was delivered to `dst`, which is therefore told once when the peer is gone
    /// from here and from the mesh. Doing it again changes nothing. It takes no lock but that of `listeners`, except for the first
    /// packet to a conn of which they have no neighbour.
    pub fn heard(&self, listeners: &Listeners, dst: &Conn<L>) {
        let added = listeners.add(dst.id());
        if added != Added::Known {
            dst.note_heard();
        }
        if added == Added::AsGroup {
            self.state().audience.sweep(Audience::PER_GROUP);
        }
    }

    /// The peer with this key, if it is here or known in the mesh. Takes no lock.
    pub fn peer(&self, key: &NodePublic) -> Option<Arc<Peer<L>>> {
        self.directory.find(key, Arc::clone)
    }

    /// Where packets for this key go; `None` if [`Self::peer`] has none. Takes no lock and leaves no mark on the peer.
    pub fn route(&self, key: &NodePublic) -> Option<Route<L>> {
        self.directory.find(key, |peer| peer.route())
    }

    /// Every conn of a key, active or not: to close them.
    pub fn peer_conns(&self, key: &NodePublic) -> Vec<Arc<Conn<L>>> {
        self.state().entries.get(key).map(|entry| entry.members.all()).unwrap_or_default()
    }

    /// Every conn, in the order they joined.
    pub fn conns(&self) -> Vec<Arc<Conn<L>>> {
        self.state().conns.values().cloned().collect()
    }

    /// Figures at this moment.
    pub fn counts(&self) -> Counts {
        let state = self.state();
        let size = |len: usize| u64::try_from(len).unwrap_or(u64::MAX);
        Counts { peers: size(state.entries.len()), watchers: size(state.watchers.len()), ..state.counts }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State<L>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The entry of `key`, made and shown to lookups if there is none.
    pub(super) fn entry<'a>(&self, state: &'a mut State<L>, key: &NodePublic) -> &'a mut Entry<L> {
        match state.entries.entry(*key) {
            Slot::Occupied(slot) => slot.into_mut(),
            Slot::Vacant(slot) => {
                let entry = slot.insert(Entry::new(*key));
                self.directory.insert(Arc::clone(&entry.peer));
                entry
            }
        }
    }

    /// Forgets `key` if it is neither here nor in the mesh, and tells those who heard it.
    pub(super) fn forget_if_unreachable(&self, state: &mut State<L>, key: &NodePublic, news: &mut News<L>) {
        let Some(entry) = state.entries.get(key) else { return };
        if entry.members.len() > 0 || entry.forwarders.preferred().is_some() {
            return;
        }
        self.directory.remove(key);
        entry.peer.retire();
        state.entries.remove(key);
        state.notify_listeners(key, news);
    }
}

/// Keeps the gauges of keys and duplicates when the conns of one key went from `before` to `after`.
fn count_members(counts: &mut Counts, before: usize, after: usize) {
    let duplicates = |len: usize| u64::try_from(if len > 1 { len } else { 0 }).unwrap_or(u64::MAX);
    counts.local_peers = counts.local_peers + u64::from(after > 0) - u64::from(before > 0);
    counts.dup_keys = counts.dup_keys + u64::from(after > 1) - u64::from(before > 1);
    counts.dup_conns = counts.dup_conns + duplicates(after) - duplicates(before);
}

impl<L> fmt::Debug for Switch<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Switch")
            .field("server_key", &self.server_key)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
