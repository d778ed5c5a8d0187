//! From HTTP to a stream of DERP frames.
//!
//! Lives here: the upgrade request, the reading of its answer, and the WebSocket that carries the same bytes for
//! who sits behind a proxy. Uses the `target` room. Must stay true: bytes that follow the answer's head are
//! handed on, an answer's body is read only up to a bound and a deadline.

mod answer;
mod request;
mod stream;
mod websocket;

pub use answer::UpgradeError;
pub(crate) use answer::{looks_like_http, read_head};
pub use request::{FastStart, upgrade_request};
pub(crate) use stream::ByteStream;
pub(crate) use websocket::open as open_websocket;
