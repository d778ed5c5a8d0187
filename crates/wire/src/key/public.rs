//! Public keys: names of parties, safe to print.
use super::{Hex, KeyError, Short, hex};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// Public half of a node key, which names a peer or a relay: 32 bytes of an X25519 point.
///
/// Any 32 bytes are accepted, the zero key too: a frame may carry it, though nobody can own it.
/// Text form (`Display`, `FromStr`, serde): `nodekey:` and 64 hex digits. `Debug` is the short form.
///
/// Source: tailscale: types/key/node.go.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodePublic([u8; 32]);

/// Public half of a discovery key; text form `discokey:` and 64 hex digits.
///
/// Source: tailscale: types/key/disco.go.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DiscoPublic([u8; 32]);

/// The same face for each kind of public key: bytes, hex, short form, typed text.
macro_rules! public_key {
    ($name:ident, $prefix:literal) => {
        impl $name {
            /// Prefix of the text form, colon included.
            pub const PREFIX: &'static str = $prefix;

            /// The key with these bytes.
            #[inline]
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The key with these bytes; `None` unless there are exactly 32.
            #[inline]
            #[must_use]
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// Reads exactly 64 hex digits of either case, without prefix.
            ///
            /// # Errors
            /// [`KeyError::WrongLength`] or [`KeyError::NotHex`].
            pub fn from_hex(text: &str) -> Result<Self, KeyError> {
                hex::decode(text).map(Self)
            }

            /// The 32 bytes as they go over the wire.
            #[inline]
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// Whether all bytes are zero: the key of nobody.
            #[inline]
            #[must_use]
            pub fn is_zero(&self) -> bool {
                self.0 == [0; 32]
            }

            /// Writes the key as 64 lower-case hex digits without prefix.
            #[must_use]
            pub const fn hex(&self) -> Hex<'_> {
                Hex::of(&self.0)
            }

            /// Writes the short form for logs, such as `[UNILR]`; nothing for the zero key.
            #[must_use]
            pub const fn short(&self) -> Short<'_> {
                Short::of(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", Self::PREFIX, self.hex())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.short(), f)
            }
        }

        impl FromStr for $name {
            type Err = KeyError;

            fn from_str(text: &str) -> Result<Self, KeyError> {
                hex::decode_typed(text, Self::PREFIX).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct TypedText;
                impl de::Visitor<'_> for TypedText {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(concat!("a key written ", $prefix, "<64 hex digits>"))
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(TypedText)
            }
        }
    };
}

public_key!(NodePublic, "nodekey:");
public_key!(DiscoPublic, "discokey:");

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "50d20b455ecf12bc453f83c2cfdb2a24925d06cf2598dcaa54e91af82ce9f765";

    #[test]
    fn text_forms_match_the_reference() {
        let key = NodePublic::from_hex(HEX).unwrap();
        assert_eq!(key.to_string(), format!("nodekey:{HEX}"));
        assert_eq!(key.hex().to_string(), HEX);
        // Base64 of 50 d2 0b 45 is UNILRQ==; the first five characters stay.
        assert_eq!(key.short().to_string(), "[UNILR]");
        assert_eq!(format!("{key:?}"), "[UNILR]");
        assert_eq!(NodePublic::from_bytes([0; 32]).short().to_string(), "");
        assert_eq!(NodePublic::from_bytes([0xff; 32]).short().to_string(), "[/////]");
    }

    #[test]
    fn typed_text_is_read_in_either_case_and_in_full_only() {
        let key: NodePublic = format!("nodekey:{}", HEX.to_uppercase()).parse().unwrap();
        assert_eq!(key.hex().to_string(), HEX);
        let wrong = |text: &str| text.parse::<NodePublic>().unwrap_err();
        assert_eq!(wrong(HEX), KeyError::WrongPrefix { expected: "nodekey:" });
        assert_eq!(wrong(&format!("discokey:{HEX}")), KeyError::WrongPrefix { expected: "nodekey:" });
        assert_eq!(wrong(&format!("nodekey:{HEX}0")), KeyError::WrongLength { len: 65 });
        assert_eq!(wrong(&format!("nodekey: {}", HEX.split_at(1).1)), KeyError::NotHex);
        assert_eq!(wrong("nodekey:"), KeyError::WrongLength { len: 0 });
        for end in 0..64 {
            assert_eq!(
                NodePublic::from_hex(HEX.split_at(end).0).unwrap_err(),
                KeyError::WrongLength { len: end }
            );
        }
    }

    #[test]
    fn a_character_of_several_bytes_is_no_digit() {
        // 62 digits and one character of two bytes: 64 bytes, not 64 digits.
        let text = format!("{}é", HEX.split_at(62).0);
        assert_eq!(NodePublic::from_hex(&text), Err(KeyError::NotHex));
    }

    #[test]
    fn serde_speaks_typed_text() {
        let key = NodePublic::from_hex(HEX).unwrap();
        let json = format!("\"nodekey:{HEX}\"");
        assert_eq!(serde_json::to_string(&key).unwrap(), json);
        assert_eq!(serde_json::from_str::<NodePublic>(&json).unwrap(), key);
        serde_json::from_str::<NodePublic>(&format!("\"{HEX}\"")).unwrap_err();
        serde_json::from_str::<DiscoPublic>(&json).unwrap_err();
    }

    #[test]
    fn only_32_bytes_make_a_key() {
        assert_eq!(NodePublic::from_slice(&[7; 32]), Some(NodePublic::from_bytes([7; 32])));
        assert_eq!(NodePublic::from_slice(&[7; 31]), None);
        assert_eq!(NodePublic::from_slice(&[7; 33]), None);
    }
}
