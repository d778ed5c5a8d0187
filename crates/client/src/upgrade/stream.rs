//! What carries DERP: plain TCP, TLS, or a WebSocket over either.

use tokio::io::{AsyncRead, AsyncWrite};

/// A stream of bytes both ways.
pub(crate) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> ByteStream for S {}
