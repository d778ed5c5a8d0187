//! The destinations of one connection, so that the directory is asked once and not per read, and so that it is known
//! which receivers will be told of the sender's end.

use std::collections::HashMap;
use std::sync::Arc;

use wherry_switch::{ConnId, Peer, Switch};
use wherry_wire::key::NodePublic;

use super::link::Link;

/// Destinations kept, about 64 bytes each. A client that talks to more is a network of its own; it starts afresh.
const KEPT: usize = 1024;

/// Entries are valid until their peer is retired from the directory.
#[derive(Debug, Default)]
pub(super) struct RouteCache {
    entries: HashMap<NodePublic, Entry>,
}

#[derive(Debug)]
pub(super) struct Entry {
    /// Where the peer's connections are to be found.
    pub(super) peer: Arc<Peer<Link>>,
    /// The connection that was last told to expect news of the sender's end, see [`Switch::heard`].
    pub(super) told: Option<ConnId>,
}

impl RouteCache {
    /// The entry of `key`, from here or from the directory; `None` if no such peer is known.
    pub(super) fn find(&mut self, switch: &Switch<Link>, key: &NodePublic) -> Option<&mut Entry> {
        let known = self.entries.get(key).is_some_and(|entry| !entry.peer.retired());
        if !known {
            self.entries.remove(key);
            if self.entries.len() >= KEPT {
                self.entries = HashMap::new();
            }
            let entry = Entry { peer: switch.peer(key)?, told: None };
            self.entries.insert(*key, entry);
        }
        self.entries.get_mut(key)
    }
}
