//! All I/O of the relay.
pub mod admin;
pub mod admission;
pub mod clock;
pub mod config;
pub mod files;
pub mod http;
pub mod listen;
pub mod map;
pub mod metrics;
pub mod run;
pub mod session;
pub mod stun;
pub mod tls;
pub mod transport;
