//! A map with the places of its parts.

use std::collections::{BTreeMap, BTreeSet};

use wherry_wire::derp_map::{DerpMap, Node, Region};

use super::known::written;
use crate::map::finding::{At, Place};
use crate::map::read::Form;

/// The places of the fields that were written, by Go's names.
pub(super) type Places = BTreeMap<&'static str, At>;

/// A map that was read.
#[derive(Debug, Clone)]
pub(in crate::map) struct Outline {
    pub(in crate::map) source: String,
    pub(in crate::map) form: Form,
    /// As `derpMap` in a policy file.
    pub(in crate::map) is_policy: bool,
    /// There is no region, rather than none that could be read.
    pub(in crate::map) is_empty: bool,
    pub(in crate::map) at: At,
    pub(super) places: Places,
    /// Places of values of which a mistake is known, and nothing else.
    pub(super) unread: BTreeSet<At>,
    /// The places of the scores, by region.
    pub(super) scores: BTreeMap<i64, At>,
    /// All but the regions.
    pub(in crate::map) map: DerpMap,
    pub(in crate::map) regions: Vec<RegionOutline>,
}

/// A region that was read.
#[derive(Debug, Clone)]
pub(in crate::map) struct RegionOutline {
    /// Its key in the map, which is the id where nothing else is said.
    pub(in crate::map) key: i64,
    pub(in crate::map) at: At,
    pub(super) places: Places,
    /// All but the nodes; none if it is null.
    pub(in crate::map) region: Option<Region>,
    /// There is no node, rather than none that could be read.
    pub(in crate::map) is_empty: bool,
    pub(in crate::map) nodes: Vec<NodeOutline>,
}

/// A node that was read.
#[derive(Debug, Clone)]
pub(in crate::map) struct NodeOutline {
    /// What reports call it.
    pub(in crate::map) label: String,
    pub(in crate::map) at: At,
    pub(super) places: Places,
    /// Ports written as 0, by Go's names.
    pub(in crate::map) zero_ports: Vec<&'static str>,
    pub(in crate::map) node: Node,
}

impl Outline {
    /// The map without the places. Of a region written twice the last counts, as in Go.
    pub(in crate::map) fn to_map(&self) -> DerpMap {
        let nodes = |region: &RegionOutline| region.nodes.iter().map(|node| node.node.clone()).collect();
        let whole = |one: &RegionOutline| {
            let region = one.region.clone().map(|region| Region { nodes: nodes(one), ..region });
            (one.key, region)
        };
        DerpMap { regions: self.regions.iter().map(whole).collect(), ..self.map.clone() }
    }

    /// The place of a field of the map itself.
    pub(in crate::map) fn place(&self, field: &'static str) -> Place {
        Place {
            source: self.source.clone(),
            at: Some(self.places.get(field).copied().unwrap_or(self.at)),
            field: Some(written(field, self.form)),
            ..Place::default()
        }
    }

    /// The place of a region's score.
    pub(in crate::map) fn score(&self, region: i64) -> Place {
        let place = self.place("RegionScore");
        Place { at: self.scores.get(&region).copied().or(place.at), ..place }
    }

    /// The place of a region's field, or of the region if the field was not written.
    pub(in crate::map) fn in_region(&self, region: &RegionOutline, field: &'static str) -> Place {
        Place {
            source: self.source.clone(),
            at: Some(region.places.get(field).copied().unwrap_or(region.at)),
            region: Some(region.key),
            node: None,
            field: (!field.is_empty()).then(|| written(field, self.form)),
        }
    }

    /// The place of a node's field, or of the node if the field was not written.
    pub(in crate::map) fn in_node(
        &self,
        region: &RegionOutline,
        node: &NodeOutline,
        field: &'static str,
    ) -> Place {
        Place {
            at: Some(node.places.get(field).copied().unwrap_or(node.at)),
            node: Some(node.label.clone()),
            ..self.in_region(region, field)
        }
    }

    /// Whether the place is that of a value of which nothing is known: what is said of it besides follows from that.
    pub(in crate::map) fn is_unread(&self, place: &Place) -> bool {
        place.field.is_some() && place.at.is_some_and(|at| self.unread.contains(&at))
    }

    /// A field's name as this map's form has it.
    pub(in crate::map) fn name(&self, field: &str) -> String {
        written(field, self.form)
    }

    /// A field with its value, as this map's form has it.
    pub(in crate::map) fn line(&self, field: &str, value: &str) -> String {
        match self.form {
            Form::Json => format!("\"{field}\": {value}"),
            Form::Yaml => format!("{}: {value}", written(field, Form::Yaml)),
        }
    }

    /// All regions that are not null.
    pub(in crate::map) fn live(&self) -> impl Iterator<Item = (&RegionOutline, &Region)> {
        self.regions.iter().filter_map(|one| one.region.as_ref().map(|region| (one, region)))
    }

    /// All nodes of regions that are not null.
    pub(in crate::map) fn nodes(&self) -> impl Iterator<Item = (&RegionOutline, &NodeOutline)> {
        self.live().flat_map(|(region, _)| region.nodes.iter().map(move |node| (region, node)))
    }
}

impl NodeOutline {
    /// Whether the field was written.
    pub(in crate::map) fn has(&self, field: &'static str) -> bool {
        self.places.contains_key(field)
    }
}

impl RegionOutline {
    /// Whether the field was written.
    pub(in crate::map) fn has(&self, field: &'static str) -> bool {
        self.places.contains_key(field)
    }
}
