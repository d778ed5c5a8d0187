//! The relay's own key pair, kept ready for handshakes.

use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use aws_lc_rs::error::KeyRejected;
use wherry_wire::key::{NodePrivate, NodePublic};
use zeroize::Zeroizing;

/// The relay's key pair.
///
/// Multiplies with aws-lc, which TLS brings anyway and which needs less than half the time of the portable code in
/// `wire`: 20 instead of 47 µs of the 230 that a session's whole start takes.
pub struct Identity {
    public: NodePublic,
    private: PrivateKey,
}

impl Identity {
    /// The pair of `private`.
    ///
    /// # Errors
    /// aws-lc refuses the key; it takes every 32 bytes.
    pub fn new(private: &NodePrivate) -> Result<Self, KeyRejected> {
        let public = private.public();
        Ok(Self { public, private: PrivateKey::from_private_key(&X25519, private.expose_bytes())? })
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> &NodePublic {
        &self.public
    }

    /// The X25519 product with `other`; `None` for the few keys whose product is zero whatever ours is.
    pub(super) fn multiply(&self, other: &NodePublic) -> Option<Zeroizing<[u8; 32]>> {
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
        assert_eq!(identity.multiply(&NodePublic::from_bytes(one)), None);
    }
}
