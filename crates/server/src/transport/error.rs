//! What can go wrong in the layers.

use super::tls13::Fault;

/// Why a codec stopped working; the connection ends.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The peer broke TLS, or its handshake cannot be served (names, versions).
    #[error("tls: {0}")]
    Tls(#[from] rustls::Error),
    /// The peer broke TLS after the handshake.
    #[error("tls: {0}")]
    Record(#[from] Fault),
    /// The peer broke the WebSocket protocol or sent something else than binary messages.
    #[error("websocket: {0}")]
    WebSocket(#[source] Box<tungstenite::Error>),
    /// The codec failed or was closed before.
    #[error("connection is already closed")]
    Closed,
}
