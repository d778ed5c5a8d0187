//! Names and counters.
//!
//! Every worker and the front count in [`Counters`] of their own; readers sum them. May use: wire and switch for their
//! closed lists. Must stay true: counting takes no lock, and a packet costs no atomic operation of its own.

mod counters;
mod reasons;

pub use counters::{Counter, Counters, Flow, Volume};
pub use reasons::{CloseReason, Refusal};
