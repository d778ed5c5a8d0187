use super::*;
use crate::derp_map::{HomeParams, Node, Region};
use proptest::prelude::*;

/// Each field set.
fn full() -> DerpMap {
    let node = Node {
        name: "900a".into(),
        region_id: 900,
        host_name: "derp.example.com".into(),
        cert_name: "sha256-raw:00".into(),
        ipv4: "192.0.2.7".into(),
        ipv6: "none".into(),
        stun_port: -1,
        stun_only: true,
        derp_port: 8443,
        insecure_for_tests: true,
        stun_test_ip: "127.0.0.1".into(),
        can_port_80: true,
    };
    let region = Region {
        region_id: 900,
        region_code: "home".into(),
        region_name: "At Home".into(),
        latitude: 52.5,
        longitude: -13.25,
        avoid: true,
        no_measure_no_home: true,
        nodes: vec![node],
    };
    DerpMap {
        home_params: Some(HomeParams { region_score: [(900, 0.5)].into() }),
        regions: [(1, None), (900, Some(region))].into(),
        omit_default_regions: true,
    }
}

/// No field set, in each struct.
fn bare() -> DerpMap {
    let region = Region { nodes: vec![Node::default()], ..Region::default() };
    DerpMap { regions: [(0, Some(region))].into(), ..DerpMap::default() }
}

const FULL_JSON: &str = r#"{"HomeParams":{"RegionScore":{"900":0.5}},"Regions":{"1":null,"900":{"RegionID":900,"RegionCode":"home","RegionName":"At Home","Latitude":52.5,"Longitude":-13.25,"Avoid":true,"NoMeasureNoHome":true,"Nodes":[{"Name":"900a","RegionID":900,"HostName":"derp.example.com","CertName":"sha256-raw:00","IPv4":"192.0.2.7","IPv6":"none","STUNPort":-1,"STUNOnly":true,"DERPPort":8443,"InsecureForTests":true,"STUNTestIP":"127.0.0.1","CanPort80":true}]}},"omitDefaultRegions":true}"#;

const BARE_JSON: &str = r#"{"Regions":{"0":{"RegionID":0,"RegionCode":"","RegionName":"","Nodes":[{"Name":"","RegionID":0,"HostName":""}]}}}"#;

const FULL_YAML: &str = "\
homeparams:
  regionscore:
    900: 0.5
regions:
  1: null
  900:
    regionid: 900
    regioncode: home
    regionname: At Home
    latitude: 52.5
    longitude: -13.25
    avoid: true
    nomeasurenohome: true
    nodes:
    - name: 900a
      regionid: 900
      hostname: derp.example.com
      certname: sha256-raw:00
      ipv4: \"192.0.2.7\"
      ipv6: none
      stunport: -1
      stunonly: true
      derpport: 8443
      insecurefortests: true
      stuntestip: \"127.0.0.1\"
      canport80: true
omitdefaultregions: true
";

fn json(text: &str) -> DerpMap {
    DerpMap::from_json(text.as_bytes()).unwrap()
}

fn yaml(text: &str) -> DerpMap {
    DerpMap::from_yaml(text).unwrap_or_else(|err| panic!("{err}\n{text}"))
}

#[test]
fn json_has_gos_names_and_leaves_out_what_go_leaves_out() {
    assert_eq!(serde_json::to_string(&full()).unwrap(), FULL_JSON);
    assert_eq!(serde_json::to_string(&bare()).unwrap(), BARE_JSON);
    assert_eq!(json(FULL_JSON), full());
    assert_eq!(json(BARE_JSON), bare());
    assert_eq!(json(&full().to_json().unwrap()), full());
    assert_eq!(serde_json::to_string(&DerpMap::default()).unwrap(), r#"{"Regions":{}}"#);
}

#[test]
fn empty_home_params_stay_apart_from_none() {
    let map = json(r#"{"HomeParams":{}}"#);
    assert_eq!(map.home_params, Some(HomeParams::default()));
    assert_eq!(serde_json::to_string(&map).unwrap(), r#"{"HomeParams":{},"Regions":{}}"#);
    assert_eq!(json(r#"{"HomeParams":{"RegionScore":null}}"#), map);
    assert_eq!(yaml("homeparams: {}"), map);
    assert_eq!(yaml(&map.to_yaml().unwrap()), map);
}

#[test]
fn yaml_has_the_same_names_in_lower_case() {
    assert_eq!(yaml(FULL_YAML), full());
    assert_eq!(full().to_yaml().unwrap(), FULL_YAML);
    assert_eq!(yaml(&bare().to_yaml().unwrap()), bare());
}

#[test]
fn case_matters_in_yaml() {
    assert_eq!(yaml("Regions: {1: {RegionID: 1}}"), DerpMap::default());
    let region = Region::default();
    assert_eq!(yaml("regions: {1: {RegionID: 1}}").regions[&1], Some(region));
}

#[test]
fn case_does_not_matter_in_json() {
    for case in [str::to_lowercase, str::to_uppercase] {
        let names = super::super::names::JSON_NAMES.iter();
        let text = names.fold(FULL_JSON.to_owned(), |text, name| {
            text.replace(&format!("\"{name}\":"), &format!("\"{}\":", case(name)))
        });
        assert_ne!(text, FULL_JSON);
        assert_eq!(json(&text), full());
    }
}

#[test]
fn null_is_zero_everywhere() {
    assert_eq!(json("null"), DerpMap::default());
    assert_eq!(json(r#"{"HomeParams":null,"Regions":null,"omitDefaultRegions":null}"#), DerpMap::default());
    let region = |fields: &str| json(&format!(r#"{{"Regions":{{"1":{{{fields}}}}}}}"#)).regions.remove(&1);
    let nulls = r#""RegionID":null,"RegionCode":null,"Latitude":null,"Avoid":null,"Nodes":null"#;
    assert_eq!(region(nulls), Some(Some(Region::default())));
    let null_node = Region { nodes: vec![Node::default()], ..Region::default() };
    assert_eq!(region(r#""Nodes":[null,{"Name":null,"STUNPort":null},null]"#), Some(Some(null_node)));
    for text in ["", "# nothing\n", "~", "regions:\n", "regions: {}\nhomeparams:\n", "---\n...\n"] {
        assert_eq!(yaml(text), DerpMap::default(), "{text:?}");
    }
    let left_open =
        yaml("regions:\n  1:\n    regionid: 1\n    nodes:\n      - name: a\n        ipv6:\n  2:\n");
    assert_eq!(left_open.regions[&1].as_ref().unwrap().nodes[0].ipv6, "");
    assert_eq!(left_open.regions[&2], None);
}

#[test]
fn unknown_fields_are_ignored_in_both_forms() {
    assert_eq!(json(r#"{"x":[{"y":null}],"Regions":{"1":{"z":1,"Nodes":[{"w":2}]}}}"#).regions.len(), 1);
    assert_eq!(yaml("x: [{y: ~}]\nregions: {1: {z: 1, nodes: [{w: 2}]}}").regions.len(), 1);
}

#[test]
fn headscales_example_is_read() {
    let map = yaml(
        "# example
regions:
  1: null # remove this region
  900:
    regionid: 900
    regioncode: custom
    regionname: My Region
    nodes:
      - name: 900a
        regionid: 900
        hostname: myderp.example.com
        ipv4: 198.51.100.1
        ipv6: 2001:db8::1
        stunport: 0
        stunonly: false
        derpport: 0
",
    );
    assert_eq!(map.regions[&1], None);
    let region = map.regions[&900].as_ref().unwrap();
    assert_eq!((region.region_code.as_str(), region.nodes[0].ipv6.as_str()), ("custom", "2001:db8::1"));
}

#[test]
fn yaml_text_fields_take_what_looks_like_a_number_or_truth() {
    let map = yaml("regions: {999: {regioncode: 999, regionname: yes, nodes: [{name: 1, hostname: 1.5}]}}");
    let region = map.regions[&999].as_ref().unwrap();
    assert_eq!((region.region_code.as_str(), region.region_name.as_str()), ("999", "yes"));
    assert_eq!((region.nodes[0].name.as_str(), region.nodes[0].host_name.as_str()), ("1", "1.5"));
}

#[test]
fn region_keys_are_decimal_numbers() {
    let id = |key: &str| json(&format!(r#"{{"Regions":{{"{key}":null}}}}"#)).regions.into_keys().next();
    assert_eq!(id("900"), Some(900));
    assert_eq!(id("-1"), Some(-1));
    assert_eq!(id("9007199254740991"), Some(9_007_199_254_740_991));
    for key in ["", "a", "1.0", "0x1", " 1", "9223372036854775808"] {
        let text = format!(r#"{{"Regions":{{"{key}":null}}}}"#);
        assert!(DerpMap::from_json(text.as_bytes()).is_err(), "{key:?}");
    }
    assert_eq!(json(r#"{"Regions":{"1":null,"1":{}}}"#).regions[&1], Some(Region::default()));
}

#[test]
fn lists_and_scalars_are_no_objects_and_numbers_no_text() {
    for text in [
        "[]",
        "1",
        r#"{"Regions":[]}"#,
        r#"{"Regions":{"1":[1,"a"]}}"#,
        r#"{"Regions":{"1":{"Nodes":{}}}}"#,
        r#"{"Regions":{"1":{"Nodes":[["a"]]}}}"#,
        r#"{"Regions":{"1":{"RegionID":"1"}}}"#,
        r#"{"Regions":{"1":{"RegionID":1.5}}}"#,
        r#"{"Regions":{"1":{"RegionCode":1}}}"#,
        r#"{"HomeParams":[]}"#,
        r#"{"Regions":{"1":{"Latitude":"1"}}}"#,
        r#"{"Regions":{"1":{},"a":{}}}"#,
        "{} x",
        "",
    ] {
        assert!(DerpMap::from_json(text.as_bytes()).is_err(), "{text}");
    }
    for text in [
        "[]",
        "1",
        "regions: []",
        "regions: {a: ~}",
        "regions: {1: [1]}",
        "regions: {1: {nodes: [[a]]}}",
        "a: b: c",
    ] {
        assert!(DerpMap::from_yaml(text).is_err(), "{text}");
    }
}

#[test]
fn latitude_survives_to_the_last_digit() {
    // Found by the round trip below: without its precise mode the JSON crate is off by one in the last place.
    let text = r#"{"Regions":{"0":{"Latitude":-97.98790894437309}}}"#;
    assert_eq!(json(text).regions[&0].as_ref().unwrap().latitude.to_string(), "-97.98790894437309");
}

#[test]
fn numbers_in_quotes_are_no_numbers_in_yaml() {
    // Headscale refuses them, so a checker must not take them.
    for text in [
        "regions: {'1': {regionid: 1}}",
        "regions: {1: {regionid: '1'}}",
        "regions: {1: {latitude: '1'}}",
        "regions: {1: {nodes: [{stunport: \"3478\"}]}}",
        "regions: {1: {nodes: [{derpport: 1.5}]}}",
        "homeparams: {regionscore: {'1': 1}}",
        "homeparams: {regionscore: {1: '1'}}",
    ] {
        assert!(DerpMap::from_yaml(text).is_err(), "{text}");
    }
    let map = yaml("regions: {0x10: {regionid: 0x10, latitude: -5, longitude: 1e1}}");
    let region = Region { region_id: 16, latitude: -5.0, longitude: 10.0, ..Region::default() };
    assert_eq!(map.regions[&16], Some(region));
}

#[test]
fn numbers_that_json_cannot_write_are_refused() {
    for number in [".nan", ".inf", "-.inf"] {
        assert!(DerpMap::from_yaml(&format!("regions: {{1: {{latitude: {number}}}}}")).is_err(), "{number}");
        assert!(DerpMap::from_yaml(&format!("homeparams: {{regionscore: {{1: {number}}}}}")).is_err());
    }
    assert!(DerpMap::from_json(br#"{"Regions":{"1":{"Latitude":1e999}}}"#).is_err());
}

#[test]
fn repeated_fields_are_an_error_rather_than_a_guess() {
    assert!(DerpMap::from_json(br#"{"Regions":{},"Regions":{}}"#).is_err());
    assert!(DerpMap::from_yaml("regions: {}\nregions: {}").is_err());
    assert!(DerpMap::from_yaml("regions: {1: ~, 1: ~}").is_err());
}

#[test]
fn alias_bomb_and_deep_nesting_are_refused() {
    let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for level in 1..12_u32 {
        let below = level.saturating_sub(1);
        let aliases = format!("*a{below},").repeat(10);
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    assert!(DerpMap::from_yaml(&bomb).is_err());
    assert!(DerpMap::from_yaml(&"[".repeat(100_000)).is_err());
    assert!(DerpMap::from_yaml(&"a: {".repeat(50_000)).is_err());
    assert!(DerpMap::from_json("[".repeat(100_000).as_bytes()).is_err());
    assert!(DerpMap::from_json(format!("{{\"x\":{}", "[".repeat(100_000)).as_bytes()).is_err());
}

#[test]
fn aliases_and_merges_within_reason_are_read() {
    let map = yaml(
        "x: &node {name: a, stunport: 3478}
regions:
  1: {nodes: [*node]}
  2: {nodes: [{<<: *node, name: b}]}
",
    );
    let node = |id| map.regions[&id].as_ref().unwrap().nodes[0].clone();
    assert_eq!((node(1).name.as_str(), node(1).stun_port), ("a", 3478));
    assert_eq!((node(2).name.as_str(), node(2).stun_port), ("b", 3478));
}

#[test]
fn truncated_map_is_an_error_or_another_map_at_every_byte() {
    for end in 0..FULL_JSON.len() {
        assert!(DerpMap::from_json(&FULL_JSON.as_bytes()[..end]).is_err(), "cut to {end}");
    }
    // YAML cut at a line's end is YAML again, but never the whole map.
    let last_line = FULL_YAML.len().saturating_sub("\n".len());
    for end in 0..last_line {
        if let Ok(map) = DerpMap::from_yaml(FULL_YAML.split_at(end).0) {
            assert_ne!(map, full(), "cut to {end}");
        }
    }
}

fn any_node() -> impl Strategy<Value = Node> {
    let texts = (".*", ".*", "[ -~]{0,12}", "\\PC{0,8}", "[0-9a-f:.]*", "[yYnN]|yes|null|~|1e3|0x1|\\.nan");
    (texts, any::<[i64; 3]>(), any::<[bool; 3]>()).prop_map(|(texts, numbers, flags)| {
        let (name, host_name, cert_name, ipv4, ipv6, stun_test_ip) = texts;
        let [region_id, stun_port, derp_port] = numbers;
        let [stun_only, insecure_for_tests, can_port_80] = flags;
        Node {
            name,
            region_id,
            host_name,
            cert_name,
            ipv4,
            ipv6,
            stun_port,
            stun_only,
            derp_port,
            insecure_for_tests,
            stun_test_ip,
            can_port_80,
        }
    })
}

fn any_region() -> impl Strategy<Value = Region> {
    let nodes = prop::collection::vec(any_node(), 0..3);
    let floats = [-180.0..180.0_f64, -90.0..90.0];
    (any::<i64>(), any::<[String; 2]>(), floats, any::<[bool; 2]>(), nodes).prop_map(
        |(region_id, [region_code, region_name], [longitude, latitude], flags, nodes)| Region {
            region_id,
            region_code,
            region_name,
            latitude,
            longitude,
            avoid: flags[0],
            no_measure_no_home: flags[1],
            nodes,
        },
    )
}

fn any_map() -> impl Strategy<Value = DerpMap> {
    let regions = prop::collection::btree_map(any::<i64>(), prop::option::of(any_region()), 0..3);
    let scores = prop::option::of(prop::collection::btree_map(any::<i64>(), -1e9..1e9_f64, 0..3));
    (regions, scores, any::<bool>()).prop_map(|(regions, scores, omit_default_regions)| DerpMap {
        home_params: scores.map(|region_score| HomeParams { region_score }),
        regions,
        omit_default_regions,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_reads_back_in_both_forms(map in any_map()) {
        prop_assert_eq!(&json(&map.to_json().unwrap()), &map);
        prop_assert_eq!(&yaml(&map.to_yaml().unwrap()), &map);
    }
}
