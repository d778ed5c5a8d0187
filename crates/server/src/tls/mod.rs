//! Certificates of the relay: where they come from, which one a client gets, and that they stay fresh.
//!
//! Lives here: reading and pairing PEM files by content, the self-signed certificate and its pin, the meta
//! certificate that tells a client the relay's key one round trip early, the choice by server name, reloading,
//! and the TLS settings. May use `config`, `clock` and `files`, rustls, the X.509 crates, and the client for its judgement of
//! a chain. What must stay true:
//!
//! - a certificate is served only with the key it was issued for, and nothing starts with an expired one;
//! - a reload that fails changes nothing that is served, is logged, and shows in [`Certs::status`];
//! - the meta certificate is always the last of a chain;
//! - a server name that is not ours is refused, unless the relay is known by addresses alone.

mod cert;
mod certs;
mod config;
mod date;
mod doubt;
mod error;
mod folder;
mod meta_cert;
mod origin;
mod pem;
mod self_signed;
mod table;
#[cfg(test)]
mod tests;

pub use certs::{CertStatus, Certs, Expiry, ReloadFailure, pin};
pub use config::server_config;
pub use doubt::Doubt;
pub use error::TlsError;
pub use folder::files_in;
