//! What siblings told us: through which of them a peer can be reached.
//!
//! What lives here: the names of siblings, and for one peer the list of those that have it. Who watches *us* is state of the
//! directory. It may use nothing. What must stay true: the sibling that was first to have a peer carries its packets until it
//! says the peer is gone; then the next in order does.

/// A sibling, named by whoever keeps the link to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SiblingId(pub u32);

/// The siblings that have one peer, the preferred one first.
///
/// Source: tailscale: derp/derpserver/derpserver.go, `multiForwarder`; its indices are our order.
#[derive(Debug, Default)]
pub(crate) enum Forwarders {
    /// Only local, if anywhere.
    #[default]
    None,
    /// The usual case, without a list.
    One(SiblingId),
    /// Two or more.
    Many(Vec<SiblingId>),
}

/// What adding or removing a sibling changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing; for a removal, it was one of several that the caller believed in.
    Nothing,
    /// The list differs from before.
    Changed,
    /// Changed, and there are several now.
    BecameMany,
    /// Changed, and only one is left of several.
    BecameOne,
    /// A sibling was to be removed that is not the one we had: news overtook each other.
    OtherValue,
}

impl Forwarders {
    /// Whom to hand packets to.
    pub(crate) fn preferred(&self) -> Option<SiblingId> {
        match self {
            Self::None => None,
            Self::One(only) => Some(*only),
            Self::Many(list) => list.first().copied(),
        }
    }

    pub(crate) fn add(&mut self, sibling: SiblingId) -> Change {
        match self {
            Self::None => {
                *self = Self::One(sibling);
                Change::Changed
            }
            Self::One(only) if *only == sibling => Change::Nothing,
            Self::One(only) => {
                *self = Self::Many(vec![*only, sibling]);
                Change::BecameMany
            }
            Self::Many(list) if list.contains(&sibling) => Change::Nothing,
            Self::Many(list) => {
                list.push(sibling);
                Change::Changed
            }
        }
    }

    pub(crate) fn remove(&mut self, sibling: SiblingId) -> Change {
        match self {
            Self::One(only) if *only == sibling => {
                *self = Self::None;
                Change::Changed
            }
            Self::None | Self::One(_) => Change::OtherValue,
            Self::Many(list) => {
                let before = list.len();
                list.retain(|other| *other != sibling);
                match list.as_slice() {
                    [only] => {
                        *self = Self::One(*only);
                        Change::BecameOne
                    }
                    list if list.len() == before => Change::Nothing,
                    _ => Change::Changed,
                }
            }
        }
    }

    /// What is wrong with the list, if anything.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        match self {
            Self::None | Self::One(_) => None,
            Self::Many(list) if list.len() < 2 => Some("a list of several forwarders has fewer than two"),
            Self::Many(list) => {
                let mut sorted = list.clone();
                sorted.sort_unstable();
                sorted.dedup();
                (sorted.len() != list.len()).then_some("a sibling is listed twice")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: SiblingId = SiblingId(1);
    const B: SiblingId = SiblingId(2);
    const C: SiblingId = SiblingId(3);

    #[test]
    fn first_to_have_a_peer_is_preferred_until_it_goes() {
        let mut list = Forwarders::default();
        assert_eq!(list.preferred(), None);
        assert_eq!(
            [A, B, C].map(|sibling| list.add(sibling)),
            [Change::Changed, Change::BecameMany, Change::Changed]
        );
        assert_eq!(list.preferred(), Some(A));
        assert_eq!(list.remove(B), Change::Changed);
        assert_eq!(list.preferred(), Some(A));
        assert_eq!(list.add(B), Change::Changed);
        assert_eq!(list.remove(A), Change::Changed);
        assert_eq!(list.preferred(), Some(C));
        assert_eq!(list.remove(C), Change::BecameOne);
        assert_eq!(list.preferred(), Some(B));
        assert_eq!(list.remove(B), Change::Changed);
        assert_eq!(list.preferred(), None);
    }

    #[test]
    fn adding_what_is_there_changes_nothing() {
        let mut list = Forwarders::One(A);
        assert_eq!(list.add(A), Change::Nothing);
        list.add(B);
        assert_eq!(list.add(B), Change::Nothing);
        assert_eq!(list.preferred(), Some(A));
    }

    #[test]
    fn removing_what_is_not_there_is_told_apart_only_without_a_list() {
        assert_eq!(Forwarders::None.remove(A), Change::OtherValue);
        assert_eq!(Forwarders::One(B).remove(A), Change::OtherValue);
        assert_eq!(Forwarders::Many(vec![B, C]).remove(A), Change::Nothing);
    }
}
