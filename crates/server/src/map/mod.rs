//! The map that the relay serves, for control planes that read it by URL.
//!
//! What lives here: the reading of included maps from files and URLs, their merging with the relay's own entry, what is
//! kept of them over a restart, and the page that is served. It may use `config`, `files` and `clock`, and the client to
//! fetch; the rules for maps are handed in. What must stay true: a map that cannot be read or has a mistake changes nothing
//! that is served, and log and health say so; nothing is served before each included map was read once, now or before a
//! restart, for a part of a map would take regions from clients: only another relay that asks for it as a part gets one;
//! length and time of reading are bounded.

mod assemble;
mod disk;
mod include;
mod keeper;
mod kept;
mod read;
mod ring;
mod served;

pub use keeper::Keeper;
pub use read::ReadMap;
pub(crate) use ring::{ASKED, HEADER};
pub use served::{Page, Served, Unfinished};
