//! What to dial: a URL, a node of a DERP map, or a region.
//!
//! Lives here: turning those three into a checked [`Target`], every mistake found before the first packet. Uses the
//! map types of the wire crate and the pins of the `tls` room. Must stay true: a field that cannot be read is an
//! error, never a weaker or other target.

mod endpoint;
mod map;
mod url;

pub(crate) use endpoint::Address;
pub use endpoint::{Endpoint, Family, Target, TargetError, without_secrets};
