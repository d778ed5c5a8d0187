//! DERP maps: what is wrong with one, and what to do about it.
//!
//! Lives here: the sources of maps, their reading with places, the rules, and the asking of nodes. Uses the client for
//! what only the network can tell. Must stay true: every mistake is found at once, not the first alone; each names its
//! place, what was found, what is expected and the cure; input is bounded in length, depth and number.

mod ask;
mod check;
mod compare;
mod finding;
mod judge;
mod mesh;
mod names;
mod outline;
mod probe;
mod read;
mod served;
mod source;

pub use ask::{AskError, Shown, StunAt, learn};
pub(crate) use ask::{Sight, stun};
pub use check::{Checked, check, load};
pub use compare::compare;
pub use finding::{At, Finding, Place, Rule, Severity};
pub use judge::Destination;
pub(crate) use mesh::{ACROSS, CURE as MESH_CURE, Tie, ties};
pub use names::resolve;
pub use probe::probe;
pub use served::{OwnMap, Standing, own_map};
pub use source::{Origin, Source, SourceError, SourceFault};
