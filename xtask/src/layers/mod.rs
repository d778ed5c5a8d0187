//! Do the arrows of the code match the arrows of ARCHITECTURE.md?
//!
//! - `arrows`: the tables in ARCHITECTURE.md as a map;
//! - `rooms`: the rooms of a crate and what each one names by `crate::`;
//! - `verdict`: the two held against each other.
//!
//! What must stay true: `verdict` is pure, so that a bad arrow can be shown to fail.

mod arrows;
mod rooms;
mod run;
mod verdict;

pub(crate) use run::{cycles, run};
