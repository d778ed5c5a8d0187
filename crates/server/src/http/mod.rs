//! The web face: probes, pages, and the upgrade that hands a connection to DERP.
//!
//! hyper reads and answers requests until one asks for an upgrade; then its state is dropped and [`Takeover`] carries the
//! bare stream away, with any bytes read too far. hyper never writes the answer to an upgrade: with fast start there is
//! none, and otherwise it goes out together with the first DERP frame.
//!
//! May use: transport, and the map that is served. Must stay true: nothing a client sends keeps a connection longer than the deadline allows; a
//! request's body is never looked at.

mod map;
mod page;
mod port80;
mod route;
mod serve;
mod upgrade;

pub use port80::serve_port80;
pub use serve::{Takeover, serve};
pub use upgrade::{Upgrade, WebSocket};

/// What the routes depend on.
#[derive(Debug)]
pub struct Site {
    /// What a browser sees at `/`.
    pub home: Home,
    /// Whether `/derp` upgrades.
    pub derp: bool,
    /// The map that is served, if one is.
    pub map: Option<std::sync::Arc<crate::map::Served>>,
    /// The relay's public key, for the answer to an upgrade.
    pub public_key: wherry_wire::key::NodePublic,
    /// How long a request may take, and how long a connection may wait for the next.
    pub patience: std::time::Duration,
}

pub use crate::config::Home;
