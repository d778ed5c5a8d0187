//! The record layer of TLS 1.3 (RFC 8446, section 5) after rustls has shaken hands.
//!
//! What lives here: [`Opener`] and [`Sealer`], the two directions of a connection. They share nothing, so that a
//! connection is read on one thread while another writes to it; and they open and seal where the bytes stand, without
//! a copy or an allocation. What must stay true: rustls alone derives keys, each nonce is used once, keys are renewed
//! before a cipher's limit, and a peer that breaks the protocol gets the alert the RFC names and nothing after it.

mod fault;
mod keys;
mod opener;
mod sealer;
#[cfg(test)]
mod stream_tests;
#[cfg(test)]
mod tests;

pub use fault::Fault;
pub(super) use opener::{Opener, Stop};
pub(super) use sealer::{Sealer, take_over};

/// Content types (section 5.1).
mod content {
    pub(super) const ALERT: u8 = 21;
    pub(super) const HANDSHAKE: u8 = 22;
    pub(super) const APPLICATION_DATA: u8 = 23;
}

/// Type, version and length in front of every record.
const HEADER_LEN: usize = 5;

/// The authentication tag of every cipher of TLS 1.3.
const TAG_LEN: usize = 16;

/// Largest content of a record.
const MAX_CONTENT: usize = 1 << 14;

/// By how many records a key is renewed before its limit: one call seals many, so that only its beginning must look.
const MARGIN: u64 = 4096;

/// The head of the `KeyUpdate` message (section 4.6.3), up to its only byte: whether the other side shall answer.
const KEY_UPDATE: [u8; 4] = [24, 0, 0, 1];
