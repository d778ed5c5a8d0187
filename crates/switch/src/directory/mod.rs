//! Who is here: peers, their conns, who watches and who was heard.
//!
//! What lives here: the [`Switch`]. Lookups go to `shards` and take no lock. Everything that changes goes through one lock and
//! the state behind it: per key its conns (`members`, with the policy for duplicates in `last_writer`) and the siblings
//! that have it, who watches, and who is to be told when a peer is gone (`listeners`).
//!
//! It may use every other room except the check. What must stay true is in [`check`](crate::check), as code.

mod counts;
mod last_writer;
mod listeners;
mod members;
mod mesh;
mod shards;
mod state;
mod switch;

pub use counts::Counts;
pub use listeners::Listeners;
pub use switch::{Joined, Switch};

pub(crate) use state::State;
