//! One connection from its DERP handshake to its end, and the path of a packet.
//!
//! [`accept`] shakes hands and asks admission; what is admitted joins the switch and becomes a task of a
//! [`Worker`], polled when its socket has something, takes something again, or an alarm rings. In one poll it reads
//! what the socket has, opens it, parses all frames, groups the packets by destination and hands each group over at
//! once: sealed and written right here if the destination's socket is free, queued in its mailbox otherwise.
//!
//! May use: transport, admission, metrics, clock; wire and switch. Must stay true: an idle connection owns no buffers;
//! no lock is held across an await or while waiting for a peer; a peer's fault ends only its own connection.

mod alarms;
mod batch;
mod deliver;
mod desk;
mod driver;
mod handshake;
mod identity;
mod inlet;
mod knocks;
mod link;
mod moderation;
mod outgoing;
mod parcel;
mod relay;
mod route_cache;
mod shared_keys;
mod shed;
mod socket;
mod worker;

pub use handshake::{Arrival, Refused, accept};
pub use identity::Identity;
pub use knocks::{Before, Knocks, Whereabouts};
pub use link::{Conn, Link};
pub use moderation::Moderation;
pub use relay::{Relay, Timing};
pub use socket::{TcpTimeouts, prepare};
pub use worker::{Rounds, Worker};
