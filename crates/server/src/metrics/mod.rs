//! Names and counters.
//!
//! Every worker and the front count in [`Counters`] of their own, every STUN socket in [`StunCounters`]; [`Metrics`] knows
//! them all and sums them when somebody reads. May use: wire and switch for their closed lists. Must stay true: counting
//! takes no lock, and a packet costs no atomic operation of its own; every series exists from the start, at zero; a name
//! that `derper` has means what it means there; each metric says when it goes up and what an operator does about it, and
//! the reference page is made of that.
//!
//! The text is written here and not by a Prometheus crate: those follow OpenMetrics and append `_total` to every counter,
//! which would rename all of `derper`'s.

mod counters;
mod family;
mod process;
mod reasons;
mod registry;
mod report;
mod stun;
mod text;

pub use counters::{Counter, Counters, Flow, Kinds, Volume};
pub use family::{FAMILIES, Family, MetricKind, metrics_reference};
pub use process::Process;
pub use reasons::{CloseReason, Refusal};
pub use registry::{Metrics, Totals};
pub use stun::StunCounters;
pub use text::TEXT_TYPE;
