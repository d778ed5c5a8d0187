//! The secret shared by the relays of one mesh.
use super::{KeyError, hex};
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Secret that the relays of one mesh share: 32 bytes, never all zero, wiped when dropped, masked in `Debug`.
///
/// `==` takes the same time wherever the keys differ. All zeros mean "no mesh key" on both sides, so absence is an
/// `Option` and never a value of this type.
///
/// Source: tailscale: types/key/derp.go.
#[derive(Clone)]
pub struct MeshKey(Zeroizing<[u8; 32]>);

impl MeshKey {
    /// Reads the text of a mesh key file: 64 hex digits of either case, white space around them ignored.
    ///
    /// `None` is the key of all zeros, which stands for "no mesh key".
    ///
    /// # Errors
    /// [`KeyError::WrongLength`] (the empty text too) or [`KeyError::NotHex`].
    pub fn parse(text: &str) -> Result<Option<Self>, KeyError> {
        Self::parse_exact(text.trim())
    }

    /// As [`parse`](Self::parse), but white space is an error: the rule inside a handshake.
    pub(crate) fn parse_exact(text: &str) -> Result<Option<Self>, KeyError> {
        let bytes = Zeroizing::new(hex::decode(text)?);
        Ok((*bytes != [0; 32]).then_some(Self(bytes)))
    }

    /// The 64 lower-case hex digits, as a mesh key file and a handshake hold them; wiped when dropped.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(64));
        hex::push(&mut text, &self.0);
        text
    }
}

impl PartialEq for MeshKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&*other.0).into()
    }
}

impl Eq for MeshKey {}

impl fmt::Debug for MeshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MeshKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_around_and_either_case_are_fine_in_a_file() {
        let upper = MeshKey::parse(&format!(" \t{}\r\n", "AB".repeat(32))).unwrap().unwrap();
        let lower = MeshKey::parse(&"ab".repeat(32)).unwrap().unwrap();
        assert_eq!(upper, lower);
        assert_eq!(upper.to_text().as_str(), "ab".repeat(32));
    }

    #[test]
    fn keys_that_differ_in_one_bit_differ() {
        let key = |text: String| MeshKey::parse(&text).unwrap().unwrap();
        assert_ne!(key("ab".repeat(32)), key(format!("{}aa", "ab".repeat(31))));
    }

    #[test]
    fn zeros_mean_no_mesh_key() {
        assert_eq!(MeshKey::parse(&"0".repeat(64)).unwrap(), None);
    }

    #[test]
    fn other_lengths_and_other_characters_are_errors() {
        assert_eq!(MeshKey::parse("").unwrap_err(), KeyError::WrongLength { len: 0 });
        assert_eq!(MeshKey::parse(&"a".repeat(63)).unwrap_err(), KeyError::WrongLength { len: 63 });
        assert_eq!(MeshKey::parse(&"a".repeat(65)).unwrap_err(), KeyError::WrongLength { len: 65 });
        assert_eq!(MeshKey::parse(&"g".repeat(64)).unwrap_err(), KeyError::NotHex);
    }

    #[test]
    fn debug_shows_no_digit_of_the_key() {
        let key = MeshKey::parse(&"ab".repeat(32)).unwrap();
        assert_eq!(format!("{key:?}"), "Some(MeshKey(***))");
    }
}
