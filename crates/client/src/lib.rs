//! A DERP client for tokio: dial a relay by its URL or by an entry of a DERP map, send and receive packets,
//! stay connected.
//!
//! Rooms, each using only those below it (and `clock`):
//!
//! | room | what lives there |
//! |---|---|
//! | `reconnect` | a connection that comes back |
//! | `fetch` | a document by HTTP |
//! | `dial` | from a target to an open connection, step by step |
//! | `connection` | the DERP handshake and the two halves of an open connection |
//! | `upgrade` | from HTTP to a stream of DERP frames, or a WebSocket that carries them |
//! | `tcp` | nodes in order, both address families raced |
//! | `target` | what to dial: a URL, a node, a region |
//! | `tls` | trust, pins, the handshake |
//! | `clock` | the only reader of time and entropy |
//!
//! Must stay true: certificates are judged exactly as the target says, never more weakly; nothing a relay sends can make
//! it panic or keep memory beyond a bound; what cancelling does is written at each function.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use wherry_client::{Dialer, Identity, Message, Target, Trust};
//!
//! let target: Target = "https://relay.example/derp".parse()?;
//! let me = Identity::throw_away()?;
//! let mut connection = Dialer::new(Trust::system([])?).connect(&target, &me).await?;
//! connection.send(&me.public(), b"to myself").await?;
//! while let Ok(message) = connection.recv().await {
//!     if let Message::Packet { src, packet } = message {
//!         println!("{} bytes from {src}", packet.len());
//!     }
//! }
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod clock;
mod connection;
mod dial;
mod fetch;
mod reconnect;
mod target;
mod tcp;
mod tls;
mod upgrade;

pub use clock::NoEntropy;
pub use connection::{
    Connection, HandshakeError, Identity, Message, PingError, Receiver, RecvError, SILENCE_LIMIT, SendError,
    Sender, Sent, Timings,
};
pub use dial::{DialError, Dialer, Plain, Secured, Step, Transport};
pub use fetch::{Document, FetchError, Validators, Wanted};
pub use reconnect::{Backoff, Event, Reconnecting, ReconnectingSender};
pub use target::{Endpoint, Family, Target, TargetError, without_secrets};
pub use tcp::{Attempt, AttemptError, lookup, lookup_both};
pub use tls::{
    BadPin, CertificateFault, Objection, Pin, PinFailure, TlsError, TlsReport, Trust, TrustError, Verify,
    judge,
};
pub use upgrade::{FastStart, UpgradeError, upgrade_request};
pub use wherry_wire::derp::{PeerFlags, PeerGoneReason, ServerInfo};
pub use wherry_wire::key::{MeshKey, NodePrivate, NodePublic};
