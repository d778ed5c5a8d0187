//! What of a map is about the choice of a home.

use std::collections::BTreeSet;

use super::Destination;
use crate::map::finding::Rule;
use crate::map::outline::{Outline, Pen, UNMERGED};

pub(super) fn judge(map: &Outline, destination: Option<Destination>, pen: &mut Pen) {
    if let Some(home) = &map.map.home_params {
        let regions: BTreeSet<i64> = map.live().map(|(region, _)| region.key).collect();
        for (id, score) in &home.region_score {
            if *score <= 0.0 {
                let found = format!("the score of region {id} is {score}, which clients ignore");
                pen.note(
                    Rule::NumberOdd,
                    map.score(*id),
                    found,
                    "a number above 0: what the region's latency is multiplied with",
                    "write a small number to make a region preferred, a large one to avoid it",
                );
            }
            if !regions.contains(id) {
                let found = format!("there is a score for region {id}, which is not in this map");
                let cure = "remove it, unless another map brings the region";
                pen.note(Rule::WithoutEffect, map.score(*id), found, "scores of the map's regions", cure);
            }
        }
    }
    if !nobody_relays(map, pen) {
        no_home(map, pen);
    }
    no_stun(map, pen);
    let headscale = matches!(destination, Some(Destination::HeadscalePaths | Destination::HeadscaleUrls));
    let is_there = [map.map.home_params.is_some(), map.map.omit_default_regions];
    for (field, _) in UNMERGED.into_iter().zip(is_there).filter(|(_, is_there)| headscale && *is_there) {
        pen.note(
            Rule::NotMerged,
            map.place(field),
            format!(
                "Headscale takes nothing but the regions of a map: {} has no effect there",
                map.name(field)
            ),
            "regions alone",
            "remove it, or leave it for other readers",
        );
    }
}

/// Clients take a region for home even where none may be, and are cut off where nobody relays. Whether that is the case, though
/// no region is to be home; of one that may be, it is said there.
fn nobody_relays(map: &Outline, pen: &mut Pen) -> bool {
    let mut live = map.live().filter(|(one, _)| !one.nodes.is_empty()).peekable();
    let Some((first, _)) = live.peek().copied() else { return false };
    let is_it = live
        .all(|(one, region)| region.no_measure_no_home && one.nodes.iter().all(|node| node.node.stun_only));
    if is_it {
        pen.note(
            Rule::NobodyRelays,
            map.in_region(first, "Nodes"),
            "each node of the map answers STUN alone, so clients that have no other are cut off",
            "at least one node that relays",
            "let a node relay, or bring the map together with one that has relays: wherry map merge",
        );
    }
    is_it
}

/// Without a region that may be home, clients fall back on any.
fn no_home(map: &Outline, pen: &mut Pen) {
    let mut live = map.live().peekable();
    let Some((first, _)) = live.peek().copied() else { return };
    if live.all(|(_, region)| region.no_measure_no_home) {
        let field = map.name("NoMeasureNoHome");
        pen.note(
            Rule::WithoutEffect,
            map.in_region(first, "NoMeasureNoHome"),
            format!(
                "each region has {field}, so clients measure none and take one at random as home all the same"
            ),
            "a region that may be home",
            "remove it from one region, unless another map brings one",
        );
    }
}

/// Clients measure regions by STUN, and by other means only where it does not come through at all.
fn no_stun(map: &Outline, pen: &mut Pen) {
    for (one, region) in map.live() {
        let relay = one.nodes.iter().find(|node| !node.node.stun_only);
        let Some(relay) = relay.filter(|_| !region.no_measure_no_home && !region.avoid) else { continue };
        if one.nodes.iter().all(|node| node.node.stun_port < 0) {
            pen.note(
                Rule::NoStun,
                map.in_node(one, relay, "STUNPort"),
                "no node of the region answers STUN: clients do not choose it for home by themselves while another region does",
                "a UDP port on which the relay answers STUN",
                "let the relay answer STUN, and write its port; nothing, if it is to be nobody's home",
            );
        }
    }
}
