use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const MS: fn(u64) -> Duration = Duration::from_millis;
const BOTH: Families = Families { v4: true, v6: true };
const ONLY_V4: Families = Families { v4: true, v6: false };

fn node(name: &str, region: i64) -> Node {
    Node { name: name.into(), region_id: region, host_name: "relay.example".into(), ..Node::default() }
}

fn region(id: i64, nodes: usize) -> Region {
    let nodes = (0..nodes).map(|number| node(&format!("{id}{number}"), id)).collect();
    Region { region_id: id, nodes, ..Region::default() }
}

fn map(regions: impl IntoIterator<Item = Region>) -> DerpMap {
    let regions = regions.into_iter().map(|region| (region.region_id, Some(region))).collect();
    DerpMap { regions, ..DerpMap::default() }
}

fn latencies(v4: &[(i64, u64)], v6: &[(i64, u64)]) -> Latencies {
    let of = |list: &[(i64, u64)]| list.iter().map(|(id, ms)| (*id, MS(*ms))).collect();
    Latencies { any: of(&[v4, v6].concat()), v4: of(v4), v6: of(v6), ..Latencies::default() }
}

/// Each set as `id-family: node@delay …`.
fn lines(sets: &[ProbeSet]) -> Vec<String> {
    let probe = |probe: &Probe| format!("{}@{}", probe.node.name, probe.delay.as_millis());
    let line = |set: &ProbeSet| {
        let probes: Vec<_> = set.probes.iter().map(probe).collect();
        format!("{}: {}", set.family, probes.join(" "))
    };
    sets.iter().map(line).collect()
}

#[test]
fn a_first_report_asks_every_region_three_times_by_its_nodes_in_turn() {
    let map = map([region(1, 1), region(2, 2)]);
    let expected = [
        "IPv4: 10@0 10@100 10@200",
        "IPv6: 10@0 10@100 10@200",
        "IPv4: 20@0 21@100 20@200",
        "IPv6: 20@0 21@100 20@200",
    ];
    assert_eq!(lines(&plan(&map, BOTH, None)), expected);
    assert_eq!(lines(&plan(&map, ONLY_V4, None)), [expected[0], expected[2]]);
    let nothing = Before { latencies: &Latencies::default(), home: None };
    assert_eq!(lines(&plan(&map, BOTH, Some(nothing))), expected);
}

#[test]
fn what_the_map_switches_off_is_not_asked_and_test_nodes_are_asked_anyway() {
    let with = |change: fn(&mut Node)| {
        let mut region = region(1, 1);
        region.nodes.iter_mut().for_each(change);
        lines(&plan(&map([region]), ONLY_V4, None))
            .iter()
            .map(|line| line[..4].to_owned())
            .collect::<Vec<_>>()
    };
    assert!(with(|node| node.ipv4 = "none".into()).is_empty());
    assert!(with(|node| node.ipv4 = "2001:db8::1".into()).is_empty());
    let test = with(|node| (node.ipv4, node.stun_test_ip) = ("none".into(), "192.0.2.1".into()));
    assert_eq!(test, ["IPv6"], "off is off for a test node, too");
    assert_eq!(with(|node| node.ipv4 = "192.0.2.1".into()), ["IPv4"]);
    assert_eq!(with(|node| node.stun_test_ip = "192.0.2.1".into()), ["IPv4", "IPv6"]);
    assert_eq!(with(|node| (node.ipv4, node.ipv6) = ("127.0.0.1".into(), "none".into())), ["IPv4"]);
    let unmeasured = Region { no_measure_no_home: true, ..region(1, 1) };
    assert!(plan(&map([unmeasured]), BOTH, None).is_empty());
}

#[test]
fn a_later_report_asks_the_fastest_three_and_the_home_harder() {
    let map = map((1..=5).map(|id| region(id, 1)));
    let before = latencies(&[(1, 10), (2, 20), (3, 30), (4, 40)], &[]);
    let sets = plan(&map, BOTH, Some(Before { latencies: &before, home: Some(1) }));
    let expected =
        ["IPv4: 10@0 10@12 10@124 10@186", "IPv6: 10@0", "IPv4: 20@0 20@24", "IPv6: 20@0", "IPv4: 30@0"];
    assert_eq!(lines(&sets), expected);
}

#[test]
fn a_slow_home_is_asked_though_it_is_not_among_the_fastest() {
    let map = map((1..=5).map(|id| region(id, 1)));
    let before = latencies(&[(1, 10), (2, 20), (3, 30), (4, 50)], &[]);
    let sets = plan(&map, ONLY_V4, Some(Before { latencies: &before, home: Some(4) }));
    assert_eq!(
        lines(&sets),
        ["IPv4: 10@0 10@12", "IPv4: 20@0 20@24", "IPv4: 30@0", "IPv4: 40@0 40@60 40@220 40@330"]
    );
}

#[test]
fn with_both_families_the_third_region_takes_one_of_them() {
    let map = map((1..=3).map(|id| region(id, 1)));
    let both = [(1, 10), (2, 20), (3, 30)];
    let sets = plan(&map, BOTH, Some(Before { latencies: &latencies(&both, &both), home: None }));
    let expected =
        ["IPv4: 10@0 10@12", "IPv6: 10@0 10@12", "IPv4: 20@0 20@24", "IPv6: 20@0 20@24", "IPv4: 30@0"];
    assert_eq!(lines(&sets), expected);
}

#[test]
fn an_avoided_region_is_asked_later_only_if_it_is_the_home() {
    let avoided = Region { avoid: true, ..region(2, 1) };
    let map = map([region(1, 1), avoided]);
    let before = latencies(&[(1, 10), (2, 20)], &[]);
    let asked = |home| lines(&plan(&map, ONLY_V4, Some(Before { latencies: &before, home }))).len();
    assert_eq!((asked(None), asked(Some(1)), asked(Some(2))), (1, 1, 2));
    assert_eq!(plan(&map, ONLY_V4, None).len(), 2);
}

fn any_map() -> impl Strategy<Value = DerpMap> {
    let one = (0..4usize, any::<bool>(), any::<bool>(), prop_oneof!["", "none", "192.0.2.1"]);
    prop::collection::btree_map(1..9i64, one, 0..8).prop_map(|regions| {
        map(regions.into_iter().map(|(id, (nodes, avoid, unmeasured, ipv4))| {
            let mut region = Region { avoid, no_measure_no_home: unmeasured, ..region(id, nodes) };
            region.nodes.iter_mut().for_each(|node| node.ipv4.clone_from(&ipv4));
            region
        }))
    })
}

proptest! {
    #[test]
    fn every_plan_is_small_begins_at_once_and_asks_what_may_be_asked(
        map in any_map(),
        v4 in any::<bool>(),
        v6 in any::<bool>(),
        known in prop::collection::btree_map(1..9i64, 0..400u64, 0..8),
        home in prop::option::of(1..9i64),
    ) {
        let known: Vec<_> = known.into_iter().collect();
        let before = latencies(&known, &[]);
        let sets = plan(&map, Families { v4, v6 }, Some(Before { latencies: &before, home }));
        let mut asked = BTreeSet::new();
        for set in &sets {
            prop_assert!((1..=4).contains(&set.probes.len()));
            prop_assert_eq!(set.probes.first().map(|probe| probe.delay), Some(Duration::ZERO));
            prop_assert!(set.probes.is_sorted_by_key(|probe| probe.delay));
            prop_assert!(set.family == Family::V4 && v4 || set.family == Family::V6 && v6);
            for probe in &set.probes {
                let region = map.regions[&probe.node.region_id].as_ref().unwrap();
                prop_assert!(!region.no_measure_no_home && probe.node.ipv4 != "none" || set.family == Family::V6);
                asked.insert(probe.node.region_id);
            }
        }
        if !known.is_empty() {
            prop_assert!(asked.len() <= REGIONS + 1);
            if let Some(home) = home && let Some(Some(region)) = map.regions.get(&home)
                && v4 && !region.no_measure_no_home && region.nodes.iter().any(|node| node.ipv4 != "none")
            {
                prop_assert!(asked.contains(&home));
            }
        }
    }
}
