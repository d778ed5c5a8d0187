//! A set of conns, a bit each.
//!
//! What lives here: [`ConnSet`], of which there may be one for each peer, and [`Present`], of which there is one. Conns that came
//! one after the other share groups, so a few cache lines tell of a crowd of a thousand. A set with one group needs no memory
//! beside itself.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::iter;
use std::mem;

use smallvec::SmallVec;

use crate::conn::ConnId;

/// Conns by their ids, in groups of 64 that follow one another: in the order of their numbers, none of them empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ConnSet(SmallVec<[Group; 1]>);

/// The conns that are here: a set whose groups may be as many as its conns, when most that came with them have left. A tree, since
/// to take a group out of a list moves those behind it.
#[derive(Debug, Default)]
pub(crate) struct Present(BTreeMap<u64, u64>);

/// Some conns of one group, at least one.
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
        let mut rest = self.conns;
        iter::from_fn(move || {
            let bit = (rest != 0).then(|| rest.trailing_zeros())?;
            rest &= rest - 1;
            Some(ConnId(self.number * 64 + u64::from(bit)))
        })
    }
}

/// What came of adding a conn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    /// Nothing: it was in already.
    Known,
    /// It is in a group with others.
    InGroup,
    /// It is in a group that was not there.
    AsGroup,
}

impl ConnSet {
    /// Adds `conn`.
    pub(crate) fn insert(&mut self, conn: ConnId) -> Added {
        let new = Group::of(conn);
        match self.add(new) {
            0 => Added::AsGroup,
            before if before & new.conns == 0 => Added::InGroup,
            _ => Added::Known,
        }
    }

    /// Whether `conn` is in.
    pub(crate) fn contains(&self, conn: ConnId) -> bool {
        let wanted = Group::of(conn);
        self.conns_of(wanted.number) & wanted.conns != 0
    }

    /// Whether nobody is in.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In how many groups its conns are: what it costs to keep it, or to go through it.
    pub(crate) fn groups(&self) -> usize {
        self.0.len()
    }

    /// Takes out whoever is not `here`.
    pub(crate) fn intersect(&mut self, here: &Present) {
        self.0.retain(|group| {
            group.conns &= here.0.get(&group.number).copied().unwrap_or_default();
            group.conns != 0
        });
        self.give_back();
    }

    /// Adds all of `others`.
    pub(crate) fn unite(&mut self, others: &Self) {
        self.0.extend_from_slice(&others.0);
        // Two that are in order, one behind the other, are sorted in one go.
        self.0.sort_by_key(|group| group.number);
        self.0.dedup_by(|later, group| {
            let same = later.number == group.number;
            group.conns |= if same { later.conns } else { 0 };
            same
        });
    }

    /// The conns, in the order of their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = ConnId> {
        self.0.iter().copied().flat_map(Group::ids)
    }

    /// Returns the conns of the group before.
    fn add(&mut self, new: Group) -> u64 {
        match self.place(new.number) {
            Ok(place) => self.0.get_mut(place).map_or(0, |group| {
                let both = group.conns | new.conns;
                mem::replace(&mut group.conns, both)
            }),
            Err(place) => {
                self.0.insert(place, new);
                0
            }
        }
    }

    fn conns_of(&self, number: u64) -> u64 {
        self.place(number).ok().and_then(|place| self.0.get(place)).map_or(0, |group| group.conns)
    }

    /// Where the group of this number stands, or would stand.
    fn place(&self, number: u64) -> Result<usize, usize> {
        let Some(first) = self.0.first() else { return Err(0) };
        let Some(behind) = number.checked_sub(first.number) else { return Err(0) };
        // Groups that follow one another stand as far apart as their numbers; where some are missing, less far.
        let farthest = usize::try_from(behind).unwrap_or(usize::MAX);
        if self.0.get(farthest).is_some_and(|group| group.number == number) {
            return Ok(farthest);
        }
        let before = self.0.get(..farthest).unwrap_or(&self.0);
        before.binary_search_by_key(&number, |group| group.number)
    }

    /// After groups were taken out: keeps no memory of which only a quarter is used, and none for one group.
    fn give_back(&mut self) {
        if self.0.spilled() && self.0.len() <= (self.0.capacity() / 4).max(1) {
            self.0.shrink_to_fit();
        }
    }
}

impl Present {
    /// Adds `conn`.
    pub(crate) fn insert(&mut self, conn: ConnId) {
        let new = Group::of(conn);
        *self.0.entry(new.number).or_default() |= new.conns;
    }

    /// Takes `conn` out, if it is in.
    pub(crate) fn remove(&mut self, conn: ConnId) {
        let old = Group::of(conn);
        let Entry::Occupied(mut group) = self.0.entry(old.number) else { return };
        *group.get_mut() &= !old.conns;
        if *group.get() == 0 {
            group.remove();
        }
    }

    /// The conns, in the order of their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = ConnId> {
        self.0.iter().flat_map(|(&number, &conns)| Group { number, conns }.ids())
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
            assert_ne!(set.insert(ConnId(*conn)), Added::Known);
        }
        set
    }

    fn present(conns: &BTreeSet<u64>) -> Present {
        let mut present = Present::default();
        conns.iter().for_each(|conn| present.insert(ConnId(*conn)));
        present
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
            both.intersect(&present(&right));
            prop_assert_eq!(ids(&both), left.intersection(&right).copied().collect());
            prop_assert_eq!(both.is_empty(), both.groups() == 0);
            prop_assert!(left.difference(&right).all(|conn| !both.contains(ConnId(*conn))));

            let mut either = set(&left);
            either.unite(&set(&right));
            prop_assert_eq!(ids(&either), left.union(&right).copied().collect());
            prop_assert!(right.iter().all(|conn| either.insert(ConnId(*conn)) == Added::Known));

            let mut rest = present(&left);
            right.iter().for_each(|conn| rest.remove(ConnId(*conn)));
            prop_assert!(rest.iter().map(|conn| conn.0).eq(left.difference(&right).copied()));
            prop_assert!(rest.0.values().all(|conns| *conns != 0));
        }
    }

    #[test]
    fn a_conn_is_added_once_and_a_group_with_its_first_conn() {
        let mut set = ConnSet::default();
        let added = [0, 63, 64, 65, 0, 64, u64::MAX].map(|conn| set.insert(ConnId(conn)));
        let (known, in_group, as_group) = (Added::Known, Added::InGroup, Added::AsGroup);
        assert_eq!(added, [as_group, in_group, as_group, in_group, known, known, as_group]);
    }

    #[test]
    fn a_smaller_set_is_kept_in_a_smaller_way() {
        for conns in [65, 128, 129, 1000] {
            let mut crowd = set(&(0..conns).collect());
            assert!(crowd.0.spilled(), "{conns}");
            crowd.intersect(&present(&BTreeSet::from([conns - 1])));
            assert!(!crowd.0.spilled() && crowd.contains(ConnId(conns - 1)), "{conns}");
        }
    }

    #[test]
    fn memory_goes_as_groups_do() {
        let mut crowd = set(&(0..64_000).collect());
        crowd.intersect(&present(&(0..6_400).collect()));
        assert_eq!(crowd.groups(), 100);
        assert!(crowd.0.capacity() < 256, "{}", crowd.0.capacity());
    }
}
