//! All I/O of the relay.
pub mod transport;
