//! What the machine tells: CPU time and memory of the relay, of this process, of all others.
//!
//! Uses the `clock`. Must stay true: a figure that cannot be read is absent with its reason, never zero.

mod limits;
mod machine;
mod meter;
mod process;

pub use limits::FewFiles;
pub(crate) use limits::make_room;
pub(crate) use machine::{cores, facts};
pub(crate) use meter::{Meter, Usage};
pub use process::NotTheRelay;
pub(crate) use process::{Process, listener, relay_process};
