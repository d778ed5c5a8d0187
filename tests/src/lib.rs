//! Harness of the black-box tests: starts a relay as a process and speaks to it in raw bytes.
//!
//! The subject is the reference `derper` or `wherry`, chosen by `WHERRY_SUBJECT` ([`settings`]). Tests get
//! addresses from a [`Subject`], open a [`Wire`] or a whole [`Peer`] to it and judge only what comes back.
//!
//! What must stay true: this crate uses no code of the product, so that a fault in the product's encoder cannot
//! be undone by the same fault here; nothing leaves loopback; a subject never outlives the test process; where
//! the two subjects differ on purpose, the difference has a name and a reason in [`differences`].
#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "every function here fails its test by panicking"
)]

mod binary;
pub mod bystanders;
pub mod differences;
pub mod frame;
pub mod hook;
pub mod http;
mod keeper;
pub mod node;
pub mod peer;
pub mod pipe;
mod response;
pub mod settings;
pub mod stun;
pub mod subject;
pub mod tls;
pub mod websocket;
pub mod wire;

pub use binary::generator;
pub use differences::Difference;
pub use frame::Frame;
pub use node::NodeKey;
pub use peer::{Join, Peer};
pub use pipe::Ended;
pub use subject::{Setup, Subject};
pub use wire::Wire;

use std::time::Duration;

/// How long a thing that must happen may take on a slow and busy machine.
///
/// Below every time limit of the relay that could end a connection for another reason (the first is 30 s).
pub const PATIENCE: Duration = Duration::from_secs(20);
