//! All I/O of the relay.
pub mod config;
pub mod transport;
