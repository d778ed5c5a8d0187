//! From bytes to text.

/// Why bytes are no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// Compressed: some servers send that to whoever did not ask for it.
    #[error("it is compressed with gzip, which no reader of maps undoes unasked")]
    Compressed,
    /// Anything else.
    #[error("it is no text in UTF-8")]
    NotText,
}

/// The text of a map: UTF-8, or UTF-16 behind a byte order mark, which Go's reader of YAML takes too. A mark stays.
///
/// # Errors
/// [`TextError`].
pub fn decode(bytes: Vec<u8>) -> Result<String, TextError> {
    let unit = match bytes.as_slice() {
        [0x1f, 0x8b, ..] => return Err(TextError::Compressed),
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return String::from_utf8(bytes).map_err(|_| TextError::NotText),
    };
    let (units, half) = bytes.as_chunks();
    let text = char::decode_utf16(units.iter().copied().map(unit)).collect::<Result<_, _>>();
    text.ok().filter(|_| half.is_empty()).ok_or(TextError::NotText)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_in_utf_16_are_read_if_a_mark_says_so() {
        for order in [u16::to_le_bytes, u16::to_be_bytes] {
            let mut bytes: Vec<u8> = "\u{feff}regions: {} # 🇨🇳".encode_utf16().flat_map(order).collect();
            assert_eq!(decode(bytes.clone()).as_deref(), Ok("\u{feff}regions: {} # 🇨🇳"));
            bytes.push(0);
            assert_eq!(decode(bytes), Err(TextError::NotText), "half a character");
        }
        assert_eq!(decode(vec![0xff, 0xfe, 0, 0xd8]), Err(TextError::NotText), "half a pair");
        assert_eq!(decode(b"regions: {}".to_vec()).as_deref(), Ok("regions: {}"));
        assert_eq!(decode(vec![0xff]), Err(TextError::NotText));
    }

    #[test]
    fn what_is_compressed_is_told_from_what_is_no_text() {
        assert_eq!(decode(vec![0x1f, 0x8b, 8, 0]), Err(TextError::Compressed));
    }
}
