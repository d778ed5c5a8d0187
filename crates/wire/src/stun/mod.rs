//! STUN: how a client learns its public address, in the dialect that relays speak.
//!
//! What lives here: the binding request and its answer, for both sides. It may use a checksum and nothing of this crate.
//! What must stay true: an answer is never longer than 44 bytes and is given only to a request of at least 40, so that
//! a forged source address gains next to nothing; nothing here allocates or remembers.
//!
//! Source: tailscale: net/stun/stun.go.
mod attributes;
mod request;
mod response;

pub use request::{NotStun, REQUEST_LEN, parse_request, request};
pub use response::{BadResponse, MAX_RESPONSE_LEN, parse_response, response};

/// Transaction id: 12 random bytes chosen by the client and copied by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "it is these 12 bytes")]
pub struct TxId(pub [u8; 12]);
