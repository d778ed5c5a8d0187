//! Secret halves of node keys.
use super::{KeyError, NodePublic, hex};
use curve25519_dalek::MontgomeryPoint;
use std::{fmt, str::FromStr};
use zeroize::Zeroizing;

/// Secret half of a node key: 32 bytes, never all zero, wiped when dropped, masked in `Debug`.
///
/// Text form (`FromStr`, [`to_text`](Self::to_text)): `privkey:` and 64 hex digits.
///
/// Source: tailscale: types/key/node.go.
#[derive(Clone)]
pub struct NodePrivate(Zeroizing<[u8; 32]>);

impl NodePrivate {
    /// Prefix of the text form, colon included.
    pub const PREFIX: &'static str = "privkey:";

    /// The key with these bytes, kept as they are.
    ///
    /// # Errors
    /// [`KeyError::Zero`] if all are zero.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, KeyError> {
        let bytes = Zeroizing::new(bytes);
        if *bytes == [0; 32] { Err(KeyError::Zero) } else { Ok(Self(bytes)) }
    }

    /// A new key from 32 bytes of `entropy`, clamped as X25519 wants it.
    #[must_use]
    pub fn generate(entropy: [u8; 32]) -> Self {
        let mut bytes = Zeroizing::new(entropy);
        let [first, .., last] = &mut *bytes;
        *first &= 248;
        *last = *last & 127 | 64;
        Self(bytes)
    }

    /// The public half. Costs one X25519 base point multiplication.
    #[must_use]
    pub fn public(&self) -> NodePublic {
        NodePublic::from_bytes(MontgomeryPoint::mul_base_clamped(*self.0).to_bytes())
    }

    /// The text form, for the key file; wiped when dropped.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        // The whole size at once: growing would leave a copy behind.
        let mut text = Zeroizing::new(String::with_capacity(Self::PREFIX.len().saturating_add(64)));
        text.push_str(Self::PREFIX);
        hex::push(&mut text, &self.0);
        text
    }

    /// The secret itself, for whoever multiplies by other means.
    #[must_use]
    pub fn expose_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The X25519 product with `other` (RFC 7748, section 5).
    pub(crate) fn multiply(&self, other: &NodePublic) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(MontgomeryPoint(*other.as_bytes()).mul_clamped(*self.0).to_bytes())
    }
}

impl FromStr for NodePrivate {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::from_bytes(hex::decode_typed(text, Self::PREFIX)?)
    }
}

impl fmt::Debug for NodePrivate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodePrivate(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIVATE: &str = "privkey:40ab1b58e9076c7a4d9d07291f5edf9d1aa017eb949624ba683317f48a640369";

    #[test]
    fn public_half_matches_the_reference() {
        let key: NodePrivate = PRIVATE.parse().unwrap();
        assert_eq!(
            key.public().hex().to_string(),
            "50d20b455ecf12bc453f83c2cfdb2a24925d06cf2598dcaa54e91af82ce9f765"
        );
        assert_eq!(key.to_text().as_str(), PRIVATE);
    }

    #[test]
    fn new_keys_are_clamped_whatever_the_entropy() {
        let zeros = NodePrivate::generate([0; 32]);
        assert_eq!((zeros.0[0], zeros.0[31]), (0, 64));
        let ones = NodePrivate::generate([0xff; 32]);
        assert_eq!((ones.0[0], ones.0[31]), (248, 127));
        assert!(!zeros.public().is_zero());
    }

    #[test]
    fn zero_key_is_refused() {
        assert_eq!(NodePrivate::from_bytes([0; 32]).unwrap_err(), KeyError::Zero);
        let text = format!("privkey:{}", "0".repeat(64));
        assert_eq!(text.parse::<NodePrivate>().unwrap_err(), KeyError::Zero);
    }

    #[test]
    fn debug_shows_no_digit_of_the_key() {
        let key: NodePrivate = PRIVATE.parse().unwrap();
        assert_eq!(format!("{key:?}"), "NodePrivate(***)");
    }
}
