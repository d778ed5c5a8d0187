//! The tutorials of `docs/tutorials`, followed word for word.
//!
//! The info string of a fenced block says where it is done: `sh relay` is run on the relay's machine, `toml relay
//! /etc/wherry.toml` is that file there. `sh by-hand` is what the lab leaves out; the reader sees no difference.
//!
//! What must stay true: a command is run as it is printed; where a page says `KEY-OF-A`, the lab does what the reader is
//! told to do; what a page promises that the reader will see is there.

mod machine;
mod page;
mod promises;

pub(crate) use machine::Machine;
pub(crate) use page::{Step, steps};
pub(crate) use promises::{cert_name, kept};
