//! What lies between a socket and the DERP byte stream: TLS records, WebSocket messages, or nothing.
//!
//! [`Codec`] is the small seal/open door that the rest of the server sees: bytes off the socket in, DERP bytes
//! out, and back. It owns no buffers, so that an idle connection holds nothing but the state of its ciphers.
//! [`Stream`] is the same door as an asynchronous byte stream, for the short life before the upgrade; after it, the
//! codec comes apart ([`split`]) into an [`Opener`] and a [`Sealer`], which two threads may use at once.
//!
//! May use: rustls, aws-lc-rs, tungstenite, tokio's sockets. Must stay true: an error is final (a codec remembers it and
//! neither opens nor seals afterwards), and everything a codec wants to say to the peer is in the bytes it returns.

mod codec;
mod error;
mod halves;
mod records;
mod stream;
mod tls13;
mod websocket;

pub use codec::Codec;
pub use error::CodecError;
pub use halves::{Need, Opener, Progress, Sealer, split};
pub use records::Opened;
pub use stream::{EstablishError, Parts, Stream};
pub use tls13::Fault;
