//! Maps that are read together, as by Headscale and by `wherry map merge`.

use std::collections::BTreeMap;

use super::check::Checked;
use super::finding::Rule;
use super::outline::{Outline, Pen, RegionOutline};

/// Something of an earlier map: what it is called, and its map and line.
struct Earlier {
    what: String,
    source: String,
    line: usize,
}

/// What earlier maps have.
#[derive(Default)]
struct Seen {
    regions: BTreeMap<i64, Earlier>,
    codes: BTreeMap<String, Earlier>,
    names: BTreeMap<String, Earlier>,
    nodes: BTreeMap<String, Earlier>,
}

/// Writes down which regions of a map a later one replaces, and what regions of two maps have in common that must be their
/// own.
pub fn compare(all: &mut [Checked]) {
    let mut last: BTreeMap<i64, usize> = BTreeMap::new();
    for (at, checked) in all.iter().enumerate() {
        let regions = checked.outline.iter().flat_map(|outline| &outline.regions);
        last.extend(regions.map(|one| (one.key, at)));
    }
    let mut seen = Seen::default();
    for (at, checked) in all.iter_mut().enumerate() {
        let Some(outline) = checked.outline.take() else { continue };
        let mut pen = Pen::default();
        // What a later map replaces or takes away is in nobody's way.
        let stays = |one: &RegionOutline| last.get(&one.key) == Some(&at);
        seen.judge(&outline, stays, &mut pen);
        seen.add(&outline, stays);
        checked.outline = Some(outline);
        checked.add(pen);
    }
}

impl Seen {
    fn judge(&self, outline: &Outline, stays: impl Fn(&RegionOutline) -> bool, pen: &mut Pen) {
        for (one, region) in outline.live() {
            if let Some(Earlier { source, line, .. }) = self.regions.get(&one.key) {
                pen.note(
                    Rule::Replaced,
                    outline.in_region(one, ""),
                    format!("region {} is in {source} at line {line} too", one.key),
                    "each region in one map: of several the last wins, whole, with all its nodes",
                    "remove it from one of them, or give it another id",
                );
            }
            if !stays(one) {
                continue;
            }
            let code = (self.codes.get(&region.region_code.to_lowercase()), &region.region_code);
            let name = (self.names.get(&region.region_name), &region.region_name);
            for (field, rule, (earlier, value)) in [
                ("RegionCode", Rule::DuplicateRegionCode, code),
                ("RegionName", Rule::DuplicateRegionName, name),
            ] {
                let Some(Earlier { what, source, line }) = earlier else { continue };
                pen.note(
                    rule,
                    outline.in_region(one, field),
                    format!("it is {value:?}, as in {what} of {source} at line {line}"),
                    "a value of its own for each region: status and netcheck tell regions apart by it",
                    "change one of them",
                );
            }
            for node in &one.nodes {
                let name = &node.node.name;
                let Some(Earlier { what, source, line }) = self.nodes.get(name) else { continue };
                pen.note(
                    Rule::DuplicateNodeName,
                    outline.in_node(one, node, "Name"),
                    format!("it is {name:?}, as the node of {what} of {source} at line {line}"),
                    "a name that no other node of all these maps has",
                    "give one of the two another name",
                );
            }
        }
    }

    fn add(&mut self, outline: &Outline, stays: impl Fn(&RegionOutline) -> bool) {
        for (one, region) in outline.live() {
            let earlier =
                |line| Earlier { what: format!("region {}", one.key), source: outline.source.clone(), line };
            self.regions.entry(one.key).or_insert_with(|| earlier(one.at.line));
            if !stays(one) {
                continue;
            }
            first(&mut self.codes, region.region_code.to_lowercase(), || earlier(one.at.line));
            first(&mut self.names, region.region_name.clone(), || earlier(one.at.line));
            for node in &one.nodes {
                first(&mut self.nodes, node.node.name.clone(), || earlier(node.at.line));
            }
        }
    }
}

/// Keeps the first of a name, if it is one.
fn first(seen: &mut BTreeMap<String, Earlier>, name: String, earlier: impl FnOnce() -> Earlier) {
    if !name.is_empty() {
        seen.entry(name).or_insert_with(earlier);
    }
}
