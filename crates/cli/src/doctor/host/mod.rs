//! What only the relay's own host knows of it: settings, files, sockets, limits.
//!
//! Lives here: one file for each thing that is looked at, and the order in which they are. Uses the server's reading of
//! settings, lists and certificates, its private listener, and `/proc`. Must stay true: nothing is written, made or bound; what this
//! user may not see is said to be so; a relay that does not run is not asked for from outside.

mod files;
mod limit;
mod listen;
mod look;
mod relay;
mod settings;
mod sockets;
mod tailscaled;

pub(super) use look::look;
pub(super) use relay::asked_at_home;
pub(super) use tailscaled::look as tailscaled;
