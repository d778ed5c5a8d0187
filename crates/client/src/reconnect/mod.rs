//! A connection that comes back.
//!
//! Lives here: the pauses between dials, what is repeated after each, and the two faces of it: one task drives
//! and receives, others send. Uses the `dial` and `connection` rooms. Must stay true: dropping a future of the
//! driver loses neither a message nor the progress of a dial; a relay is never dialled faster than the pauses
//! allow, whatever it does.

mod backoff;
mod driver;
mod handle;

pub use backoff::Backoff;
pub use driver::{Event, Reconnecting};
pub use handle::ReconnectingSender;
