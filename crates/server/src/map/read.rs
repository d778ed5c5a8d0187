//! The reading of maps, which is handed in.

use std::sync::Arc;

use wherry_wire::derp_map::DerpMap;

/// Reads a text as a map, given the name of what it is from: the map, or all that is wrong with it, a line each.
///
/// Whoever runs the relay brings it: the rules for maps are those of the tools, which look at relays from outside, and the
/// relay depends on none of them.
pub type ReadMap = Arc<dyn Fn(&str, &str) -> Result<DerpMap, Vec<String>> + Send + Sync>;
