//! One DERP connection: handshake, sending, receiving.
//!
//! Lives here: the handshake over any byte stream, the two halves of an open connection, and what a relay tells.
//! Uses the wire crate, the `clock` room and the `upgrade` room's streams. Must stay true: a frame once begun is
//! written to its end before another starts, also when the future that began it is dropped; dropping a
//! future of the reading half loses no byte; nothing a relay sends is kept beyond a bound.

mod handshake;
mod limiter;
mod message;
mod outbox;
mod pings;
mod receiver;
mod sender;
mod whole;

pub(crate) use handshake::{Agreed, await_first_bytes, await_server_info, read_server_key};
pub use handshake::{HandshakeError, Identity};
pub use message::Message;
pub use receiver::{Receiver, RecvError, SILENCE_LIMIT};
pub use sender::{PingError, SendError, Sender, Sent};
pub use whole::{Connection, Timings};
