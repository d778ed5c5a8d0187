//! Who is to be told when a peer is gone: every conn that heard it, once for each such conn and peer, ever.
//!
//! In a crowd each packet may be the first of its pair of conn and peer. So a peer's sender has a hold of the [`Listeners`] of
//! that peer, and noting one is a look into a small set, under a lock of its own. Nobody keeps what a conn heard: a conn that
//! left stays in the sets of those it heard until they are swept. Each departure sweeps a little, and so does what makes a
//! set larger: the switch's lock is never held for long, and conns that left never take more than those that are, or were,
//! here at a time.
//!
//! Source: tailscale: derp/derpserver/derpserver.go, `peerGoneWatchers` and `sclient.noteSendFromSrc`.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;
use wherry_wire::key::NodePublic;

use crate::conn::ConnId;
use crate::conn_set::ConnSet;

/// The conns that heard one peer. Conns that left are among them until the next sweep.
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
    /// Adds `conn`, unless it is or was among them; says whether they need more memory for it.
    pub(super) fn add(&self, conn: ConnId) -> bool {
        let mut heard = self.lock();
        let groups = heard.waiting.groups();
        if !heard.told.contains(conn) {
            heard.waiting.insert(conn);
        }
        heard.waiting.groups() > groups
    }

    /// Who of those that are `here` is to be told. They are not told again.
    fn take(&self, here: &ConnSet) -> ConnSet {
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
    /// What it costs to sweep it.
    const fn cost(&self) -> usize {
        1 + self.waiting.groups() + self.told.groups()
    }

    /// Forgets whoever is not `here`.
    fn sweep(&mut self, here: &ConnSet) {
        self.waiting.intersect(here);
        self.told.intersect(here);
    }

    const fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.told.is_empty()
    }
}

/// The listeners of every peer that was heard.
#[derive(Debug, Default)]
pub(super) struct Audience {
    /// Conns that joined and did not leave.
    here: ConnSet,
    peers: IndexMap<NodePublic, Arc<Listeners>>,
    /// The place in `peers` that is swept next.
    next: usize,
    /// What may be spent on it, see [`Heard::cost`].
    credit: usize,
}

impl Audience {
    /// Swept for each conn that left.
    const PER_LEAVE: usize = 256;

    /// Swept for each group that was added. Listeners in one group cost two: by the time the last are swept, a third as many
    /// groups have come as there were.
    pub(super) const PER_GROUP: usize = 8;

    /// `conn` joined.
    pub(super) fn join(&mut self, conn: ConnId) {
        self.here.insert(conn);
    }

    /// `conn` left: it is told of nobody any more.
    pub(super) fn leave(&mut self, conn: ConnId) {
        self.here.remove(conn);
        self.sweep(Self::PER_LEAVE);
    }

    /// The listeners of `peer`. They are kept at least as long as somebody has a hold of them.
    pub(super) fn of(&mut self, peer: &NodePublic) -> Arc<Listeners> {
        Arc::clone(self.peers.entry(*peer).or_default())
    }

    /// `peer` is gone: who is to be told. They are not told again.
    pub(super) fn take(&self, peer: &NodePublic) -> ConnSet {
        self.peers.get(peer).map(|listeners| listeners.take(&self.here)).unwrap_or_default()
    }

    /// Sweeps on from where it stopped, as far as `more` and what was not spent before go, at most to the end.
    pub(super) fn sweep(&mut self, more: usize) {
        self.credit += more;
        while let Some((_, listeners)) = self.peers.get_index(self.next) {
            let mut heard = listeners.lock();
            let cost = heard.cost();
            if cost > self.credit {
                return;
            }
            self.credit -= cost;
            heard.sweep(&self.here);
            // Only who has the switch's lock gets a hold of them.
            let is_in_use = !heard.is_empty() || Arc::strong_count(listeners) > 1;
            drop(heard);
            if is_in_use {
                self.next += 1;
            } else {
                // The last takes its place, and is swept next.
                self.peers.swap_remove_index(self.next);
            }
        }
        (self.next, self.credit) = (0, 0);
        if self.peers.capacity() > 4 * self.peers.len() {
            self.peers.shrink_to_fit();
        }
    }

    /// What is wrong with it, if anything; `conns` are those that joined and did not leave, in the order of their ids.
    pub(super) fn fault(&self, conns: impl Iterator<Item = ConnId>) -> Option<&'static str> {
        if !self.here.iter().eq(conns) {
            return Some("they are taken from other conns than those that are here");
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
        if audience.of(&peer(number)).add(conn) {
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
        audience.leave(ConnId(1));
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
        audience.leave(leaves);
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
            audience.leave(conn);
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
            audience.leave(ConnId(conn));
            assert!(groups(&audience) <= 2000, "{} groups after conn {conn}", groups(&audience));
        }
    }

    #[test]
    fn a_crowd_that_went_leaves_nothing_behind() {
        let mut audience = Audience::default();
        for conn in (0..1000).map(ConnId) {
            audience.join(conn);
            (0..1000).for_each(|number| note(&mut audience, conn, number));
        }
        (1..1000).map(ConnId).for_each(|conn| audience.leave(conn));
        // Of 16,000.
        assert!(groups(&audience) <= 2000, "{} groups of one conn", groups(&audience));
        audience.leave(ConnId(0));
        for _ in 0..16 {
            audience.join(ConnId(1));
            audience.leave(ConnId(1));
        }
        assert_eq!(audience.peers.capacity(), 0);
    }

    /// What is done under the switch's lock for one packet or departure, however many conns and peers there are.
    #[test]
    fn a_sweep_is_bounded() {
        let mut audience = Audience::default();
        [0, 64].map(ConnId).into_iter().for_each(|conn| audience.join(conn));
        // What nobody needed is not saved up.
        for _ in 0..10_000 {
            audience.join(ConnId(128));
            audience.leave(ConnId(128));
        }
        for number in 0..100_000 {
            audience.of(&peer(number)).add(ConnId(0));
        }
        audience.here.remove(ConnId(0));
        for _ in 0..100 {
            let before = audience.peers.len();
            audience.join(ConnId(128));
            audience.leave(ConnId(128));
            let swept = before - audience.peers.len();
            assert!((1..=Audience::PER_LEAVE).contains(&swept), "{swept} peers in one departure");
        }
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
        (10_000..20_000).for_each(|number| switch.heard(&switch.listeners(&peer(number)), &stays));
        let groups = groups(&switch.state().audience);
        assert!((10_000..=13_000).contains(&groups), "{groups} groups");
    }
}
