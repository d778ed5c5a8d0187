//! The DERP stream: frames in both directions, and the handshake that opens it.
//!
//! What lives here: sizes and numbers ([`limits`]), the frame header ([`header`]), what a server may receive
//! ([`to_server`]), what a client may receive ([`to_client`]), how frames are written ([`encode`]), the handshake
//! ([`handshake`]) and the certificate that shortens it ([`meta_cert`]).
//! It may use: keys, and JSON for the two handshake bodies.
//!
//! What must stay true: decoding steady-state frames neither allocates nor copies packets; the order of checks is the
//! reference server's, since a client sees it; a frame that is too long is an error and is never cut.
pub mod encode;
mod frame_error;
mod go_json;
pub mod handshake;
pub mod header;
mod info;
pub mod limits;
pub mod meta_cert;
pub mod to_client;
pub mod to_server;

pub use frame_error::{FrameError, TooLong};
pub use handshake::{HandshakeError, SharedKey};
pub use header::{FrameType, Header};
pub use info::{ClientInfo, InfoError, ServerInfo};
pub use limits::{
    HEADER_LEN, KEY_LEN, MAGIC, MAX_CLIENT_FRAME, MAX_CLIENT_INFO, MAX_PACKET, NONCE_LEN, PROTOCOL_VERSION,
};
pub use to_client::{PeerFlags, PeerGoneReason, ToClient};
pub use to_server::{Intake, ToServer};
