//! Trees to maps whose every field knows its place.
//!
//! Lives here: the names of all fields, the reading of a tree as a map, and the mistakes that this finds: what is no map,
//! keys that are unknown, mistyped or repeated, values of another type. Uses the `read` room. Must stay true: a field
//! with a mistake is named, and left out of what is dialled, for its readers have no such field; all others are read; what
//! is read here without a mistake, the map's own reader reads equal, or refuses for a notation of numbers.

mod known;
mod model;
mod object;
mod whole;

pub(super) use known::UNMERGED;
pub(super) use model::{NodeOutline, Outline, RegionOutline};
pub(super) use object::{Pen, Sense};
pub(super) use whole::outline;
