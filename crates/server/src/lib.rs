//! All I/O of the relay.
pub mod clock;
pub mod transport;
