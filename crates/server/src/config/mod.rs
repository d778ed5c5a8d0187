//! Settings: from what was written to what was checked.
//!
//! What lives here: the [register](KEYS) of every key; the layers a value can come from (flag, environment, file,
//! default); the checks that turn text into [`Settings`]; the node key file; the reference page made from the register.
//!
//! What it may use: the environment (nobody else reads it), the files a setting names, and what the kernel tells of the
//! machine's memory; the client to read URLs, and to show them without secrets. No room of this crate.
//!
//! What must stay true: a key without an effect does not exist; nothing unknown is accepted; all problems are reported
//! at once and each names the key, the value, where it was written and what is allowed; a value that cannot be used
//! refuses to start and never falls back to something weaker.

mod address;
mod check;
mod check_map;
mod file_error;
mod key;
mod key_file;
mod layers;
mod ledger;
mod limits;
mod machine;
mod problem;
mod reference;
mod register;
mod register_map;
mod settings;
mod value;

#[cfg(test)]
mod tests;

pub use address::{Host, ListenAddr, dual_stack};
pub use check::{Effective, load};
pub use file_error::{FileError, cure};
pub use key::{Key, Shape};
pub use key_file::{KeyFileError, NodeKeySource, read_node_key, write_node_key};
pub use layers::{Environment, Flag, Origin, Sources};
pub use ledger::{Row, Survey};
pub use limits::Limits;
pub use problem::{Conflict, Missing, Problem, Problems, ValueError, Way};
pub use reference::reference;
pub use register::{KEYS, key};
pub use settings::{Admit, CertSetting, Home, Include, LogFormat, LogSettings, MapSettings, Settings};
pub use value::parse_duration;
