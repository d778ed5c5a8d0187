//! From a text to the map in it.

use std::iter;

use wherry_wire::derp_map::{DerpMap, Node, Region};

use super::wrong::BadQuestion;

/// A map, a region or a node in JSON, or a map in YAML, with whatever was printed around it.
pub(crate) fn entry(text: &str) -> Result<DerpMap, BadQuestion> {
    let text = text.trim_start();
    if let Some(json) = json_within(text) {
        return of_json(json);
    }
    if text.starts_with('{') {
        return of_json(text);
    }
    let start = text.find("\nregions:").unwrap_or_default();
    match DerpMap::from_yaml(text.get(start..).unwrap_or_default()) {
        Ok(map) if map.regions.is_empty() => Err(BadQuestion::NoEntry),
        Ok(map) => Ok(map),
        Err(_) if start == 0 && !text.starts_with("regions:") => Err(BadQuestion::NoEntry),
        Err(err) => Err(err.into()),
    }
}

/// The fields by which an entry is told from other objects, the largest entry first.
const FIELDS: [&str; 3] = ["Regions", "Nodes", "HostName"];

/// The first object that begins a line and is an entry. The log of derper has it behind spaces: there it counts unless it
/// stands within something that cannot be read.
fn json_within(text: &str) -> Option<&str> {
    let lines = iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
    let starts = lines.filter_map(|at| {
        let (before, line) = text.split_at_checked(at)?;
        let rest = line.trim_start_matches(' ');
        (rest.starts_with('{') && (rest.len() == line.len() || is_closed(before))).then_some(rest)
    });
    starts.into_iter().find_map(|rest| {
        let mut objects = serde_json::Deserializer::from_str(rest)
            .into_iter::<serde_json::Map<String, serde_json::Value>>();
        let fields = objects.next()?.ok()?;
        FIELDS.iter().any(|field| fields.contains_key(*field)).then(|| rest.get(..objects.byte_offset()))?
    })
}

/// Whether as many brackets are closed as were opened.
fn is_closed(text: &str) -> bool {
    let count = |brackets: [char; 2]| text.matches(brackets).count();
    count(['{', '[']) == count(['}', ']'])
}

fn of_json(text: &str) -> Result<DerpMap, BadQuestion> {
    let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text)?;
    match FIELDS.iter().find(|field| fields.contains_key(**field)) {
        Some(&"Regions") => Ok(DerpMap::from_json(text.as_bytes())?),
        Some(&"Nodes") => Ok(alone(serde_json::from_str(text)?)),
        Some(_) => {
            let node: Node = serde_json::from_str(text)?;
            Ok(alone(Region { region_id: node.region_id, nodes: vec![node], ..Region::default() }))
        }
        None => Err(BadQuestion::NoEntry),
    }
}

/// A map of this region; one without an id gets the first of those left to users.
pub(super) fn alone(region: Region) -> DerpMap {
    const FIRST_OF_USERS: i64 = 900;
    let id = if region.region_id == 0 { FIRST_OF_USERS } else { region.region_id };
    let mut region = Region { region_id: id, ..region };
    for node in region.nodes.iter_mut().filter(|node| node.region_id == 0) {
        node.region_id = id;
    }
    DerpMap { regions: [(id, Some(region))].into(), ..DerpMap::default() }
}
