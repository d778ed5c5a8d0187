//! A set of conns, a bit each.
//!
//! What lives here: [`ConnSet`]. Conns of a crowd came one after the other, so a few cache lines tell of a thousand of them;
//! one that came alone costs 16 bytes.

use crate::conn::ConnId;

/// Conns by their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ConnSet {
    /// Sorted by number; none is empty.
    groups: Vec<Group>,
}

/// Conns whose ids follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Group {
    /// Their ids, divided by 64.
    number: u64,
    /// The bit at the remainder is set.
    conns: u64,
}

impl Group {
    /// The group that `conn` belongs to, with it alone.
    const fn of(conn: ConnId) -> Self {
        Self { number: conn.0 / 64, conns: 1 << (conn.0 % 64) }
    }

    fn ids(self) -> impl Iterator<Item = ConnId> {
        (0..64).filter(move |bit| self.conns & (1 << bit) != 0).map(move |bit| ConnId(self.number * 64 + bit))
    }
}

impl ConnSet {
    /// Adds `conn`; says whether it is new.
    pub(crate) fn insert(&mut self, conn: ConnId) -> bool {
        let new = Group::of(conn);
        match self.search(new.number) {
            Ok(at) => self.groups.get_mut(at).is_some_and(|group| {
                let is_new = group.conns & new.conns == 0;
                group.conns |= new.conns;
                is_new
            }),
            Err(at) => {
                self.groups.insert(at, new);
                true
            }
        }
    }

    /// Takes `conn` out, if it is in.
    pub(crate) fn remove(&mut self, conn: ConnId) {
        let old = Group::of(conn);
        let Ok(at) = self.search(old.number) else { return };
        let Some(group) = self.groups.get_mut(at) else { return };
        group.conns &= !old.conns;
        if group.conns == 0 {
            self.groups.remove(at);
            self.shrink();
        }
    }

    /// Whether `conn` is in.
    pub(crate) fn contains(&self, conn: ConnId) -> bool {
        let wanted = Group::of(conn);
        self.bits(wanted.number) & wanted.conns != 0
    }

    /// Whether nobody is in.
    pub(crate) const fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// In how many groups its conns are: what it costs to keep it, or to go through it.
    pub(crate) const fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Takes out whoever is not in `others`, too.
    pub(crate) fn intersect(&mut self, others: &Self) {
        self.groups.retain_mut(|group| {
            group.conns &= others.bits(group.number);
            group.conns != 0
        });
        self.shrink();
    }

    /// Adds all of `others`.
    pub(crate) fn unite(&mut self, others: &Self) {
        if self.is_empty() {
            self.groups.clone_from(&others.groups);
            return;
        }
        for conn in others.iter() {
            self.insert(conn);
        }
    }

    /// The conns, in the order of their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = ConnId> {
        self.groups.iter().copied().flat_map(Group::ids)
    }

    fn search(&self, number: u64) -> Result<usize, usize> {
        self.groups.binary_search_by_key(&number, |group| group.number)
    }

    fn bits(&self, number: u64) -> u64 {
        self.search(number).ok().and_then(|at| self.groups.get(at)).map_or(0, |group| group.conns)
    }

    /// Gives back the memory of conns that were in once.
    fn shrink(&mut self) {
        if self.groups.capacity() > 4 * self.groups.len() {
            self.groups.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn set(conns: &BTreeSet<u64>) -> ConnSet {
        let mut set = ConnSet::default();
        for conn in conns {
            assert!(set.insert(ConnId(*conn)));
        }
        set
    }

    fn ids(set: &ConnSet) -> BTreeSet<u64> {
        set.iter().map(|conn| conn.0).collect()
    }

    /// Some ids that share groups, some that do not.
    fn some() -> impl Strategy<Value = BTreeSet<u64>> {
        let id = prop_oneof![0_u64..200, Just(u64::MAX), (0_u64..50).prop_map(|group| group * 64)];
        prop::collection::btree_set(id, 0..100)
    }

    proptest! {
        #[test]
        fn does_what_a_plain_set_does(left in some(), right in some()) {
            let mut both = set(&left);
            prop_assert_eq!(&ids(&both), &left);
            both.intersect(&set(&right));
            prop_assert_eq!(ids(&both), left.intersection(&right).copied().collect());

            let mut either = set(&left);
            either.unite(&set(&right));
            prop_assert_eq!(ids(&either), left.union(&right).copied().collect());
            prop_assert!(right.iter().all(|conn| !either.insert(ConnId(*conn))));

            let mut rest = set(&left);
            right.iter().for_each(|conn| rest.remove(ConnId(*conn)));
            prop_assert_eq!(ids(&rest), left.difference(&right).copied().collect());
            prop_assert!(right.iter().all(|conn| !rest.contains(ConnId(*conn))));
            prop_assert_eq!(rest.is_empty(), rest.groups() == 0);
        }
    }

    #[test]
    fn an_empty_set_keeps_no_memory() {
        let mut crowd = ConnSet::default();
        for conn in 0..100_000 {
            crowd.insert(ConnId(conn));
        }
        assert_eq!(crowd.groups(), 100_000_usize.div_ceil(64));
        for conn in 0..100_000 {
            crowd.remove(ConnId(conn));
        }
        assert_eq!((crowd.is_empty(), crowd.groups.capacity()), (true, 0));
    }
}
