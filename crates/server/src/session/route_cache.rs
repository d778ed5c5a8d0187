//! The last destinations of one connection, so that a run of packets asks the directory once; and which receivers will be
//! told of the sender's end.
//!
//! Few routes are kept on purpose: the directory is one table that all connections share and that stays in the processor's
//! cache, while a large table for each of a thousand connections would not.

use std::collections::HashMap;
use std::sync::Arc;

use wherry_switch::{Conn, ConnId, Peer, Switch};
use wherry_wire::key::NodePublic;

use super::link::Link;

/// Routes kept: more peers than most clients talk to at a time, few enough to look through.
const ROUTES: usize = 8;

/// Groups of receivers remembered, 17 bytes and a bit each: a table of 2,048 is full with them. A client that talks to more is
/// a network of its own; it starts afresh.
const GROUPS: usize = 1792;

/// Routes are valid until their peer is retired from the directory.
#[derive(Debug, Default)]
pub(super) struct RouteCache {
    /// By the time they were looked up, the oldest is replaced first; with the first bytes of their keys.
    routes: Vec<(u64, Arc<Peer<Link>>)>,
    oldest: usize,
    /// Who expects news of the sender's end, see [`Switch::heard`].
    told: Receivers,
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

    /// Has the switch note, once, that `dst` got a packet from `source`.
    pub(super) fn tell(&mut self, switch: &Switch<Link>, source: &NodePublic, dst: &Arc<Conn<Link>>) {
        if self.told.insert(dst.id()) {
            switch.heard(source, dst);
        }
    }
}

/// Conns by their numbers, 64 in a group. Those of a crowd came one after the other, so a few cache lines tell of a thousand.
#[derive(Debug, Default)]
struct Receivers {
    groups: HashMap<u64, u64>,
}

impl Receivers {
    /// Adds `conn`; says whether it is new.
    fn insert(&mut self, conn: ConnId) -> bool {
        let (group, bit) = (conn.0 / 64, 1 << (conn.0 % 64));
        if self.groups.len() >= GROUPS && !self.groups.contains_key(&group) {
            self.groups = HashMap::new();
        }
        let group = self.groups.entry(group).or_default();
        let is_new = *group & bit == 0;
        *group |= bit;
        is_new
    }
}

fn tag(key: &NodePublic) -> u64 {
    key.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_is_new_once() {
        let mut receivers = Receivers::default();
        let conns = [0, 1, 63, 64, 65, 4096, u64::MAX].map(ConnId);
        assert!(conns.iter().all(|conn| receivers.insert(*conn)));
        assert!(!conns.iter().any(|conn| receivers.insert(*conn)));
    }

    #[test]
    fn receivers_have_a_bound() {
        let mut receivers = Receivers::default();
        for conn in 0..10 * GROUPS as u64 {
            assert!(receivers.insert(ConnId(64 * conn)));
            assert!(receivers.groups.len() <= GROUPS);
        }
        let last = ConnId(64 * (10 * GROUPS as u64 - 1));
        assert!(!receivers.insert(last), "the latest are remembered");
    }
}
