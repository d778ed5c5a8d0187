//! The relay's own key pair, kept ready for handshakes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use aws_lc_rs::error::KeyRejected;
use wherry_wire::derp::SharedKey;
use wherry_wire::key::{NodePrivate, NodePublic};
use zeroize::Zeroizing;

use super::shared_keys::SharedKeys;

/// The relay's key pair, and what it shares with clients that it knows.
///
/// Multiplies with aws-lc, which TLS brings anyway and which needs less than half the time of the portable code in
/// `wire`: 20 instead of 47 µs of the 245 that a session's whole start takes.
pub struct Identity {
    public: NodePublic,
    private: PrivateKey,
    // under its lock, for a look or a note
    known: Mutex<SharedKeys>,
}

impl Identity {
    /// The pair of `private`.
    ///
    /// # Errors
    /// aws-lc refuses the key; it takes every 32 bytes.
    pub fn new(private: &NodePrivate) -> Result<Self, KeyRejected> {
        let public = private.public();
        let private = PrivateKey::from_private_key(&X25519, private.expose_bytes())?;
        Ok(Self { public, private, known: Mutex::default() })
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> &NodePublic {
        &self.public
    }

    /// The key shared with `client`; `None` for the few keys whose product is zero whatever ours is.
    pub(super) fn share(&self, client: &NodePublic) -> Option<SharedKey> {
        let known = self.known().get(client);
        known.or_else(|| self.multiply(client).map(|product| SharedKey::of(&product)))
    }

    /// Keeps the key shared with `client` for when it comes back. For those that were let in, lest strangers push them out.
    pub(super) fn remember(&self, client: NodePublic, shared: SharedKey) {
        self.known().keep(client, shared);
    }

    /// Whether the key shared with `client` is at hand.
    #[cfg(test)]
    pub(super) fn knows(&self, client: &NodePublic) -> bool {
        self.known().get(client).is_some()
    }

    fn known(&self) -> MutexGuard<'_, SharedKeys> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The X25519 product with `other`.
    fn multiply(&self, other: &NodePublic) -> Option<Zeroizing<[u8; 32]>> {
        let other = UnparsedPublicKey::new(&X25519, other.as_bytes());
        agree(&self.private, other, (), |product| product.try_into().map(Zeroizing::new).map_err(drop)).ok()
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("public", &self.public).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use wherry_wire::derp::ServerInfo;

    use super::*;

    #[test]
    fn both_sides_come_to_the_same_product() {
        let [ours, theirs] = [3, 5].map(|byte| NodePrivate::generate([byte; 32]));
        let [our_identity, their_identity] = [&ours, &theirs].map(|key| Identity::new(key).unwrap());
        let product = our_identity.multiply(&theirs.public()).unwrap();
        assert_eq!(product, their_identity.multiply(&ours.public()).unwrap());
        assert_ne!(product, our_identity.multiply(&NodePrivate::generate([7; 32]).public()).unwrap());
    }

    #[test]
    fn a_key_without_a_secret_product_is_refused() {
        let identity = Identity::new(&NodePrivate::generate([3; 32])).unwrap();
        let mut one = [0; 32];
        one[0] = 1;
        assert!(identity.share(&NodePublic::from_bytes(one)).is_none());
    }

    /// What the relay would seal for `client`, of whom it may know another key than the one that is computed.
    fn sealed(identity: &Identity, client: &NodePublic) -> Vec<u8> {
        identity.share(client).unwrap().seal_server_info([0; 24], &ServerInfo::current())
    }

    #[test]
    fn who_comes_back_needs_no_multiplication() {
        let identity = Identity::new(&NodePrivate::generate([3; 32])).unwrap();
        let [client, other] = [5, 7].map(|byte| NodePrivate::generate([byte; 32]).public());
        let computed = sealed(&identity, &client);
        assert_eq!(sealed(&identity, &client), computed);
        identity.remember(client, identity.share(&other).unwrap());
        assert_eq!(sealed(&identity, &client), sealed(&identity, &other), "the key that it was given");
        assert_ne!(sealed(&identity, &client), computed);
    }
}
