//! From settings to a running relay, and back.
//!
//! [`Running::start`] builds the rooms in the order in which they can fail: what is wrong with a setting, a key, a
//! certificate or an address is found before anything is served. [`Running::drain`] takes them down again within a
//! bound. May use: all rooms. Must stay true: every task and thread started here is owned by [`Running`]; if starting
//! fails, nothing stays.

mod entry;
mod error;
mod facts;
mod running;
mod shortage;
mod start;
mod workers;

pub use entry::entry;
pub use error::StartError;
pub use running::Running;
