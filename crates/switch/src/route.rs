//! A peer as lookups see it.
//!
//! What lives here: [`Peer`] and [`Route`]. Lookups read them without a lock, the directory alone writes them, under its lock.
//! What must stay true: reading writes no memory that another thread reads, apart from the reference count of what is handed
//! out; a peer that is not retired is the one the directory holds for its key.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
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
pub struct Peer<L> {
    key: NodePublic,
    retired: AtomicBool,
    route: ArcSwap<Route<L>>,
}

impl<L> Peer<L> {
    pub(crate) fn new(key: NodePublic, route: Route<L>) -> Self {
        Self { key, retired: AtomicBool::new(false), route: ArcSwap::from_pointee(route) }
    }

    /// Who it is.
    pub fn key(&self) -> &NodePublic {
        &self.key
    }

    /// Whether the directory has forgotten it. It stays so: look the key up again.
    pub fn retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    /// Where its packets go now; [`Route::Unknown`] once it is retired.
    pub fn route(&self) -> Route<L> {
        Route::clone(&self.route.load())
    }

    pub(crate) fn set_route(&self, route: Route<L>) {
        self.route.store(Arc::new(route));
    }

    pub(crate) fn retire(&self) {
        self.set_route(Route::Unknown);
        self.retired.store(true, Ordering::Release);
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
