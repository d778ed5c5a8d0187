//! Who is to be told when a peer is gone: every conn that heard it, once for each such conn and peer, ever.
//!
//! A pair of conn and peer costs about 8 bytes as long as the conn is here, the first few 12 each, and 8 more until it was told. In a crowd each
//! packet may be a pair's first: noting one searches and moves nothing.
//!
//! Source: tailscale: derp/derpserver/derpserver.go, `peerGoneWatchers` and `sclient.noteSendFromSrc`.

use std::collections::{HashMap, HashSet};

use wherry_wire::key::NodePublic;

use crate::conn::ConnId;

#[derive(Debug, Default)]
pub(super) struct Listeners {
    /// For each conn the sources it ever heard, as places in `sources`.
    heard: HashMap<ConnId, HashSet<u32>>,
    places: HashMap<NodePublic, u32>,
    sources: Vec<Source>,
    /// Places in `sources` that nobody points to.
    free: Vec<u32>,
}

#[derive(Debug)]
struct Source {
    key: NodePublic,
    /// Conns to be told, and some that have left.
    waiting: Vec<ConnId>,
    /// Conns that ever heard it and are still here.
    held_by: u32,
}

impl Source {
    /// Conns that left and may still be waiting, beside as many as are here.
    const LEFT: usize = 16;

    /// Whether it is time to weed. Sources of a crowd lose their conns together: by their `place` they are not all weeded when
    /// the same one leaves.
    fn has_many_that_left(&self, place: u32) -> bool {
        let [here, place] = [self.held_by, place % 64].map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        let spread = here.saturating_mul(place) / 64;
        self.waiting.len() > here.saturating_mul(2).saturating_add(spread).saturating_add(Self::LEFT)
    }
}

impl Listeners {
    /// `conn` heard `source`. Does nothing if it did before.
    pub(super) fn note(&mut self, conn: ConnId, source: &NodePublic) {
        let Some(place) = self.place_of(source) else { return };
        // Whoever heard it before was told already or waits for it.
        if self.heard.entry(conn).or_default().insert(place)
            && let Some(source) = self.source_mut(place)
        {
            source.held_by += 1;
            source.waiting.push(conn);
        }
    }

    /// `source` is gone: who is to be told, if still here. They are not told again.
    pub(super) fn take(&mut self, source: &NodePublic) -> Vec<ConnId> {
        let place = self.places.get(source).copied();
        place
            .and_then(|place| self.source_mut(place))
            .map(|source| std::mem::take(&mut source.waiting))
            .unwrap_or_default()
    }

    /// `conn` left: forgets what it heard.
    pub(super) fn forget(&mut self, conn: ConnId) {
        for place in self.heard.remove(&conn).unwrap_or_default() {
            let place_of = usize::try_from(place).ok();
            let Some(source) = place_of.and_then(|place| self.sources.get_mut(place)) else { continue };
            source.held_by -= 1;
            if source.held_by == 0 {
                let key = source.key;
                source.waiting = Vec::new();
                self.places.remove(&key);
                self.free.push(place);
            } else if source.has_many_that_left(place) {
                source.waiting.retain(|conn| self.heard.contains_key(conn));
            }
        }
    }

    /// What is wrong with it, if anything; `is_here` tells which conns joined and did not leave.
    pub(super) fn fault(&self, is_here: impl Fn(ConnId) -> bool) -> Option<&'static str> {
        let mut held = vec![0_u32; self.sources.len()];
        for (conn, heard) in &self.heard {
            if !is_here(*conn) {
                return Some("a conn that left is kept as a listener");
            }
            for place in heard {
                match usize::try_from(*place).ok().and_then(|place| held.get_mut(place)) {
                    Some(count) => *count += 1,
                    None => return Some("a conn heard a source that is not there"),
                }
            }
        }
        for ((place, source), held) in (0..).zip(&self.sources).zip(held) {
            // A free place keeps the key it had, which may have another place by now.
            let is_used = self.places.get(&source.key) == Some(&place);
            if held != source.held_by || is_used != (held > 0) {
                return Some("a source is kept that nobody heard");
            }
            let heard = |conn| self.heard.get(conn).is_some_and(|heard| heard.contains(&place));
            if source.waiting.iter().any(|conn| is_here(*conn) && !heard(conn)) {
                return Some("somebody is to be told of a source it never heard");
            }
            if source.has_many_that_left(place) {
                return Some("a source keeps conns that left");
            }
        }
        (self.places.len() + self.free.len() != self.sources.len())
            .then_some("a source is neither used nor free")
    }

    /// The place of `source`, made if it has none. `None` only beyond four billion sources.
    fn place_of(&mut self, source: &NodePublic) -> Option<u32> {
        if let Some(place) = self.places.get(source) {
            return Some(*place);
        }
        let fresh = Source { key: *source, waiting: Vec::new(), held_by: 0 };
        let place = match self.free.pop() {
            Some(place) => {
                *self.source_mut(place)? = fresh;
                place
            }
            None => {
                let place = u32::try_from(self.sources.len()).ok()?;
                self.sources.push(fresh);
                place
            }
        };
        self.places.insert(*source, place);
        Some(place)
    }

    fn source_mut(&mut self, place: u32) -> Option<&mut Source> {
        self.sources.get_mut(usize::try_from(place).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conns_that_come_and_go_leave_nothing_behind() {
        let source = NodePublic::from_bytes([7; 32]);
        let mut listeners = Listeners::default();
        let stays = ConnId(0);
        listeners.note(stays, &source);
        for conn in (1..1000).map(ConnId) {
            listeners.note(conn, &source);
            listeners.forget(conn);
            assert_eq!(listeners.fault(|conn| conn == stays), None);
        }
        let told = listeners.take(&source);
        assert!(told.contains(&stays));
        assert!(told.len() <= 2 + Source::LEFT, "{} are to be told", told.len());
    }
}
