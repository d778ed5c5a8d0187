//! The last destinations of one connection, so that a run of packets asks the directory once; and who is to be
//! told of the sender's end.
//!
//! Few routes are kept on purpose: the directory is one table that all connections share and that stays in the processor's
//! cache, while a large table for each of a thousand connections would not.

use std::sync::Arc;

use wherry_switch::{Conn, Listeners, Peer, Switch};
use wherry_wire::key::NodePublic;

use super::link::Link;

/// Routes kept: more peers than most clients talk to at a time, few enough to look through.
const ROUTES: usize = 8;

/// Routes are valid until their peer is retired from the directory.
#[derive(Debug, Default)]
pub(super) struct RouteCache {
    /// By the time they were looked up, the oldest is replaced first; with the first bytes of their keys.
    routes: Vec<(u64, Arc<Peer<Link>>)>,
    oldest: usize,
    /// Of the sender; looked up for its first packet to a connection of this relay.
    listeners: Option<Arc<Listeners>>,
}

impl RouteCache {
    /// Where the connections of `key` are to be found, from here or from the directory; `None` if no such peer is known.
    pub(super) fn find(&mut self, switch: &Switch<Link>, key: &NodePublic) -> Option<&Arc<Peer<Link>>> {
        let tag = tag(key);
        let known = self.routes.iter().position(|(other, peer)| *other == tag && peer.key() == key);
        let at = match known {
            Some(at) if !self.routes.get(at)?.1.retired() => at,
            Some(at) => {
                self.routes.swap_remove(at);
                self.look_up(switch, key, tag)?
            }
            None => self.look_up(switch, key, tag)?,
        };
        self.routes.get(at).map(|(_, peer)| peer)
    }

    fn look_up(&mut self, switch: &Switch<Link>, key: &NodePublic, tag: u64) -> Option<usize> {
        let route = (tag, switch.peer(key)?);
        if self.routes.len() < ROUTES {
            self.routes.push(route);
            return Some(self.routes.len() - 1);
        }
        self.oldest = (self.oldest + 1) % ROUTES;
        let place = self.routes.get_mut(self.oldest)?;
        *place = route;
        Some(self.oldest)
    }

    /// Has the switch note that `dst` got a packet from `sender`, whose routes these are.
    pub(super) fn tell(&mut self, switch: &Switch<Link>, sender: &NodePublic, dst: &Conn<Link>) {
        switch.heard(self.listeners.get_or_insert_with(|| switch.listeners(sender)), dst);
    }
}

fn tag(key: &NodePublic) -> u64 {
    key.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
