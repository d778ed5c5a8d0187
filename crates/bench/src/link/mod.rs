//! One DERP client of the load: where it dials, its socket, its TLS, the frames on it.
//!
//! Uses the `clock`. Must stay true: an idle link owns no buffer; no step of a dial waits longer than ten seconds;
//! nothing a relay sends makes it panic or keep more than a frame.

mod aim;
mod conn;
mod dial;
mod frames;
mod tls;

pub(crate) use aim::{Aim, AimError, is_private};
pub(crate) use conn::{Link, Scratch};
pub(crate) use dial::{dial, new_key};
