//! The two JSON bodies of the handshake: what each side says about itself.
//!
//! Source: tailscale: derp/derp_client.go, derp/derpserver/derpserver.go.
use super::{
    go_json::{self, SyntaxError, Value},
    limits,
};
use crate::key::{KeyError, MeshKey};
use serde::Serialize;
use std::borrow::Cow;
use zeroize::Zeroizing;

/// What a client says about itself. A missing field is zero, false or empty.
///
/// It has no serde form, lest the mesh key slip into a log; see [`to_json`](Self::to_json).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "callers fill in all there is to say")]
pub struct ClientInfo {
    /// Proof of being a sibling; masked in `Debug`.
    pub mesh_key: Option<MeshKey>,
    /// Protocol version it speaks; servers do not check it.
    pub version: i64,
    /// Whether it answers pings.
    pub can_ack_pings: bool,
    /// Whether it only tests the relay.
    pub is_prober: bool,
    /// Label of the program; chosen by the client, so untrusted text of up to [`limits::MAX_CLIENT_INFO`] bytes.
    pub app_name: String,
}

/// What a server says about itself. A missing field is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "callers fill in all there is to say")]
pub struct ServerInfo {
    /// Protocol version it speaks.
    #[serde(skip_serializing_if = "is_zero")]
    pub version: i64,
    /// What the client may send, in bytes a second; 0 means no limit.
    #[serde(rename = "TokenBucketBytesPerSecond", skip_serializing_if = "is_zero")]
    pub token_bucket_bytes_per_second: i64,
    /// What the client may send at once, in bytes.
    #[serde(rename = "TokenBucketBytesBurst", skip_serializing_if = "is_zero")]
    pub token_bucket_bytes_burst: i64,
}

/// Why a body is not accepted. It never quotes the body, which may hold the mesh key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InfoError {
    /// Not JSON, or something follows it.
    #[error("body is not one JSON value")]
    NotJson,
    /// Nested deeper than the reference reads.
    #[error("body is nested too deeply")]
    TooDeep,
    /// Neither an object nor null.
    #[error("body is no JSON object")]
    NotAnObject,
    /// A known field holds something else than it should.
    #[error("field {field} has the wrong type or is out of range")]
    WrongType {
        /// Name of the field.
        field: &'static str,
    },
    /// The mesh key is no string of 64 hex digits.
    #[error("mesh key: {cause}")]
    MeshKey {
        /// What is wrong with its text.
        cause: KeyError,
    },
}

impl ClientInfo {
    const FIELDS: &'static [&'static str] = &["meshKey", "version", "CanAckPings", "IsProber", "AppName"];

    /// What a client of this version says: the protocol version, and that it answers pings.
    #[must_use]
    pub fn current() -> Self {
        Self { version: i64::from(limits::PROTOCOL_VERSION), can_ack_pings: true, ..Self::default() }
    }

    /// The body, fields in the reference's order; wiped when dropped, since it may hold the mesh key.
    #[must_use]
    pub fn to_json(&self) -> Zeroizing<Vec<u8>> {
        let mesh_key = self.mesh_key.as_ref().map(MeshKey::to_text);
        to_json(&ClientBody {
            mesh_key: mesh_key.as_ref().map(|text| text.as_str()),
            version: self.version,
            can_ack_pings: self.can_ack_pings,
            is_prober: self.is_prober,
            app_name: &self.app_name,
        })
    }

    /// Reads a body by the rules of the reference server, which are those of Go's `encoding/json`.
    ///
    /// Names match in any case, unknown fields are ignored, of repeated fields the last counts but each is checked,
    /// null leaves a field as it was (but is no mesh key), bytes inside strings need not be UTF-8.
    ///
    /// # Errors
    /// Any [`InfoError`].
    pub fn from_json(body: &[u8]) -> Result<Self, InfoError> {
        let mut info = Self::default();
        with_text(body, |text| {
            for (field, value) in go_json::fields(text, Self::FIELDS)? {
                match field {
                    "meshKey" => info.mesh_key = parse_mesh_key(value)?,
                    "version" => set(&mut info.version, field, value, Value::integer)?,
                    "CanAckPings" => set(&mut info.can_ack_pings, field, value, Value::boolean)?,
                    "IsProber" => set(&mut info.is_prober, field, value, Value::boolean)?,
                    _ => set(&mut info.app_name, field, value, Value::string)?,
                }
            }
            Ok(info)
        })
    }
}

impl ServerInfo {
    const FIELDS: &'static [&'static str] =
        &["version", "TokenBucketBytesPerSecond", "TokenBucketBytesBurst"];

    /// What a server of this version says: the protocol version, and no limit.
    #[must_use]
    pub fn current() -> Self {
        Self { version: i64::from(limits::PROTOCOL_VERSION), ..Self::default() }
    }

    /// The body, fields in the reference's order.
    #[must_use]
    pub fn to_json(self) -> Zeroizing<Vec<u8>> {
        to_json(&self)
    }

    /// Reads a body by the rules of the reference client; see [`ClientInfo::from_json`].
    ///
    /// # Errors
    /// Any [`InfoError`] but the mesh key's.
    pub fn from_json(body: &[u8]) -> Result<Self, InfoError> {
        let mut info = Self::default();
        with_text(body, |text| {
            for (field, value) in go_json::fields(text, Self::FIELDS)? {
                let target = match field {
                    "version" => &mut info.version,
                    "TokenBucketBytesPerSecond" => &mut info.token_bucket_bytes_per_second,
                    _ => &mut info.token_bucket_bytes_burst,
                };
                set(target, field, value, Value::integer)?;
            }
            Ok(info)
        })
    }
}

/// What a client's body looks like.
#[derive(Serialize)]
struct ClientBody<'a> {
    #[serde(rename = "meshKey", skip_serializing_if = "Option::is_none")]
    mesh_key: Option<&'a str>,
    #[serde(skip_serializing_if = "is_zero")]
    version: i64,
    #[serde(rename = "CanAckPings")]
    can_ack_pings: bool,
    #[serde(rename = "IsProber", skip_serializing_if = "is_false")]
    is_prober: bool,
    #[serde(rename = "AppName", skip_serializing_if = "str::is_empty")]
    app_name: &'a str,
}

fn to_json(info: &impl Serialize) -> Zeroizing<Vec<u8>> {
    // Room for all but a very long label, since growing would leave a copy of the mesh key behind.
    let mut body = Zeroizing::new(Vec::with_capacity(512));
    #[expect(
        clippy::expect_used,
        reason = "numbers and strings have a JSON form, and memory takes any length"
    )]
    serde_json::to_writer(&mut *body, info).expect("no such value");
    body
}

/// Calls `read` with the body as text. A copy made to replace bad bytes is wiped, since it may hold the mesh key.
fn with_text<T>(body: &[u8], read: impl FnOnce(&str) -> Result<T, InfoError>) -> Result<T, InfoError> {
    match String::from_utf8_lossy(body) {
        Cow::Borrowed(text) => read(text),
        Cow::Owned(text) => read(&Zeroizing::new(text)),
    }
}

/// Sets a field unless the value is null.
fn set<'t, T>(
    target: &mut T,
    field: &'static str,
    value: Value<'t>,
    read: impl FnOnce(Value<'t>) -> Option<T>,
) -> Result<(), InfoError> {
    if !value.is_null() {
        *target = read(value).ok_or(InfoError::WrongType { field })?;
    }
    Ok(())
}

fn parse_mesh_key(value: Value<'_>) -> Result<Option<MeshKey>, InfoError> {
    let text = Zeroizing::new(value.string().ok_or(InfoError::WrongType { field: "meshKey" })?);
    MeshKey::parse_exact(&text).map_err(|cause| InfoError::MeshKey { cause })
}

impl From<SyntaxError> for InfoError {
    fn from(err: SyntaxError) -> Self {
        match err {
            SyntaxError::Malformed => Self::NotJson,
            SyntaxError::TooDeep => Self::TooDeep,
            SyntaxError::NotAnObject => Self::NotAnObject,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(value: &i64) -> bool {
    *value == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
#[path = "info_tests.rs"]
mod tests;
