//! Documents by HTTP: the map that a URL names.
//!
//! Lives here: one GET with its redirects, over the connections that the dialer makes. Uses `dial` and hyper. Must stay
//! true: the answer is bounded in length and time; what was asked for over TLS never comes without it.

mod carrier;
mod document;
mod get;
mod redirect;
mod wanted;

pub use document::{Document, FetchError};
pub use wanted::{Validators, Wanted};
