//! All I/O of the relay.
