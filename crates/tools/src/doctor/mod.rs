//! What is wrong with a relay, seen from outside, and what to do about it.
//!
//! Lives here: the examination of one relay, step by step, of nodes for STUN alone and of the regions of a map, and the findings. Uses the
//! client, `map` for STUN and meshes, `remedy` and `http`. Must stay true: what only follows from a fault is not told as another;
//! what could not be looked at is never called good; each fault says what to do.

mod certificate;
mod examine;
mod families;
mod finding;
mod mesh;
mod patient;
mod proxy;
mod router;
mod stun_only;
mod tls;
mod udp;
mod visit;

pub use examine::{Diagnosis, examine, examine_all};
pub use finding::{Finding, Mark, Part};
pub use mesh::{RegionDiagnosis, mesh};
pub use patient::Patient;
pub use stun_only::stun_only;
