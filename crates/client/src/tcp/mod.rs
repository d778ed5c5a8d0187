//! The TCP connection to a relay: nodes in order, both families raced.
//!
//! Lives here: which addresses are tried when, and the race. Uses the `target` room and the resolver of the
//! system. Must stay true: every failed attempt is reported with its own reason, and the losing socket of a race
//! is closed.

mod names;
mod plan;
mod race;

pub use names::{lookup, lookup_both};
pub(crate) use race::reach;
pub use race::{Attempt, AttemptError};
