//! Node keys and the boxes of the handshake.

use crypto_box::aead::Aead as _;
use crypto_box::{PublicKey, SalsaBox, SecretKey};
use std::fmt;

/// A node's key pair.
#[derive(Clone)]
pub struct NodeKey {
    secret: SecretKey,
    public: [u8; 32],
}

impl NodeKey {
    /// A new random key pair.
    #[must_use]
    pub fn random() -> Self {
        Self::from_secret(random_bytes())
    }

    /// The pair that belongs to these 32 secret bytes.
    #[must_use]
    pub fn from_secret(secret: [u8; 32]) -> Self {
        let secret = SecretKey::from_bytes(secret);
        let public = *secret.public_key().as_bytes();
        Self { secret, public }
    }

    /// The public half, 32 raw bytes.
    #[must_use]
    pub const fn public(&self) -> [u8; 32] {
        self.public
    }

    /// The whole payload of a `ClientInfo` frame: public key, nonce, box of `json`.
    #[must_use]
    pub fn client_info(&self, server: &[u8; 32], json: &[u8]) -> Vec<u8> {
        let mut payload = self.public.to_vec();
        payload.extend_from_slice(&self.seal(server, json));
        payload
    }

    /// Nonce and box of `plain` for the node `to`.
    #[must_use]
    pub fn seal(&self, to: &[u8; 32], plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; 24] = random_bytes();
        let sealed = SalsaBox::new(&PublicKey::from(*to), &self.secret).encrypt(&nonce.into(), plain);
        [&nonce[..], &sealed.expect("a box takes any plain text")].concat()
    }

    /// The plain text of a nonce and box sent by the node `from`, or `None` if it does not open.
    #[must_use]
    pub fn open(&self, from: &[u8; 32], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<24>()?;
        SalsaBox::new(&PublicKey::from(*from), &self.secret).decrypt(&(*nonce).into(), sealed).ok()
    }
}

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeKey({})", hex(&self.public[..4]))
    }
}

/// `N` bytes from the system's generator.
#[must_use]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system has entropy");
    bytes
}

/// Lower-case hexadecimal text of `bytes`.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes any text");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// tailscale: types/key/node_test.go
    #[test]
    fn public_half_follows_the_reference_vector() {
        let mut secret = [0; 32];
        let text = "40ab1b58e9076c7a4d9d07291f5edf9d1aa017eb949624ba683317f48a640369";
        for (at, byte) in secret.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap();
        }
        let public = hex(&NodeKey::from_secret(secret).public());
        assert_eq!(public, "50d20b455ecf12bc453f83c2cfdb2a24925d06cf2598dcaa54e91af82ce9f765");
    }
}
