//! Who is to be told when a peer is gone: every conn that heard it, once for each such conn and peer, ever.
//!
//! In a crowd each packet may be the first of its pair of conn and peer. So whoever sends for a peer keeps a hold of that peer's
//! [`Listeners`], and noting one is a look into a set, under a lock of its own. Nobody keeps what a conn heard: one that left
//! stays in the sets of those it heard until a sweep reaches them. Each departure sweeps some, by how many peers the conn
//! heard, and so does each group that is added to a set, so that what is kept of conns that left is at most about as much as
//! was ever kept of conns that were here at once. A conn that stays is remembered with every peer it ever heard, as by the
//! reference.
//!
//! Source: tailscale: derp/derpserver/derpserver.go, `peerGoneWatchers` and `sclient.noteSendFromSrc`.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;
use wherry_wire::key::NodePublic;

use crate::conn::ConnId;
use crate::conn_set::{Added, ConnSet, Present};

/// The conns that heard one peer. Conns that left are among them until a sweep reaches them.
#[derive(Debug, Default)]
pub struct Listeners(Mutex<Heard>);

#[derive(Debug, Default)]
struct Heard {
    /// To be told.
    waiting: ConnSet,
    /// Were told.
    told: ConnSet,
}

impl Listeners {
    /// Adds `conn`, unless it is or was among them.
    pub(super) fn add(&self, conn: ConnId) -> Added {
        let mut heard = self.lock();
        if heard.told.contains(conn) { Added::Known } else { heard.waiting.insert(conn) }
    }

    /// Who of those that are `here` is to be told. They are not told again.
    fn take(&self, here: &Present) -> ConnSet {
        let mut heard = self.lock();
        let mut waiting = mem::take(&mut heard.waiting);
        waiting.intersect(here);
        heard.told.unite(&waiting);
        waiting
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heard {
    /// What it costs to sweep it: itself and its groups.
    fn cost(&self) -> usize {
        1 + self.waiting.groups() + self.told.groups()
    }

    /// Forgets whoever is not `here`.
    fn sweep(&mut self, here: &Present) {
        self.waiting.intersect(here);
        self.told.intersect(here);
    }

    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.told.is_empty()
    }
}

/// The listeners of every peer that was heard.
#[derive(Debug, Default)]
pub(super) struct Audience {
    /// Conns that joined and did not leave.
    here: Present,
    peers: IndexMap<NodePublic, Arc<Listeners>>,
    /// The place in `peers` that is swept next.
    next: usize,
    /// Saved for it, if it costs more than one sweep may; see [`Heard::cost`].
    saved: usize,
}

impl Audience {
    /// Spent on sweeping for each peer that a conn heard which leaves: twice what a set with one group costs.
    const PER_HEARD: usize = 4;

    /// The most that is spent for one conn that leaves, beside what was saved for one set that costs more.
    const PER_LEAVE: usize = 4 * 1024;

    /// Spent for each group that is added. By the time the last of sets with one group are swept, a third as many have come as
    /// there were.
    pub(super) const PER_GROUP: usize = 8;

    /// `conn` joined.
    pub(super) fn join(&mut self, conn: ConnId) {
        self.here.insert(conn);
    }

    /// `conn` left, which heard so many peers: it is told of nobody any more.
    pub(super) fn leave(&mut self, conn: ConnId, heard: usize) {
        self.here.remove(conn);
        self.sweep(heard.saturating_mul(Self::PER_HEARD).min(Self::PER_LEAVE));
    }

    /// The listeners of `peer`. They are kept at least as long as somebody has a hold of them.
    pub(super) fn of(&mut self, peer: &NodePublic) -> Arc<Listeners> {
        Arc::clone(self.peers.entry(*peer).or_default())
    }

    /// `peer` is gone: who is to be told. They are not told again.
    pub(super) fn take(&self, peer: &NodePublic) -> ConnSet {
        self.peers.get(peer).map(|listeners| listeners.take(&self.here)).unwrap_or_default()
    }

    /// Sweeps on from where it stopped, as far as `budget` goes, at most to the end of the table. What does not suffice for the
    /// next set is saved for it.
    pub(super) fn sweep(&mut self, budget: usize) {
        let mut left = budget + mem::take(&mut self.saved);
        while let Some((_, listeners)) = self.peers.get_index(self.next) {
            let mut heard = listeners.lock();
            let Some(rest) = left.checked_sub(heard.cost()) else {
                self.saved = left;
                return;
            };
            // The set may have become smaller since: what was saved for it is not for others.
            left = rest.min(budget);
            heard.sweep(&self.here);
            // Only `of` makes a first hold, under the lock that we have; whoever has one counts here.
            let is_in_use = !heard.is_empty() || Arc::strong_count(listeners) > 1;
            drop(heard);
            if is_in_use {
                self.next += 1;
            } else {
                // The last takes its place, and is swept next.
                self.peers.swap_remove_index(self.next);
            }
        }
        self.next = 0;
        if self.peers.capacity() > 4 * self.peers.len() {
            self.peers.shrink_to(2 * self.peers.len());
        }
    }

    /// What is wrong with it, if anything; `conns` are those that joined and did not leave, in the order of their ids.
    pub(super) fn fault(&self, conns: impl Iterator<Item = ConnId>) -> Option<&'static str> {
        if !self.here.iter().eq(conns) {
            return Some("the set of conns here is not those that are here");
        }
        if self.next > 0 && self.next >= self.peers.len() {
            return Some("the sweep is beyond the last peer");
        }
        let twice = |heard: &Heard| heard.waiting.iter().any(|conn| heard.told.contains(conn));
        self.peers
            .values()
            .any(|listeners| twice(&listeners.lock()))
            .then_some("somebody is to be told a second time")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::switch::Switch;
    use super::*;
    use crate::admitted::Role;
    use crate::conn::JoinInfo;
    use crate::drop::DropTally;
    use crate::mailbox::{MailboxLimits, MemoryBudget};

    fn peer(number: u32) -> NodePublic {
        let mut bytes = [7; 32];
        bytes[..4].copy_from_slice(&number.to_le_bytes());
        NodePublic::from_bytes(bytes)
    }

    fn note(audience: &mut Audience, conn: ConnId, number: u32) {
        if audience.of(&peer(number)).add(conn) == Added::AsGroup {
            audience.sweep(Audience::PER_GROUP);
        }
    }

    fn told_of(audience: &Audience, number: u32) -> Vec<u64> {
        audience.take(&peer(number)).iter().map(|conn| conn.0).collect()
    }

    fn groups(audience: &Audience) -> usize {
        audience.peers.values().map(|listeners| listeners.lock().cost() - 1).sum()
    }

    #[test]
    fn a_conn_is_told_once_of_each_peer() {
        let mut audience = Audience::default();
        let conns = [3, 4, 64, 1_000_000].map(ConnId);
        for conn in conns {
            audience.join(conn);
            note(&mut audience, conn, 1);
            note(&mut audience, conn, 1);
        }
        note(&mut audience, ConnId(4), 2);
        assert_eq!(told_of(&audience, 1), [3, 4, 64, 1_000_000]);
        audience.join(ConnId(5));
        note(&mut audience, ConnId(4), 1);
        note(&mut audience, ConnId(5), 1);
        assert_eq!(told_of(&audience, 1), [5]);
        assert_eq!(told_of(&audience, 1), [0; 0]);
        assert_eq!(told_of(&audience, 2), [4]);
    }

    #[test]
    fn whoever_left_is_told_of_nobody() {
        let mut audience = Audience::default();
        for conn in [1, 2].map(ConnId) {
            audience.join(conn);
            note(&mut audience, conn, 1);
        }
        audience.leave(ConnId(1), 1);
        assert_eq!(told_of(&audience, 1), [2]);
        assert_eq!(audience.fault([ConnId(2)].into_iter()), None);
        assert!(audience.fault([ConnId(1), ConnId(2)].into_iter()).is_some());
        assert!(audience.fault([].into_iter()).is_some());
    }

    /// A sender that has told nobody yet, or only conns that left, goes on with the listeners it has.
    #[test]
    fn listeners_that_somebody_holds_are_kept() {
        let mut audience = Audience::default();
        let [leaves, stays] = [1, 2].map(ConnId);
        audience.join(leaves);
        audience.join(stays);
        let listeners = audience.of(&peer(1));
        listeners.add(leaves);
        audience.leave(leaves, 1);
        listeners.add(stays);
        assert_eq!(told_of(&audience, 1), [stays.0]);
    }

    /// Conns that come, hear a thousand peers and go, far apart so that none shares a group with another.
    #[test]
    fn conns_that_come_and_go_leave_little_behind() {
        let mut audience = Audience::default();
        audience.join(ConnId(0));
        (0..1000).for_each(|number| note(&mut audience, ConnId(0), number));
        for conn in (1..100).map(|number| ConnId(number * 64)) {
            audience.join(conn);
            (0..1000).for_each(|number| note(&mut audience, conn, number));
            audience.leave(conn, 1000);
            // 2,000 of them are of conns that were here at a time.
            assert!(groups(&audience) <= 4000, "{} groups after conn {conn}", groups(&audience));
        }
        assert!((0..1000).all(|number| told_of(&audience, number) == [0]));
    }

    /// As above, but each conn hears peers that nobody heard before.
    #[test]
    fn peers_that_nobody_heard_who_is_here_are_forgotten() {
        let mut audience = Audience::default();
        for conn in 0..100 {
            audience.join(ConnId(conn));
            for number in 0..1000 {
                let number = u32::try_from(conn).unwrap() * 1000 + number;
                note(&mut audience, ConnId(conn), number);
                assert_eq!(told_of(&audience, number), [conn]);
            }
            audience.leave(ConnId(conn), 1000);
            assert!(groups(&audience) <= 2000, "{} groups after conn {conn}", groups(&audience));
        }
    }

    /// In one group, a few groups, and each in a group of its own.
    #[test]
    fn a_crowd_that_went_leaves_little_behind() {
        for apart in [1, 10, 64] {
            let mut audience = Audience::default();
            for conn in (0..300).map(|number| ConnId(number * apart)) {
                audience.join(conn);
                (0..300).for_each(|number| note(&mut audience, conn, number));
            }
            let (most, peers) = (groups(&audience), audience.peers.capacity());
            (0..300).map(|number| ConnId(number * apart)).for_each(|conn| audience.leave(conn, 300));
            let left = groups(&audience);
            assert!(left <= most / 20 + 1, "{left} groups of {most}");
            assert!(audience.peers.capacity() <= peers);
        }
    }

    #[test]
    fn nothing_is_left_of_peers_that_nobody_needs() {
        let mut audience = Audience::default();
        audience.join(ConnId(0));
        (0..1000).for_each(|number| note(&mut audience, ConnId(0), number));
        audience.leave(ConnId(0), 1000);
        audience.sweep(2000);
        assert_eq!(audience.peers.capacity(), 0);
    }

    /// What a departure costs under the switch's lock, however many peers were heard.
    #[test]
    fn a_departure_is_bounded() {
        let mut audience = Audience::default();
        [0, 64].map(ConnId).into_iter().for_each(|conn| audience.join(conn));
        // What nobody needed is not saved up.
        (0..1000).for_each(|_| audience.leave(ConnId(128), 1000));
        for number in 0..100_000 {
            audience.of(&peer(number)).add(ConnId(0));
        }
        audience.here.remove(ConnId(0));
        for (heard, swept) in [(0, 0), (10, 20), (100_000, Audience::PER_LEAVE / 2)] {
            let before = audience.peers.len();
            audience.leave(ConnId(128), heard);
            assert_eq!(before - audience.peers.len(), swept, "after {heard} were heard");
        }
    }

    #[test]
    fn what_is_saved_for_a_large_set_is_not_spent_on_others() {
        let mut audience = Audience::default();
        for conn in (0..1000).map(|number| ConnId(number * 64)) {
            audience.join(conn);
            audience.of(&peer(0)).add(conn);
        }
        for number in 1..2000 {
            audience.of(&peer(number)).add(ConnId(0));
        }
        (0..90).for_each(|_| audience.sweep(10));
        assert_eq!((audience.next, audience.saved), (0, 900));
        // All of its listeners leave but one.
        (1..1000).for_each(|number| audience.here.remove(ConnId(number * 64)));
        audience.take(&peer(0));
        audience.sweep(10);
        assert!(audience.next <= 6, "{} sets in one sweep", audience.next);
    }

    #[test]
    fn a_large_set_is_swept_in_the_end() {
        let mut audience = Audience::default();
        for conn in (0..1000).map(|number| ConnId(number * 64)) {
            audience.of(&peer(0)).add(conn);
        }
        (0..100).for_each(|_| audience.sweep(10));
        assert_eq!((audience.peers.len(), audience.saved), (1, 1000));
        audience.sweep(10);
        assert_eq!(audience.peers.len(), 0);
    }

    #[test]
    fn the_switch_sweeps_for_what_it_notes() {
        let (switch, gate) = Switch::new(peer(0), MailboxLimits::default(), MemoryBudget::new(usize::MAX));
        let join = || {
            let info = JoinInfo { addr: ([192, 0, 2, 1], 1).into(), not_ideal: false, prober: false };
            switch.join(gate.admit(peer(1), Role::Regular, None), info, (), Duration::ZERO).conn
        };
        let [leaves, stays] = [join(), join()];
        (0..10_000).for_each(|number| switch.heard(&switch.listeners(&peer(number)), &leaves));
        switch.leave(&leaves, &mut DropTally::default());
        let left = groups(&switch.state().audience);
        assert!(left < 9_000, "{left} groups after it left");
        (10_000..20_000).for_each(|number| switch.heard(&switch.listeners(&peer(number)), &stays));
        assert_eq!(groups(&switch.state().audience), 10_000);
    }
}
