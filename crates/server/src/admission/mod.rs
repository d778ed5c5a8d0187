//! Who may use the relay.
//!
//! [`Admission`] holds the one gate to the switch: nothing joins without a proof that it made. Kinds of admission are
//! variants of one policy; asking is asynchronous, since later kinds ask others. May use: files, config, clock and wire.
//! Must stay true: no kind admits because it cannot tell; a list that cannot be read leaves the one before in force; the
//! mesh key is compared in constant time and never logged.

mod admit;
mod list;
mod parse;

pub use admit::{Admission, Denied, Request};
pub use list::{ListError, ListFailure, Removed, check_list};
pub use parse::{LineError, LineProblem, ListFault};
