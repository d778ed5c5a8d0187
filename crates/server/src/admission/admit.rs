//! The decision.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::Notify;
use wherry_switch::{Admitted, Gate, Role};
use wherry_wire::key::{MeshKey, NodePublic};

use super::list::{List, ListError, ListFailure, Removed};
use crate::clock::Clock;
use crate::config::Admit;

/// Who asks to be let in: proven by the handshake, apart from what it says of itself.
#[derive(Debug, Clone)]
pub struct Request {
    /// The peer's key, which the handshake proved.
    pub key: NodePublic,
    /// The mesh key it showed, right or wrong.
    pub mesh_key: Option<MeshKey>,
    /// Where it comes from.
    pub source: IpAddr,
}

/// Why a peer was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Denied {
    /// It is not on the list.
    #[error("not on the list of those who may use this relay")]
    NotListed,
}

/// The door to the relay.
#[derive(Debug)]
pub struct Admission {
    gate: Gate,
    mesh_key: Option<MeshKey>,
    clock: Clock,
    policy: ArcSwap<Policy>,
    /// Whoever waits for the list of a policy that is no longer in force is to look at the one that is.
    replaced: Notify,
}

#[derive(Debug)]
enum Policy {
    Open,
    List(List),
}

impl Policy {
    fn of(admit: &Admit, clock: Clock) -> Result<Self, ListError> {
        Ok(match admit {
            Admit::Open => Self::Open,
            Admit::List(path) => Self::List(List::open(path, clock)?),
        })
    }

    /// The name of a peer that is admitted, if it has one; `None` if it is not.
    fn find(&self, key: &NodePublic) -> Option<Option<Arc<str>>> {
        match self {
            Self::Open => Some(None),
            Self::List(list) => list.find(key),
        }
    }
}

impl Admission {
    /// Opens the door that `admit` describes.
    ///
    /// # Errors
    /// The list cannot be read or has mistakes: all of them, by line.
    pub fn open(
        admit: &Admit,
        mesh_key: Option<MeshKey>,
        gate: Gate,
        clock: Clock,
    ) -> Result<Self, ListError> {
        let policy = ArcSwap::from_pointee(Policy::of(admit, clock)?);
        Ok(Self { gate, mesh_key, clock, policy, replaced: Notify::new() })
    }

    /// Decides.
    ///
    /// A peer that shows the right mesh key is a sibling and always admitted; one that shows a wrong key is a client like
    /// any other.
    ///
    /// # Errors
    /// Says why not.
    #[expect(
        clippy::unused_async,
        reason = "kinds that ask somebody else have to wait; callers shall not change for them"
    )]
    pub async fn admit(&self, request: &Request) -> Result<Admitted, Denied> {
        if self.is_sibling(request) {
            return Ok(self.gate.admit(request.key, Role::Mesh, None));
        }
        let name = self.policy.load().find(&request.key).ok_or(Denied::NotListed)?;
        Ok(self.gate.admit(request.key, Role::Regular, name))
    }

    /// Whether a peer that was admitted would be admitted now.
    #[must_use]
    pub fn still_admits(&self, request: &Request) -> bool {
        self.is_sibling(request) || self.admits(&request.key)
    }

    /// Whether the node with this key, which is no sibling, would be admitted now.
    #[must_use]
    pub fn admits(&self, key: &NodePublic) -> bool {
        self.policy.load().find(key).is_some()
    }

    /// What is in force.
    #[must_use]
    pub fn in_force(&self) -> Admit {
        match &**self.policy.load() {
            Policy::Open => Admit::Open,
            Policy::List(list) => Admit::List(list.path().to_owned()),
        }
    }

    /// Puts `admit` in force. Whom it does not admit any more is the caller's to cut off.
    ///
    /// # Errors
    /// As [`Self::open`]; what was in force stays so.
    pub fn change(&self, admit: &Admit) -> Result<(), ListError> {
        self.policy.store(Arc::new(Policy::of(admit, self.clock)?));
        self.replaced.notify_one();
        Ok(())
    }

    fn is_sibling(&self, request: &Request) -> bool {
        self.mesh_key.is_some() && self.mesh_key == request.mesh_key
    }

    /// Looks at the list again, now. Returns who was taken off it.
    ///
    /// # Errors
    /// What is wrong with it; the list before stays in force.
    pub fn reload(&self) -> Result<Vec<Removed>, Arc<ListError>> {
        match &**self.policy.load() {
            Policy::Open => Ok(Vec::new()),
            Policy::List(list) => list.reload(),
        }
    }

    /// Waits until the list changed on disk and was read; returns who was taken off it. Never returns as long as
    /// there is no list. Cancel-safe; for one caller at a time.
    pub async fn revoked(&self) -> Vec<Removed> {
        loop {
            let policy = self.policy.load_full();
            let changed = async {
                match &*policy {
                    Policy::Open => std::future::pending().await,
                    Policy::List(list) => list.changed().await,
                }
            };
            tokio::select! {
                removed = changed => return removed,
                () = self.replaced.notified() => {}
            }
        }
    }

    /// The file of the list, if nobody is on it.
    #[must_use]
    pub fn empty_list(&self) -> Option<PathBuf> {
        match &**self.policy.load() {
            Policy::Open => None,
            Policy::List(list) => list.is_empty().then(|| list.path().to_owned()),
        }
    }

    /// What is wrong with the list on disk, while an older one is in force.
    #[must_use]
    pub fn failure(&self) -> Option<Arc<ListFailure>> {
        match &**self.policy.load() {
            Policy::Open => None,
            Policy::List(list) => list.failure(),
        }
    }
}
