//! All I/O of the relay.
pub mod clock;
pub mod config;
pub mod transport;
