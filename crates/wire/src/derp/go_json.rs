//! Reading a JSON object by the rules of Go's `encoding/json`, which decide who is let in.
//!
//! What lives here: syntax, names and single values; the meaning of fields is their owner's. It may use serde_json.
//! What must stay true: names match whatever their case; unknown fields are skipped unread, however deep, in bounded
//! stack; bytes that are not UTF-8 inside a string become U+FFFD; nothing may follow the object.
use crate::go_case::same_name;
use serde::de::{self, DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Deepest nesting Go reads.
const MAX_DEPTH: usize = 10_000;

/// What is wrong with the syntax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SyntaxError {
    /// Not JSON, or more than one value.
    Malformed,
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// JSON, but neither an object nor null.
    NotAnObject,
}

/// The fields of an object whose names are in `names`, in order of appearance, repetitions included; null has none.
///
/// # Errors
/// Any [`SyntaxError`].
pub(super) fn fields<'t>(
    text: &'t str,
    names: &'static [&'static str],
) -> Result<Vec<(&'static str, Value<'t>)>, SyntaxError> {
    scan(text.as_bytes())?;
    let of = |err: serde_json::Error| match err.classify() {
        serde_json::error::Category::Data => SyntaxError::NotAnObject,
        serde_json::error::Category::Io
        | serde_json::error::Category::Syntax
        | serde_json::error::Category::Eof => SyntaxError::Malformed,
    };
    let mut reader = serde_json::Deserializer::from_str(text);
    let fields = reader.deserialize_any(Object { names }).map_err(of)?;
    reader.end().map_err(of)?;
    Ok(fields)
}

/// Finds what the JSON crate lets pass: too many brackets around each other, and control characters in names, which
/// it does not look for in strings read as bytes.
fn scan(text: &[u8]) -> Result<(), SyntaxError> {
    let mut depth = 0_usize;
    let (mut in_string, mut escaped) = (false, false);
    for byte in text {
        match byte {
            ..b' ' if in_string => return Err(SyntaxError::Malformed),
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth = depth.saturating_add(1);
                if depth > MAX_DEPTH {
                    return Err(SyntaxError::TooDeep);
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// One value, as it was written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value<'t>(&'t RawValue);

impl Value<'_> {
    /// Null leaves a field as it is.
    pub(super) fn is_null(self) -> bool {
        self.0.get() == "null"
    }

    /// An integer: no fraction, no exponent, in range. A zero may have a sign.
    pub(super) fn integer(self) -> Option<i64> {
        self.0.get().parse().ok()
    }

    pub(super) fn boolean(self) -> Option<bool> {
        self.0.get().parse().ok()
    }

    /// A string; halves of surrogate pairs become U+FFFD.
    pub(super) fn string(self) -> Option<String> {
        serde_json::Deserializer::from_str(self.0.get()).deserialize_bytes(Text).ok()
    }
}

struct Object {
    names: &'static [&'static str],
}

impl<'t> Visitor<'t> for Object {
    type Value = Vec<(&'static str, Value<'t>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(name) = map.next_key_seed(Text)? {
            match self.names.iter().find(|known| same_name(&name, known)) {
                Some(known) => fields.push((*known, Value(map.next_value()?))),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(fields)
    }
}

/// Reads a string as bytes, since serde_json then lets halves of surrogate pairs pass.
struct Text;

impl<'t> DeserializeSeed<'t> for Text {
    type Value = String;

    fn deserialize<D: de::Deserializer<'t>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<String, E> {
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }
}
