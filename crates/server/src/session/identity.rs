//! The relay's own key pair, kept ready for handshakes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use aws_lc_rs::error::KeyRejected;
use wherry_wire::derp::handshake::open_client_info_by;
use wherry_wire::derp::{ClientInfo, HandshakeError, SharedKey};
use wherry_wire::key::{NodePrivate, NodePublic};

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

    /// Opens a ClientInfo payload, as [`open_client_info`](wherry_wire::derp::handshake::open_client_info) does.
    ///
    /// # Errors
    /// As that has.
    pub(super) fn open_client_info(
        &self,
        payload: &[u8],
    ) -> Result<(NodePublic, ClientInfo, SharedKey), HandshakeError> {
        let mut remembered = None;
        let share = |client: &NodePublic| {
            let known = self.known().get(client);
            remembered = known.is_some().then_some(*client);
            known.or_else(|| self.multiply(client))
        };
        let opened = open_client_info_by(share, payload);
        if opened.is_err()
            && let Some(client) = remembered
        {
            // Who does not own the key shall not learn by the time that its owner was here.
            drop(self.multiply(&client));
        }
        opened
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

    /// The key shared with `client`; `None` for the few keys whose product is zero whatever ours is.
    fn multiply(&self, client: &NodePublic) -> Option<SharedKey> {
        let client = UnparsedPublicKey::new(&X25519, client.as_bytes());
        agree(&self.private, client, (), |product| product.try_into().map(SharedKey::of).map_err(drop)).ok()
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("public", &self.public).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use wherry_wire::derp::handshake::client_info_frame;
    use wherry_wire::derp::{HEADER_LEN, NONCE_LEN, ServerInfo};

    use super::*;

    fn key(byte: u8) -> NodePrivate {
        NodePrivate::generate([byte; 32])
    }

    /// The ClientInfo payload of `client`, and an answer to it as the client would seal it.
    fn info(client: &NodePrivate, identity: &Identity) -> (Vec<u8>, Vec<u8>) {
        let (frame, shared) =
            client_info_frame(client, identity.public(), [3; NONCE_LEN], &ClientInfo::current()).unwrap();
        (frame[HEADER_LEN..].to_vec(), answer(&shared))
    }

    fn answer(shared: &SharedKey) -> Vec<u8> {
        shared.seal_server_info([0; NONCE_LEN], &ServerInfo::current())
    }

    #[test]
    fn both_sides_come_to_the_same_key() {
        let identity = Identity::new(&key(3)).unwrap();
        let (payload, theirs) = info(&key(5), &identity);
        let (client, _, shared) = identity.open_client_info(&payload).unwrap();
        assert_eq!((client, answer(&shared)), (key(5).public(), theirs));
    }

    #[test]
    fn a_key_without_a_secret_product_is_refused() {
        let identity = Identity::new(&key(3)).unwrap();
        let (mut payload, _) = info(&key(5), &identity);
        payload[..32].fill(0);
        payload[0] = 1;
        assert_eq!(identity.open_client_info(&payload).unwrap_err(), HandshakeError::Sealed);
    }

    #[test]
    fn who_comes_back_is_met_with_the_key_that_was_kept() {
        let identity = Identity::new(&key(3)).unwrap();
        let [(payload, answered), (others, _)] = [5, 7].map(|byte| info(&key(byte), &identity));
        let (client, _, shared) = identity.open_client_info(&payload).unwrap();
        identity.remember(client, shared);
        assert_eq!(answer(&identity.open_client_info(&payload).unwrap().2), answered);
        let (_, _, anothers) = identity.open_client_info(&others).unwrap();
        identity.remember(client, anothers);
        assert_eq!(identity.open_client_info(&payload).unwrap_err(), HandshakeError::Sealed);
    }
}
