//! The DERP map: which regions there are, and which relays each has.
//!
//! What lives here: the map that a control plane hands to clients, the map of one relay, maps laid over each other, and
//! the written forms: JSON with Go's names, and the YAML of Headscale with the same names in lower case. It may use serde,
//! a JSON and a YAML crate.
//! What must stay true: what is written reads back equal; fields and forms unknown here are ignored; input of any kind
//! costs bounded stack and memory, aliases in YAML included. Whether a map makes sense is for tools to judge.
//!
//! Source: tailscale: tailcfg/derpmap.go.
mod encoding;
mod entry;
mod fields;
mod forms;
mod merge;
mod model;
mod names;
mod yaml;

pub use encoding::{TextError, decode};
pub use entry::Entry;
pub use forms::MapError;
pub use merge::Change;
pub use model::{Address, DerpMap, HomeParams, Node, Region};
