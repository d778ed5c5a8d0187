//! Regions.

use std::collections::BTreeMap;

use wherry_wire::derp_map::Region;

use super::Destination;
use crate::map::finding::{Place, Rule};
use crate::map::outline::{Outline, Pen, RegionOutline};

/// The ids that Tailscale leaves to users.
const USERS: std::ops::RangeInclusive<i64> = 900..=999;

/// The ids that clients can use: they write the id where a port of 16 bits stands.
pub(in crate::map) const USABLE: std::ops::RangeInclusive<i64> = 1..=65535;

/// Ids that a message names: Tailscale has fewer regions.
const SHOWN: usize = 40;

/// One region.
pub(super) fn judge(map: &Outline, one: &RegionOutline, pen: &mut Pen) {
    if !USABLE.contains(&one.key) {
        pen.note(
            Rule::RegionIdRange,
            map.in_region(one, ""),
            format!("the region's id is {}", one.key),
            "1 to 65535: clients keep it in 16 bits",
            "take a free number from 900 to 999",
        );
    }
    // What is null is judged with its like.
    let Some(region) = &one.region else { return };
    id(map, one, region, pen);
    names(map, one, region, pen);
    globe(map, one, region, pen);
    nodes(map, one, region, pen);
    if region.avoid {
        let cure = map.line("NoMeasureNoHome", "true");
        pen.note(
            Rule::Deprecated,
            map.in_region(one, "Avoid"),
            "clients still measure such a region at first, and the field is going away",
            "NoMeasureNoHome, for a region that is no home",
            format!("write {cure}"),
        );
    }
}

fn id(map: &Outline, one: &RegionOutline, region: &Region, pen: &mut Pen) {
    if region.region_id == one.key {
        return;
    }
    let line = map.line("RegionID", &one.key.to_string());
    let found = match one.has("RegionID") {
        true => format!("it is {}, but the region stands under {}", region.region_id, one.key),
        false => format!("{} is missing, so it is 0", map.name("RegionID")),
    };
    let expected = format!("{}, the region's key in the map", one.key);
    pen.note(Rule::RegionIdDiffers, map.in_region(one, "RegionID"), found, expected, format!("write {line}"));
}

fn names(map: &Outline, one: &RegionOutline, region: &Region, pen: &mut Pen) {
    if region.region_code.is_empty() {
        pen.note(
            Rule::RegionCodeMissing,
            map.in_region(one, "RegionCode"),
            "the region has no code: tailscale status shows relay \"\"",
            "a short word, such as nyc",
            format!("write {}", map.line("RegionCode", "\"nyc\"")),
        );
    } else if !is_word(&region.region_code) {
        let (found, expected) = (not_one_word(&region.region_code), "a short word, such as nyc");
        let cure = "shorten it, or write hyphens between its parts";
        pen.note(Rule::NotOneWord, map.in_region(one, "RegionCode"), found, expected, cure);
    }
    if region.region_name.is_empty() {
        pen.note(
            Rule::RegionNameMissing,
            map.in_region(one, "RegionName"),
            "the region has no name: tailscale netcheck shows none",
            "a name for people, such as New York City",
            format!("write {}", map.line("RegionName", "\"New York City\"")),
        );
    }
}

/// Whether each character is a letter or digit of any script, or a sign of ASCII: commands and columns are cut at others.
pub(super) fn is_word(text: &str) -> bool {
    text.chars().all(|one| one.is_alphanumeric() || one.is_ascii_graphic())
}

pub(super) fn not_one_word(text: &str) -> String {
    format!("it is {text:?}, with a space or a character that nobody sees")
}

fn globe(map: &Outline, one: &RegionOutline, region: &Region, pen: &mut Pen) {
    for (field, value, limit) in [("Latitude", region.latitude, 90.0), ("Longitude", region.longitude, 180.0)]
    {
        if value.abs() > limit {
            let (found, expected) = (format!("it is {value}"), format!("degrees from -{limit} to {limit}"));
            let cure = "correct it; perhaps latitude and longitude are swapped";
            pen.note(Rule::NumberOdd, map.in_region(one, field), found, expected, cure);
        }
    }
}

fn nodes(map: &Outline, one: &RegionOutline, region: &Region, pen: &mut Pen) {
    let relays: Vec<_> = one.nodes.iter().filter(|node| !node.node.stun_only).collect();
    let field = map.name("Nodes");
    match relays.as_slice() {
        [] if one.nodes.is_empty() && !one.is_empty => {}
        // It is nobody's home, and measured where latencies are looked at.
        [] if !one.nodes.is_empty() && region.no_measure_no_home => {}
        [] => pen.note(
            Rule::NoRelay,
            map.in_region(one, "Nodes"),
            match one.nodes.is_empty() {
                true => format!("the region has no {field}"),
                false => "each node answers STUN alone: clients measure the region, make it their home and are cut off".to_owned(),
            },
            "at least one node that relays",
            match one.nodes.is_empty() {
                true => "add a node; wherry map entry prints one",
                false => "let a node relay, or set NoMeasureNoHome for the region",
            },
        ),
        [_] => {}
        _ if is_vendors(one) => {}
        [_, second, ..] => {
            let names: Vec<_> = relays.iter().map(|node| node.label.as_str()).collect();
            pen.note(
                Rule::MustBeMeshed,
                map.in_node(one, second, ""),
                format!("the region has {} nodes that relay: {}", relays.len(), names.join(", ")),
                "relays of one region that forward to each other (a mesh): else two peers whose connections are on different \
                 ones do not meet",
                "if they are meshed, wherry map check --probe shows it; if not, give each node a region of its own",
            );
        }
    }
}

/// What only several regions can have wrong.
pub(super) fn judge_together(map: &Outline, destination: Option<Destination>, pen: &mut Pen) {
    duplicate_ids(map, pen);
    let code = |region: &Region| region.region_code.to_lowercase();
    duplicates(map, "RegionCode", Rule::DuplicateRegionCode, code, pen);
    let name = |region: &Region| region.region_name.clone();
    duplicates(map, "RegionName", Rule::DuplicateRegionName, name, pen);
    removed(map, pen);
    foreign_ids(map, destination, pen);
}

/// One note for all: whoever takes Tailscale's regions away has two dozen of them.
fn removed(map: &Outline, pen: &mut Pen) {
    let nulls: Vec<_> = map.regions.iter().filter(|one| one.region.is_none()).collect();
    let Some(first) = nulls.first() else { return };
    let found = match nulls.as_slice() {
        [_] => "the region is null, which removes it from the maps before".to_owned(),
        _ => format!("regions {} are null, which removes them from the maps before", ids(&nulls)),
    };
    let expected = "null where a region is to be removed";
    let cure = "nothing, if that is meant: Headscale and Tailscale heed it";
    pen.note(Rule::RegionRemoved, map.in_region(first, ""), found, expected, cure);
}

/// The ids of some regions; of very many the first.
fn ids(regions: &[&RegionOutline]) -> String {
    let more = regions.len().saturating_sub(SHOWN);
    let rest = (more > 0).then(|| format!("and {more} more"));
    let ids = regions.iter().take(SHOWN).map(|one| one.key.to_string());
    ids.chain(rest).collect::<Vec<_>>().join(", ")
}

/// Two keys, but one `RegionID`.
fn duplicate_ids(map: &Outline, pen: &mut Pen) {
    let mut seen: BTreeMap<i64, &RegionOutline> = BTreeMap::new();
    for (one, region) in map.live().filter(|(_, region)| region.region_id != 0) {
        let Some(first) = seen.insert(region.region_id, one).filter(|first| first.key != one.key) else {
            continue;
        };
        pen.note(
            Rule::DuplicateRegionId,
            map.in_region(one, "RegionID"),
            format!(
                "it is {}, as in the region at line {}; clients would confuse the two",
                region.region_id, first.at.line
            ),
            "an id of its own for each region",
            "give one of them another id, in its key, its RegionID and its nodes",
        );
    }
}

fn duplicates(
    map: &Outline,
    field: &'static str,
    rule: Rule,
    value: impl Fn(&Region) -> String,
    pen: &mut Pen,
) {
    let mut seen: BTreeMap<String, &RegionOutline> = BTreeMap::new();
    for (one, region) in map.live() {
        let value = value(region);
        if value.is_empty() {
            continue;
        }
        match seen.get(&value) {
            Some(first) if first.key != one.key => pen.note(
                rule,
                map.in_region(one, field),
                format!("it is {value:?}, as in region {} at line {}", first.key, first.at.line),
                "a value of its own for each region: status and netcheck tell regions apart by it",
                "change one of them",
            ),
            Some(_) => {}
            None => drop(seen.insert(value, one)),
        }
    }
}

/// Whether a region is one of Tailscale's own, whose nodes are known to be meshed.
fn is_vendors(one: &RegionOutline) -> bool {
    !one.nodes.is_empty() && one.nodes.iter().all(|node| node.node.host_name.ends_with(".tailscale.com"))
}

fn foreign_ids(map: &Outline, destination: Option<Destination>, pen: &mut Pen) {
    let foreign: Vec<_> = map
        .live()
        .map(|(one, _)| one)
        .filter(|one| USABLE.contains(&one.key) && !USERS.contains(&one.key) && !is_vendors(one))
        .collect();
    let Some(first) = foreign.first() else { return };
    let place = Place { field: None, ..map.in_region(first, "") };
    let is_policy = map.is_policy || destination == Some(Destination::Policy);
    let found = match foreign.as_slice() {
        [one] => format!("the region's id is {}", one.key),
        _ => format!("ids of regions are {}", ids(&foreign)),
    };
    if is_policy {
        let expected =
            "900 to 999: Tailscale keeps the others for its own regions, which these would replace";
        pen.note(Rule::RegionIdReserved, place, found, expected, "take ids from 900 to 999");
    } else {
        let expected = "900 to 999 with Tailscale's control plane; Headscale takes 1 to 65535";
        let cure = "nothing, unless it is for Tailscale or merged with its map: then take 900 to 999";
        pen.note(Rule::RegionIdForeign, place, found, expected, cure);
    }
}
