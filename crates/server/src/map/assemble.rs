//! One map of all.

use wherry_wire::derp_map::{DerpMap, Entry, Node, Region};

/// Names that a message says.
const SHOWN: usize = 10;

/// The included maps, the later over the earlier, without the regions of `without`, and the own entry in its region.
/// What had to be left out is told, and what could not be.
pub(super) fn assemble<'m>(
    included: impl IntoIterator<Item = &'m DerpMap>,
    without: &[String],
    own: Option<&Entry>,
    is_meshed: bool,
) -> (DerpMap, Vec<String>) {
    let mut map = DerpMap::default();
    for one in included {
        map.merge(one.clone());
    }
    map.drop_nulls();
    let mut told = Vec::new();
    for unwanted in without {
        let before = map.regions.len();
        map.regions.retain(|id, region| {
            let code = region.as_ref().map(|region| region.region_code.as_str()).unwrap_or_default();
            *unwanted != id.to_string() && !unwanted.eq_ignore_ascii_case(code)
        });
        if map.regions.len() == before {
            told.push(format!(
                "map.without: no included map has a region {unwanted:?}; write its number or code"
            ));
        }
    }
    for (id, region) in own.map(Entry::map).into_iter().flat_map(|own| own.regions) {
        let Some(region) = region else { continue };
        let there = map.regions.remove(&id).flatten();
        let region = join(region, there, &mut told);
        if !is_meshed {
            told.extend(unmeshed(id, &region));
        }
        drop(map.regions.insert(id, Some(region)));
    }
    (map, told)
}

/// The own region with the nodes of others in it, in the order of their names, so that all relays of a region that
/// serve it serve the same.
fn join(own: Region, there: Option<Region>, told: &mut Vec<String>) -> Region {
    let Some(there) = there else { return own };
    let mut nodes = own.nodes.clone();
    let mut left_out = Vec::new();
    for node in there.nodes {
        let is_own =
            |own: &Node| own.host_name == node.host_name && own.derp_tcp_port() == node.derp_tcp_port();
        if own.nodes.iter().any(is_own) {
            continue;
        }
        if own.nodes.iter().any(|own| own.name == node.name) {
            left_out.push(node);
            continue;
        }
        nodes.push(node);
    }
    if let Some(Node { name, host_name, .. }) = left_out.first() {
        let others = match left_out.len() - 1 {
            0 => String::new(),
            more => format!(", as {more} more,"),
        };
        told.push(format!(
            "node {name:?} at {host_name} in an included map has the name of this relay's own node and is left out{others}; \
             give this relay another map.node_name"
        ));
    }
    nodes.sort_by(|one, other| one.name.cmp(&other.name));
    Region {
        region_id: own.region_id,
        region_code: own.region_code,
        region_name: own.region_name,
        nodes,
        ..there
    }
}

/// What is to be said of a region where this relay, which forwards to no other, is not the only one.
fn unmeshed(id: i64, region: &Region) -> Option<String> {
    let relays: Vec<_> =
        region.nodes.iter().filter(|node| !node.stun_only).map(|node| node.name.as_str()).collect();
    let others = relays.len().checked_sub(1).filter(|others| *others > 0)?;
    let names = relays.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    Some(format!(
        "region {id} of the served map has {others} relays beside this one ({names}), and this relay has no mesh_key_file to \
         forward to them: two peers whose connections are on different ones do not meet; give this relay another \
         map.region_id"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> DerpMap {
        DerpMap::from_yaml(text).unwrap()
    }

    fn names(map: &DerpMap) -> Vec<(i64, Vec<&str>)> {
        let names = |region: &'_ Region| region.nodes.len();
        assert!(map.live_regions().all(|(_, region)| names(region) > 0));
        map.live_regions()
            .map(|(id, region)| (id, region.nodes.iter().map(|node| node.name.as_str()).collect()))
            .collect()
    }

    #[test]
    fn the_own_node_joins_the_region_that_is_there_and_replaces_what_it_was() {
        let included =
            map("regions: {900: {regioncode: old, latitude: 3, nodes: [{name: 900z, hostname: b.example}, \
             {name: past, hostname: a.example}]}}");
        let own = Entry { node_name: Some("900b".to_owned()), ..Entry::at("a.example", 443) };
        let (all, left_out) = assemble([&included], &[], Some(&own), true);
        assert_eq!(names(&all), [(900, vec!["900b", "900z"])]);
        let region = all.regions[&900].as_ref().unwrap();
        assert_eq!((region.region_code.as_str(), region.latitude), ("wherry", 3.0));
        assert!(left_out.is_empty());
    }

    #[test]
    fn a_relay_that_forwards_to_nobody_is_told_of_others_in_its_region() {
        let nodes = "{name: 900s, hostname: s.example, stunonly: true}";
        let (quiet, loud) = (
            map(&format!("regions: {{900: {{nodes: [{nodes}]}}}}")),
            map(&format!("regions: {{900: {{nodes: [{nodes}, {{name: 900z, hostname: b.example}}]}}}}")),
        );
        let own = Entry::at("a.example", 443);
        let told = |map: &DerpMap, is_meshed| assemble([map], &[], Some(&own), is_meshed).1;
        assert_eq!((told(&quiet, false), told(&loud, true)), (Vec::new(), Vec::new()));
        let said = told(&loud, false);
        assert!(
            said.len() == 1 && said[0].contains("(900a, 900z)") && said[0].contains("map.region_id"),
            "{said:?}"
        );
    }

    #[test]
    fn another_node_with_the_own_name_is_left_out_and_told() {
        let included = map("regions: {900: {nodes: [{name: 900a, hostname: b.example}]}}");
        let (all, left_out) = assemble([&included], &[], Some(&Entry::at("a.example", 443)), true);
        assert_eq!(all.regions[&900].as_ref().unwrap().nodes[0].host_name, "a.example");
        assert_eq!(left_out.len(), 1);
        assert!(left_out[0].contains("map.node_name"), "{left_out:?}");
    }

    #[test]
    fn a_crowd_with_the_own_name_is_told_in_one_line() {
        let nodes = (0..1000).map(|at| format!("{{name: 900a, hostname: b{at}.example}}"));
        let nodes = nodes.collect::<Vec<_>>().join(", ");
        let included = map(&format!("regions: {{900: {{nodes: [{nodes}]}}}}"));
        let (_, left_out) = assemble([&included], &[], Some(&Entry::at("a.example", 443)), true);
        assert_eq!(left_out.len(), 1);
        assert!(left_out[0].contains("b0.example") && left_out[0].contains("999 more"), "{left_out:?}");
    }

    #[test]
    fn later_maps_and_nulls_win_and_unwanted_regions_go_but_never_the_own() {
        let first = map(
            "regions: {1: {regioncode: a, nodes: [{name: x}]}, 2: {regioncode: hkg, nodes: [{name: y}]}}",
        );
        let second = map("regions: {1: null, 3: {regioncode: c, nodes: [{name: z}]}}");
        let without = ["HKG".to_owned(), "900".to_owned()];
        let (all, told) = assemble([&first, &second], &without, Some(&Entry::at("a.example", 443)), true);
        assert_eq!(names(&all), [(3, vec!["z"]), (900, vec!["900a"])]);
        assert_eq!(told, ["map.without: no included map has a region \"900\"; write its number or code"]);
    }
}
