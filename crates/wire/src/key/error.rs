//! Why a text is not a key.

/// Why a text or a byte string is not the key it was taken for.
///
/// It never quotes the text, which may be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text does not start with the prefix of its kind.
    #[error("key does not start with {expected:?}")]
    WrongPrefix {
        /// Prefix that was looked for, colon included.
        expected: &'static str,
    },
    /// The part behind the prefix is not exactly 64 characters long.
    #[error("key has {len} bytes of text where 64 hex digits belong")]
    WrongLength {
        /// Bytes found.
        len: usize,
    },
    /// One of the 64 characters is no hex digit.
    #[error("key holds a character that is no hex digit")]
    NotHex,
    /// The key is all zeros, which names nobody and opens nothing.
    #[error("key is all zeros")]
    Zero,
}
