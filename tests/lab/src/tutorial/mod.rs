//! The tutorials of `docs/tutorials`, followed word for word.
//!
//! A fenced block whose info string has a second word is a step: `sh relay` is run on the relay's machine, `toml relay
//! /etc/wherry.toml` is that file. A block with a language alone is for the reader only.
//!
//! What must stay true: a command is run as it is printed; where a page says `KEY-OF-A`, the lab does what the reader is
//! told to do.

mod machine;
mod page;

pub(crate) use machine::Machine;
pub(crate) use page::{Step, steps};
