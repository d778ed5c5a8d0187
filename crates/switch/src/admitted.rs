//! Proof that a peer was let in.
//!
//! What lives here: [`Gate`] and [`Admitted`]. Joining the switch consumes an [`Admitted`], only the switch's one [`Gate`] can
//! make it, and neither can be copied: whoever was handed no gate cannot let anybody in.

use std::sync::Arc;

use wherry_wire::key::NodePublic;

/// What a conn is allowed to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A node of the network.
    Regular,
    /// A sibling, proven by the mesh key: it may watch, forward and close peers.
    Mesh,
}

/// The right to admit peers; there is one for each switch.
#[derive(Debug)]
pub struct Gate(());

impl Gate {
    pub(crate) fn new() -> Self {
        Self(())
    }

    /// States that the owner of `key` proved it (handshake) and is allowed in (admission).
    ///
    /// `name` is what people call the peer, if admission knows it.
    pub fn admit(&self, key: NodePublic, role: Role, name: Option<Arc<str>>) -> Admitted {
        Admitted { key, role, name }
    }
}

/// A peer that was let in and has not joined yet.
#[derive(Debug)]
pub struct Admitted {
    pub(crate) key: NodePublic,
    pub(crate) role: Role,
    pub(crate) name: Option<Arc<str>>,
}

impl Admitted {
    /// The peer that was let in.
    pub fn key(&self) -> NodePublic {
        self.key
    }

    /// What it was let in as.
    pub fn role(&self) -> Role {
        self.role
    }
}
