//! The written forms of 32 bytes: 64 hex digits, and the short form for logs.
use super::KeyError;
use std::fmt;

/// Writes 32 bytes as 64 lower-case hex digits.
#[derive(Clone, Copy)]
pub struct Hex<'a>(&'a [u8; 32]);

impl<'a> Hex<'a> {
    pub(super) const fn of(bytes: &'a [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Writes the short form of a key: its first 30 bits as five base64 characters in brackets; nothing for the zero key.
///
/// Source: tailscale: types/key/util.go.
#[derive(Clone, Copy)]
pub struct Short<'a>(&'a [u8; 32]);

impl<'a> Short<'a> {
    pub(super) const fn of(bytes: &'a [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        if *self.0 == [0; 32] {
            return Ok(());
        }
        let [a, b, c, d, ..] = *self.0;
        let bits = u32::from_be_bytes([a, b, c, d]);
        f.write_char('[')?;
        for shift in [26, 20, 14, 8, 2] {
            f.write_char(base64_digit(bits >> shift & 0x3f))?;
        }
        f.write_char(']')
    }
}

impl fmt::Debug for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Standard base64 alphabet; values above 63 do not occur.
fn base64_digit(value: u32) -> char {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = usize::try_from(value).ok().and_then(|at| ALPHABET.get(at));
    char::from(digit.copied().unwrap_or(b'?'))
}

/// Reads exactly 64 hex digits of either case.
pub(super) fn decode(text: &str) -> Result<[u8; 32], KeyError> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let pairs: &[[u8; 2]; 32] = match pairs.try_into() {
        Ok(pairs) if rest.is_empty() => pairs,
        _ => return Err(KeyError::WrongLength { len: text.len() }),
    };
    let mut bytes = [0; 32];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let (Some(high), Some(low)) = (digit(*high), digit(*low)) else {
            return Err(KeyError::NotHex);
        };
        *byte = high << 4 | low;
    }
    Ok(bytes)
}

/// Reads `prefix` followed by exactly 64 hex digits.
pub(super) fn decode_typed(text: &str, prefix: &'static str) -> Result<[u8; 32], KeyError> {
    decode(text.strip_prefix(prefix).ok_or(KeyError::WrongPrefix { expected: prefix })?)
}

fn digit(character: u8) -> Option<u8> {
    char::from(character).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Appends 64 lower-case hex digits without an intermediate copy, for secrets.
pub(super) fn push(out: &mut String, bytes: &[u8; 32]) {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    out.extend(digits.filter_map(|value| char::from_digit(u32::from(value), 16)));
}
