//! From an address to connections: binding, accepting, and each connection's way up to its session.
//!
//! May use: http, tls, session, transport, metrics, config. Must stay true: nothing a peer does keeps the accept loop
//! waiting; a connection that is not admitted ends by its deadlines; dropping an accept loop ends all of them.

mod accept;
mod bind;
mod connection;

pub use accept::accept;
pub use bind::{BindError, bind, bind_relay};
pub use connection::{Door, Face};
