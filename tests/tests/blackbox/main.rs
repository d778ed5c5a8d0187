//! Black-box tests: a module per behaviour, one subject shared by most of them.
#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in the functions that its tests share"
)]

mod admission;
mod client_info;
mod derp_map;
mod duplicates;
mod framing;
mod handshake;
mod hostile;
mod http;
mod limits;
mod liveness;
mod mesh;
mod patience;
mod presence;
mod relay;
mod stun;
mod tls;
mod waits;
mod websocket;
