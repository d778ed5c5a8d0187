//! A peer as lookups see it.
//!
//! What lives here: [`Peer`] and [`Route`]. Lookups read them without a lock, the directory alone writes them, under its lock.
//! What must stay true: reading writes no memory that another thread reads, apart from the reference count of what is handed
//! out; a peer that is not retired is the one the directory holds for its key.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use wherry_wire::key::NodePublic;

use crate::conn::Conn;
use crate::mesh_view::SiblingId;

/// Where packets for a peer go.
#[derive(Debug)]
pub enum Route<L> {
    /// To this conn's mailbox.
    Local(Arc<Conn<L>>),
    /// To a sibling, which has the peer. A packet that came from a sibling must not take this route: one hop is the limit.
    Sibling(SiblingId),
    /// Nowhere: several conns share the key and none is active.
    Inactive,
    /// Nowhere: the peer is neither here nor known in the mesh.
    Unknown,
}

impl<L> Clone for Route<L> {
    fn clone(&self) -> Self {
        match self {
            Self::Local(conn) => Self::Local(Arc::clone(conn)),
            Self::Sibling(sibling) => Self::Sibling(*sibling),
            Self::Inactive => Self::Inactive,
            Self::Unknown => Self::Unknown,
        }
    }
}

impl<L> PartialEq for Route<L> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Local(left), Self::Local(right)) => Arc::ptr_eq(left, right),
            (Self::Sibling(left), Self::Sibling(right)) => left == right,
            (Self::Inactive, Self::Inactive) | (Self::Unknown, Self::Unknown) => true,
            (Self::Local(_) | Self::Sibling(_) | Self::Inactive | Self::Unknown, _) => false,
        }
    }
}

/// A peer that is here or known in the mesh.
///
/// Senders may keep it as long as it is not [`retired`](Self::retired) and ask for the route anew for each batch of packets.
/// In a crowd it comes from memory for each packet: with its counts of references it is one line of the cache, and from it to
/// the conn is one step.
pub struct Peer<L> {
    key: NodePublic,
    /// Where its packets go, if that is a conn.
    conn: ArcSwapOption<Conn<L>>,
    /// Where they go otherwise: to the sibling of this number, or one of those below.
    elsewhere: AtomicU64,
}

/// [`Route::Inactive`].
const INACTIVE: u64 = 1 << 32;
/// [`Route::Unknown`], and may change.
const UNKNOWN: u64 = 2 << 32;
/// [`Route::Unknown`] for good.
const RETIRED: u64 = 3 << 32;

impl<L> Peer<L> {
    pub(crate) fn new(key: NodePublic) -> Self {
        Self { key, conn: ArcSwapOption::empty(), elsewhere: AtomicU64::new(UNKNOWN) }
    }

    /// Who it is.
    pub fn key(&self) -> &NodePublic {
        &self.key
    }

    /// Whether the directory has forgotten it. It stays so: look the key up again.
    pub fn retired(&self) -> bool {
        self.elsewhere.load(Ordering::Acquire) == RETIRED
    }

    /// Where its packets go now; [`Route::Unknown`] once it is retired. While that changes, the route before or after it.
    pub fn route(&self) -> Route<L> {
        if let Some(conn) = self.conn.load_full() {
            return Route::Local(conn);
        }
        match self.elsewhere.load(Ordering::Acquire) {
            INACTIVE => Route::Inactive,
            elsewhere => u32::try_from(elsewhere).map_or(Route::Unknown, |id| Route::Sibling(SiblingId(id))),
        }
    }

    /// Only one writer at a time.
    pub(crate) fn set_route(&self, route: Route<L>) {
        match route {
            Route::Local(conn) => self.conn.store(Some(conn)),
            Route::Sibling(SiblingId(id)) => self.lead_elsewhere(id.into()),
            Route::Inactive => self.lead_elsewhere(INACTIVE),
            Route::Unknown => self.lead_elsewhere(UNKNOWN),
        }
    }

    pub(crate) fn retire(&self) {
        self.lead_elsewhere(RETIRED);
    }

    fn lead_elsewhere(&self, elsewhere: u64) {
        // In this order: whoever finds no conn any more finds where else to go.
        self.elsewhere.store(elsewhere, Ordering::Release);
        self.conn.store(None);
    }
}

impl<L> fmt::Debug for Peer<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("key", &self.key)
            .field("retired", &self.retired())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use super::*;

    #[test]
    fn a_peer_with_its_counts_is_one_line_of_the_cache() {
        assert_eq!(2 * size_of::<usize>() + size_of::<Peer<()>>(), 64);
    }
}
