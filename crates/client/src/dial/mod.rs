//! From a target to an open connection, in three steps that can also be taken singly.
//!
//! Lives here: the dialer with its settings, the result of each step, and one error that tells the step. Uses all
//! rooms but `reconnect`. Must stay true: every step has a deadline; a failed step closes what the earlier ones opened.

mod dialer;
mod error;
mod steps;

pub use dialer::Dialer;
pub use error::{DialError, Step};
pub use steps::{Plain, Secured, Transport};
