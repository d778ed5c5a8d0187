//! The switch's part in a mesh: siblings that watch, and siblings that have peers.

use std::sync::Arc;

use wherry_wire::key::NodePublic;

use super::state::News;
use super::switch::Switch;
use crate::admitted::Role;
use crate::conn::Conn;
use crate::mesh_view::{Change, SiblingId};

impl<L> Switch<L> {
    /// Tells `conn` of every key that is here (its own included), and from now on of every conn that joins and every key that
    /// leaves. Asked again, it tells everything again. Returns `conn` if its mailbox got a control frame.
    ///
    /// Ignored from a conn that is not a sibling's, and from the relay's own key: a relay that is among its own siblings would
    /// forward to itself.
    pub fn watch(&self, conn: &Arc<Conn<L>>) -> Vec<Arc<Conn<L>>> {
        let mut guard = self.state();
        let state = &mut *guard;
        let is_here = state.conns.contains_key(&conn.id());
        if !is_here || conn.role() != Role::Mesh || *conn.key() == self.server_key {
            return Vec::new();
        }
        let mut news = News::new();
        state.flood(conn, &mut news);
        state.watchers.insert(conn.id(), Arc::clone(conn));
        news.into_values().collect()
    }

    /// Notes that `sibling` has the peer `key`. Packets for it go there as long as it is not here, and as no sibling that had it
    /// earlier still does.
    pub fn add_forwarder(&self, key: &NodePublic, sibling: SiblingId) {
        let mut guard = self.state();
        let state = &mut *guard;
        let entry = self.entry(state, key);
        let change = entry.forwarders.add(sibling);
        entry.publish();
        state.counts.multiforwarder_created += u64::from(change == Change::BecameMany);
    }

    /// Notes that `sibling` does not have the peer `key` any more. Returns the conns whose mailbox got a control frame: those
    /// who heard the peer are told if it is now neither here nor in the mesh.
    pub fn remove_forwarder(&self, key: &NodePublic, sibling: SiblingId) -> Vec<Arc<Conn<L>>> {
        let mut guard = self.state();
        let state = &mut *guard;
        let Some(entry) = state.entries.get_mut(key) else { return Vec::new() };
        let change = entry.forwarders.remove(sibling);
        entry.publish();
        match change {
            Change::BecameOne => state.counts.multiforwarder_deleted += 1,
            Change::OtherValue => state.counts.forwarder_delete_other_value += 1,
            Change::Nothing | Change::Changed | Change::BecameMany => {}
        }
        let mut news = News::new();
        self.forget_if_unreachable(state, key, &mut news);
        news.into_values().collect()
    }
}
