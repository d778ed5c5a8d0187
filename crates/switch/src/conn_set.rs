//! A set of conns, a bit each.
//!
//! What lives here: [`ConnSet`]. Conns that came one after the other share groups, so a few cache lines tell of a crowd of a
//! thousand. A set with one group needs no memory beside itself.

use std::collections::BTreeMap;
use std::iter;

use crate::conn::ConnId;

/// Conns by their ids, in groups of 64 that follow one another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum ConnSet {
    #[default]
    None,
    /// All in one group.
    One(Group),
    /// Two groups or more: number to conns. None is empty.
    Many(BTreeMap<u64, u64>),
}

/// Some conns of one group, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Group {
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

    /// Takes `conn` out, if it is in.
    pub(crate) fn remove(&mut self, conn: ConnId) {
        let old = Group::of(conn);
        match self {
            Self::One(group) if group.number == old.number => group.conns &= !old.conns,
            Self::None | Self::One(_) => {}
            Self::Many(groups) => {
                if let Some(conns) = groups.get_mut(&old.number) {
                    *conns &= !old.conns;
                    if *conns == 0 {
                        groups.remove(&old.number);
                    }
                }
            }
        }
        self.settle();
    }

    /// Whether `conn` is in.
    pub(crate) fn contains(&self, conn: ConnId) -> bool {
        let wanted = Group::of(conn);
        self.conns_of(wanted.number) & wanted.conns != 0
    }

    /// Whether nobody is in.
    pub(crate) const fn is_empty(&self) -> bool {
        matches!(self, Self::None)
    }

    /// In how many groups its conns are: what it costs to keep it, or to go through it.
    pub(crate) fn groups(&self) -> usize {
        match self {
            Self::None => 0,
            Self::One(_) => 1,
            Self::Many(groups) => groups.len(),
        }
    }

    /// Takes out whoever is not in `others`, too.
    pub(crate) fn intersect(&mut self, others: &Self) {
        match self {
            Self::None => {}
            Self::One(group) => group.conns &= others.conns_of(group.number),
            Self::Many(groups) => groups.retain(|number, conns| {
                *conns &= others.conns_of(*number);
                *conns != 0
            }),
        }
        self.settle();
    }

    /// Adds all of `others`.
    pub(crate) fn unite(&mut self, others: &Self) {
        for group in others.iter_groups() {
            self.add(group);
        }
    }

    /// The conns, in the order of their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = ConnId> {
        self.iter_groups().flat_map(Group::ids)
    }

    /// Returns the conns of the group before.
    fn add(&mut self, new: Group) -> u64 {
        let conns = match self {
            Self::None => {
                *self = Self::One(new);
                return 0;
            }
            Self::One(group) if group.number != new.number => {
                *self = Self::Many([*group, new].map(|group| (group.number, group.conns)).into());
                return 0;
            }
            Self::One(group) => &mut group.conns,
            Self::Many(groups) => groups.entry(new.number).or_default(),
        };
        let before = *conns;
        *conns |= new.conns;
        before
    }

    /// After conns were taken out: a smaller set may be kept in a smaller way.
    fn settle(&mut self) {
        match self {
            Self::One(group) if group.conns == 0 => *self = Self::None,
            Self::Many(groups) if groups.len() < 2 => {
                let last = groups.first_key_value();
                *self = last.map_or(Self::None, |(&number, &conns)| Self::One(Group { number, conns }));
            }
            Self::None | Self::One(_) | Self::Many(_) => {}
        }
    }

    fn iter_groups(&self) -> impl Iterator<Item = Group> {
        let (one, many) = match self {
            Self::None => (None, None),
            Self::One(group) => (Some(*group), None),
            Self::Many(groups) => (None, Some(groups)),
        };
        let many = many.into_iter().flatten().map(|(&number, &conns)| Group { number, conns });
        one.into_iter().chain(many)
    }

    fn conns_of(&self, number: u64) -> u64 {
        match self {
            Self::One(group) if group.number == number => group.conns,
            Self::None | Self::One(_) => 0,
            Self::Many(groups) => groups.get(&number).copied().unwrap_or_default(),
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
            assert_ne!(set.insert(ConnId(*conn)), Added::Known);
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
            prop_assert!(right.iter().all(|conn| either.insert(ConnId(*conn)) == Added::Known));

            let mut rest = set(&left);
            right.iter().for_each(|conn| rest.remove(ConnId(*conn)));
            prop_assert_eq!(ids(&rest), left.difference(&right).copied().collect());
            prop_assert!(right.iter().all(|conn| !rest.contains(ConnId(*conn))));
            prop_assert_eq!(rest.is_empty(), rest.groups() == 0);
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
        let mut crowd = ConnSet::default();
        for conn in 0..1000 {
            crowd.insert(ConnId(conn));
        }
        assert_eq!(crowd.groups(), 1000_usize.div_ceil(64));
        for conn in 0..999 {
            crowd.remove(ConnId(conn));
        }
        assert!(matches!(crowd, ConnSet::One(_)) && crowd.contains(ConnId(999)));
        crowd.remove(ConnId(999));
        assert!(crowd.is_empty());
    }
}
