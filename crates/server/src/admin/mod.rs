//! The private listener: health, readiness, metrics and status over HTTP.
//!
//! What lives here: the routes and their answers; [`Health`] and [`Status`], which whoever runs the relay fills in
//! through [`Facts`]. It may use: metrics, config, clock. It knows nothing of sessions or certificates.
//!
//! What must stay true: it changes nothing, whatever is asked; a slow reader holds one of a bounded number of
//! connections for a bounded time; on loopback a page in somebody's browser cannot read it through a name that
//! resolves to 127.0.0.1. Who reaches it sees who uses the relay, so an address that is not loopback needs a key of
//! its own in the configuration.

mod health;
mod io;
mod route;
mod serve;
mod status;

#[cfg(test)]
mod tests;

pub use health::{Fault, Health, Part};
pub use route::PATHS;
pub use serve::{Facts, serve};
pub use status::{Addresses, ConnStatus, Status, Traffic};
