//! A small internet: namespaces joined by one bridge, and routers with what real ones do.
//!
//! Public hosts are `203.0.113.N` and `2001:db8::N`. A client is behind a router of its own, whose outer address is
//! public. Everything lives in namespaces whose names carry our prefix, so that what is ours can be told and removed.
//!
//! What must stay true: no command here touches the host's own namespace.

mod host;
mod internet;
mod ip;
mod outside;
mod router;
mod sweep;

pub(crate) use host::Host;
pub(crate) use internet::{Behind, Internet};
pub(crate) use outside::Outside;
pub(crate) use router::Nat;
pub(crate) use sweep::{Lock, sweep};
