//! What to do about each way a dial can fail, in one plain sentence; for every tool that dials.
//!
//! Lives here: a remedy for each error of a dial, by its step, and for STUN that does not answer. Uses the errors of `wherry_client`. Must stay true: what is
//! advised cures what is wrong, and a tool is not told of flags that it has not.

mod dial;
mod situation;
mod stun;
mod tls;

pub use dial::{LARGE_LOST, dial};
pub(crate) use dial::{OWN_NETWORK, RESOLVER, is_of_resolver};
pub use situation::{LOG, Situation, Tool};
pub(crate) use stun::{no_answer, stun};
pub use tls::certificate;
