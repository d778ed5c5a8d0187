//! The names of the YAML form: each struct of the map once more, for serde's `remote`, which checks that they agree.
use super::{
    DerpMap, HomeParams, Node, Region,
    fields::{
        YAML, finite_or_zero, is_zero, object_or_none, objects, objects_by_number, or_zero, scores,
        whole_or_zero,
    },
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// A map in its YAML form.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct MapEntry(#[serde(with = "MapYaml")] pub(super) DerpMap);

#[derive(Default, Serialize, Deserialize)]
#[serde(remote = "DerpMap", default)]
struct MapYaml {
    #[serde(
        rename = "homeparams",
        serialize_with = "write_home",
        deserialize_with = "read_home",
        skip_serializing_if = "Option::is_none"
    )]
    home_params: Option<HomeParams>,
    #[serde(rename = "regions", serialize_with = "write_regions", deserialize_with = "read_regions")]
    regions: BTreeMap<i64, Option<Region>>,
    #[serde(rename = "omitdefaultregions", deserialize_with = "or_zero", skip_serializing_if = "is_zero")]
    omit_default_regions: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct HomeEntry(#[serde(with = "HomeYaml")] HomeParams);

#[derive(Default, Serialize, Deserialize)]
#[serde(remote = "HomeParams", default)]
struct HomeYaml {
    #[serde(rename = "regionscore", deserialize_with = "scores::<_, YAML>", skip_serializing_if = "is_zero")]
    region_score: BTreeMap<i64, f64>,
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct RegionEntry(#[serde(with = "RegionYaml")] Region);

#[derive(Default, Serialize, Deserialize)]
#[serde(remote = "Region", default)]
struct RegionYaml {
    #[serde(rename = "regionid", deserialize_with = "whole_or_zero")]
    region_id: i64,
    #[serde(rename = "regioncode", deserialize_with = "or_zero")]
    region_code: String,
    #[serde(rename = "regionname", deserialize_with = "or_zero")]
    region_name: String,
    #[serde(rename = "latitude", deserialize_with = "finite_or_zero", skip_serializing_if = "is_zero")]
    latitude: f64,
    #[serde(rename = "longitude", deserialize_with = "finite_or_zero", skip_serializing_if = "is_zero")]
    longitude: f64,
    #[serde(rename = "avoid", deserialize_with = "or_zero", skip_serializing_if = "is_zero")]
    avoid: bool,
    #[serde(rename = "nomeasurenohome", deserialize_with = "or_zero", skip_serializing_if = "is_zero")]
    no_measure_no_home: bool,
    #[serde(rename = "nodes", serialize_with = "write_nodes", deserialize_with = "read_nodes")]
    nodes: Vec<Node>,
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct NodeEntry(#[serde(with = "NodeYaml")] Node);

#[derive(Default, Serialize, Deserialize)]
#[serde(remote = "Node", default)]
struct NodeYaml {
    #[serde(rename = "name", deserialize_with = "or_zero")]
    name: String,
    #[serde(rename = "regionid", deserialize_with = "whole_or_zero")]
    region_id: i64,
    #[serde(rename = "hostname", deserialize_with = "or_zero")]
    host_name: String,
    #[serde(rename = "certname", deserialize_with = "or_zero", skip_serializing_if = "is_zero")]
    cert_name: String,
    #[serde(rename = "ipv4", deserialize_with = "or_zero", skip_serializing_if = "is_zero")]
    ipv4: String,
    #[serde(rename = "ipv6", deserialize_with = "or_zero", skip_serializing_if = "is_zero")]
    ipv6: String,
    #[serde(rename = "stunport", deserialize_with = "whole_or_zero", skip_serializing_if = "is_zero")]
    stun_port: i64,
    #[serde(rename = "stunonly", deserialize_with = "or_zero", skip_serializing_if = "is_zero")]
    stun_only: bool,
    #[serde(rename = "derpport", deserialize_with = "whole_or_zero", skip_serializing_if = "is_zero")]
    derp_port: i64,
    #[serde(rename = "insecurefortests", deserialize_with = "or_zero", skip_serializing_if = "is_zero")]
    insecure_for_tests: bool,
    #[serde(rename = "stuntestip", deserialize_with = "or_zero", skip_serializing_if = "is_zero")]
    stun_test_ip: String,
    #[serde(rename = "canport80", deserialize_with = "or_zero", skip_serializing_if = "is_zero")]
    can_port_80: bool,
}

fn read_home<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<HomeParams>, D::Error> {
    let entry = object_or_none::<_, _, YAML>(deserializer)?;
    Ok(entry.map(|HomeEntry(home)| home))
}

fn write_home<S: Serializer>(home: &Option<HomeParams>, serializer: S) -> Result<S::Ok, S::Error> {
    home.clone().map(HomeEntry).serialize(serializer)
}

fn read_regions<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<i64, Option<Region>>, D::Error> {
    let entries = objects_by_number::<_, _, YAML>(deserializer)?;
    Ok(entries.into_iter().map(|(id, entry)| (id, entry.map(|RegionEntry(region)| region))).collect())
}

fn write_regions<S: Serializer>(
    regions: &BTreeMap<i64, Option<Region>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(regions.iter().map(|(id, region)| (id, region.clone().map(RegionEntry))))
}

fn read_nodes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Node>, D::Error> {
    let entries = objects::<_, _, YAML>(deserializer)?;
    Ok(entries.into_iter().map(|NodeEntry(node)| node).collect())
}

fn write_nodes<S: Serializer>(nodes: &[Node], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(nodes.iter().cloned().map(NodeEntry))
}
