//! What is wrong with a map that could be read.
//!
//! Lives here: the rules, each about one thing and in the file of what it is about. Uses `outline`. Must stay true: each
//! finding names place, value, what is allowed and what to do; nothing is asked of the network.

mod address;
mod certificate;
mod destination;
mod example;
mod homes;
mod node;
mod region;
mod whole;

pub(super) use address::{Way, bad_name, unreachable_kind, way};
pub use destination::Destination;
pub(super) use region::USABLE;
pub(super) use whole::judge;
