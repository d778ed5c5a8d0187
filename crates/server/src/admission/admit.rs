//! The decision.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

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
    policy: Policy,
}

#[derive(Debug)]
enum Policy {
    Open,
    List(List),
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
        let policy = match admit {
            Admit::Open => Policy::Open,
            Admit::List(path) => Policy::List(List::open(path, clock)?),
        };
        Ok(Self { gate, mesh_key, policy })
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
        let name = match &self.policy {
            Policy::Open => None,
            Policy::List(list) => list.find(&request.key).ok_or(Denied::NotListed)?,
        };
        Ok(self.gate.admit(request.key, Role::Regular, name))
    }

    /// Whether a peer that was admitted would be admitted now.
    #[must_use]
    pub fn still_admits(&self, request: &Request) -> bool {
        match &self.policy {
            Policy::Open => true,
            Policy::List(list) => self.is_sibling(request) || list.find(&request.key).is_some(),
        }
    }

    fn is_sibling(&self, request: &Request) -> bool {
        self.mesh_key.is_some() && self.mesh_key == request.mesh_key
    }

    /// Looks at the list again, now. Returns who was taken off it.
    ///
    /// # Errors
    /// What is wrong with it; the list before stays in force.
    pub fn reload(&self) -> Result<Vec<Removed>, Arc<ListError>> {
        match &self.policy {
            Policy::Open => Ok(Vec::new()),
            Policy::List(list) => list.reload(),
        }
    }

    /// Waits until the list changed on disk and was read; returns who was taken off it. Never returns where
    /// there is no list. Cancel-safe.
    pub async fn revoked(&self) -> Vec<Removed> {
        match &self.policy {
            Policy::Open => std::future::pending().await,
            Policy::List(list) => list.changed().await,
        }
    }

    /// The file of the list, if nobody is on it.
    #[must_use]
    pub fn empty_list(&self) -> Option<&Path> {
        match &self.policy {
            Policy::Open => None,
            Policy::List(list) => list.empty(),
        }
    }

    /// What is wrong with the list on disk, while an older one is in force.
    #[must_use]
    pub fn failure(&self) -> Option<Arc<ListFailure>> {
        match &self.policy {
            Policy::Open => None,
            Policy::List(list) => list.failure(),
        }
    }
}
