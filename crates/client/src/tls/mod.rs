//! TLS of one relay: whom to trust, what to check, how the handshake went.
//!
//! Lives here: trust anchors, the pin of a map entry, the verifier for each rule of a map entry, and the
//! handshake that reports what it saw. Uses rustls and the meta certificate of the wire crate, nothing else of ours.
//! Must stay true: signatures of the handshake are verified under every rule, also without certificate
//! verification, and a pin that cannot be read never turns into a weaker check.

mod issuer;
mod objection;
mod pin;
mod secure;
mod trust;
mod verifier;

pub use objection::Objection;
pub use pin::{BadPin, Pin, PinFailure};
pub(crate) use secure::secure;
pub use secure::{CertificateFault, TlsError, TlsReport, judge};
pub use trust::{Trust, TrustError};
pub use verifier::Verify;
