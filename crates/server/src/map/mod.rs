//! The map that the relay serves, for control planes that read it by URL.
//!
//! What lives here: the reading of included maps from files and URLs, their merging with the relay's own entry, and the
//! page that is served. It may use `config`, `files` and `clock`, and the client to fetch. What must stay true: a map
//! that cannot be read changes nothing that is served, and log and health say so; nothing is served before each included
//! map was read once, for a part of a map would take regions from clients; length and time of reading are bounded.

mod assemble;
mod include;
mod keeper;
mod served;

pub use keeper::Keeper;
pub use served::{Page, Served};
