//! Bytes to meaning and back: DERP frames, handshake, keys, STUN, the DERP map.
//!
//! What lives here: every byte layout this product speaks, as pure functions, for servers and clients alike.
//! It may use: allocation, the NaCl box, serde. No socket, clock, runtime, entropy source, logging or file: nonces,
//! transaction ids and new keys' entropy are arguments.
//!
//! What must stay true: no input can make it panic, and what it costs to look at an input grows no faster than the
//! input; a frame that one side may not receive cannot be decoded as one; secrets print as a mask, are wiped when
//! dropped and are compared in constant time.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::wildcard_enum_match_arm,
    clippy::as_conversions,
    clippy::arithmetic_side_effects
)]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs)]

#[cfg(test)]
mod annotated_hex;
pub mod derp;
pub mod derp_map;
pub mod disco;
mod go_case;
pub mod key;
#[cfg(test)]
mod recorded_tests;
pub mod stun;
