use proptest::prelude::*;
use wherry_wire::derp_map::{HomeParams, Node, Region};

use super::*;

fn loaded(text: &str) -> Checked {
    load(&Source { name: "map".to_owned(), origin: Origin::Stdin, text: text.to_owned() })
}

fn any_node() -> impl Strategy<Value = Node> {
    let texts = ("\\PC{0,8}", "[ -~]{0,12}", "[0-9a-f:.]*", "[yYnN]|yes|null|~|1e3|0x1|\\.nan|<<|-|true");
    (texts, any::<[i64; 3]>(), any::<[bool; 3]>()).prop_map(|(texts, numbers, flags)| {
        let (name, host_name, ipv4, cert_name) = texts;
        let ([region_id, stun_port, derp_port], [stun_only, insecure_for_tests, can_port_80]) =
            (numbers, flags);
        let node =
            Node { name, region_id, host_name, cert_name, ipv4, stun_port, stun_only, ..Node::default() };
        Node { derp_port, insecure_for_tests, can_port_80, ..node }
    })
}

fn any_region() -> impl Strategy<Value = Region> {
    let nodes = prop::collection::vec(any_node(), 0..3);
    (any::<i64>(), any::<[String; 2]>(), -180.0..180.0_f64, any::<[bool; 2]>(), nodes).prop_map(
        |(region_id, [region_code, region_name], longitude, [avoid, no_measure_no_home], nodes)| {
            let region = Region { region_id, region_code, region_name, longitude, ..Region::default() };
            Region { avoid, no_measure_no_home, nodes, ..region }
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
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_maps_own_writer_writes_is_read_without_a_finding(map in any_map()) {
        for text in [map.to_json().unwrap(), map.to_yaml().unwrap()] {
            let loaded = loaded(&text);
            prop_assert_eq!(&loaded.findings, &[], "{}", text);
            prop_assert_eq!(loaded.map.as_ref(), Some(&map), "{}", text);
        }
    }

    #[test]
    fn any_text_is_judged_without_a_panic(text in "(\\PC|[\\n\"{}:,\\[\\] -])*") {
        drop(check(&Source { name: "map".to_owned(), origin: Origin::File, text }, None));
    }
}

#[test]
fn nesting_and_aliases_beyond_reason_are_syntax_errors() {
    let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for level in 1..12_u32 {
        let below = level.saturating_sub(1);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", format!("*a{below},").repeat(10)));
    }
    let texts = [
        bomb,
        "[".repeat(100_000),
        "{\"a\":".repeat(100_000),
        "a: {".repeat(50_000),
        "- ".repeat(100_000),
        "&a [*a]".to_owned(),
    ];
    for text in texts {
        let loaded = loaded(&text);
        let rules: Vec<_> = loaded.findings.iter().map(|finding| finding.rule).collect();
        assert_eq!(rules, [Rule::Syntax], "{}", text.chars().take(40).collect::<String>());
    }
}

#[test]
fn copies_of_anchored_values_have_a_bound_together() {
    // Anchors within anchors: each is kept with all that is in it.
    let nested: String = (0..60).map(|level| format!("&a{level} [")).collect();
    let deep = format!("a: {nested}{}{}\n", "x,".repeat(60_000), "]".repeat(60));
    // A long text that short aliases repeat.
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), "*a,".repeat(1_000));
    for text in [deep, long] {
        let loaded = loaded(&text);
        let [finding] = loaded.findings.as_slice() else { panic!("{:?}", loaded.findings) };
        assert_eq!(finding.rule, Rule::Syntax);
        assert!(finding.found.contains("takes more than 16777216 bytes"), "{finding:?}");
    }
}

#[test]
fn anchors_and_merges_keep_the_places_of_what_they_repeat() {
    let text =
        "x: &node {name: a, stunport: 70000}\nregions:\n  1:\n    nodes: [*node, {<<: *node, name: b}]\n";
    let checked =
        check(&Source { name: "map".to_owned(), origin: Origin::Stdin, text: text.to_owned() }, None);
    let ports: Vec<_> = checked.findings.iter().filter(|one| one.rule == Rule::PortRange).collect();
    let places: Vec<_> =
        ports.iter().map(|one| (one.place.at.unwrap().line, one.place.node.as_deref())).collect();
    assert_eq!(places, [(1, Some("a")), (1, Some("b"))]);
}

#[test]
fn what_readers_pass_over_keeps_no_map_from_being_read() {
    let regions = "regions: {900: {regionid: 900, nodes: [{name: 900a, hostname: a.example}]}}";
    let known = DerpMap::from_yaml(regions).unwrap();
    for text in [
        format!("Regions:\n{regions}\n901: {{a: 1}}\n"),
        format!("\"derpMap\": a\n{regions}\n"),
        format!("{{{}}}\n", regions.replace("regions", "\"regions\"")),
        format!("<<: {{{regions}}}\n"),
        format!("%YAML 1.1\n---\n{regions}\n"),
    ] {
        assert_eq!(loaded(&text).map.map(|map| map.regions), Some(known.regions.clone()), "{text}");
    }
    // Of a key that is there twice Go's JSON takes both.
    let text = r#"{"regions": null, "Regions": {"900": {"RegionID": 900}}, "901": {"a": 1}}"#;
    assert_eq!(loaded(text).map.unwrap().regions.len(), 1);
}

#[test]
fn a_directive_that_headscale_refuses_is_named() {
    for directive in ["%YAML 1.2", "%FOO"] {
        let loaded = loaded(&format!("# a map\n{directive}\n---\nregions: {{900: null}}\n"));
        let [finding] = loaded.findings.as_slice() else { panic!("{:?}", loaded.findings) };
        assert_eq!((finding.rule, finding.place.at), (Rule::Syntax, Some(At { line: 2, column: 1 })));
        assert!(finding.found.contains(directive) && loaded.map.is_none(), "{finding:?}");
    }
}

#[test]
fn what_readers_pass_over_is_judged_but_is_not_in_the_map() {
    let text = "regions:\n  900:\n    regionid: 900\n    nodes:\n      - {name: 900a, regionid: 900, hostname: a.example, \
                port: 84430, insecure: true}\n";
    let checked =
        check(&Source { name: "map".to_owned(), origin: Origin::Stdin, text: text.to_owned() }, None);
    let has = |rule| checked.findings.iter().any(|finding| finding.rule == rule);
    assert!(has(Rule::MistypedKey) && has(Rule::PortRange) && has(Rule::Insecure), "{:?}", checked.findings);
    assert_eq!(checked.map, Some(DerpMap::from_yaml(text).unwrap()));
    assert!(!checked.is_refused());
    let quoted = text.replace("port: 84430", "derpport: '8443'");
    assert!(loaded(&quoted).is_refused() && DerpMap::from_yaml(&quoted).is_err());
}

#[test]
fn yaml_in_braces_is_yaml() {
    let map = loaded("{regions: {900: {regionid: 900, nodes: []}}}").map.unwrap();
    assert_eq!(map.regions[&900].as_ref().unwrap().region_id, 900);
}

#[test]
fn what_is_missing_at_the_end_of_a_snippet_is_missing_on_its_last_line() {
    for (text, line) in [("\"derpMap\": {", 1), ("\"derpMap\": {},\n\"acls\": [\n", 3)] {
        let found = loaded(text).findings;
        let [found] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((found.rule, found.place.at.unwrap().line), (Rule::Syntax, line), "{found:?}");
        assert!(!found.found.contains("unexpected close brace"), "{found:?}");
    }
}

#[test]
fn a_carriage_return_alone_does_not_move_the_lines_of_json() {
    let found = loaded("{\"\r\": 1,\r}").findings;
    assert_eq!(found.iter().map(|one| one.place.at.unwrap().line).max(), Some(1), "{found:?}");
}

/// By the square of the regions this would take hours.
#[test]
fn maps_of_very_many_regions_are_judged_and_compared() {
    const REGIONS: usize = 49_000;
    let members =
        |value: &str| (1..=REGIONS).map(|id| format!("\"{id}\":{value}")).collect::<Vec<_>>().join(",");
    let text = format!(
        "{{\"Regions\":{{{}}},\"HomeParams\":{{\"RegionScore\":{{{}}}}}}}",
        members("{}"),
        members("2")
    );
    let source = |name: &str| Source { name: name.to_owned(), origin: Origin::Stdin, text: text.clone() };
    let mut all = [check(&source("a"), None), check(&source("b"), None)];
    crate::map::compare(&mut all);
    let replaced = |one: &Checked| one.findings.iter().filter(|one| one.rule == Rule::Replaced).count();
    assert_eq!(all.each_ref().map(replaced), [0, REGIONS]);
}

#[test]
fn numbers_in_yaml_are_those_that_gos_reader_takes() {
    // Port, latitude and key; none where Go refuses the whole file.
    let numbers = [
        ("01604", Some((900, 900.0))),
        ("0900", Some((900, 900.0))),
        ("900.0", Some((900, 900.0))),
        ("900.7", Some((900, 900.7))),
        ("-0.5", Some((0, -0.5))),
        ("!!int \"443\"", Some((443, 443.0))),
        ("!!float 443", Some((443, 443.0))),
        ("!!str 443", None),
        ("4__4_3", Some((443, 443.0))),
        ("0X1BB", Some((443, 443.0))),
        ("0x_1", Some((1, 1.0))),
        ("0O673", Some((443, 443.0))),
        ("-01", Some((-1, -1.0))),
        ("08", Some((8, 8.0))),
        ("0b2", None),
        ("443.", Some((443, 443.0))),
        ("+.5e3", Some((500, 500.0))),
        ("1_0.5", Some((10, 10.5))),
        ("9_", Some((9, 9.0))),
        ("_9", None),
        ("1:30", None),
        ("443#https", None),
        ("yes", None),
        (".nan", None),
        ("-.inf", None),
        ("1e400", None),
    ];
    for (written, taken) in numbers {
        let text = format!(
            "regions: {{{written} : {{latitude: {written} , nodes: [{{name: a, derpport: {written} }}]}}}}"
        );
        let loaded = loaded(&text);
        assert_eq!(loaded.is_refused(), taken.is_none(), "{written}: {:?}", loaded.findings);
        let Some((whole, real)) = taken else { continue };
        let mut map = loaded.map.unwrap();
        assert!(DerpMap::from_yaml(&text).map_or(true, |own| own == map), "{written}: read in two ways");
        let region = map.regions.remove(&whole).flatten().unwrap();
        assert_eq!(
            (region.nodes[0].derp_port, region.latitude.to_bits()),
            (whole, f64::to_bits(real)),
            "{written}"
        );
    }
}

/// The lines of what is found under one rule.
fn found(rule: Rule, text: &str) -> Vec<String> {
    let checked =
        check(&Source { name: "map".to_owned(), origin: Origin::Stdin, text: text.to_owned() }, None);
    checked.findings.into_iter().filter(|one| one.rule == rule).map(|one| one.found).collect()
}

#[test]
fn very_many_regions_of_one_kind_are_one_note_of_bounded_length() {
    for (rule, value) in [(Rule::RegionRemoved, "null"), (Rule::RegionIdForeign, "{}")] {
        let members: Vec<_> = (1..=50).map(|id| format!("\"{id}\":{value}")).collect();
        let found = found(rule, &format!("{{\"Regions\":{{{}}}}}", members.join(",")));
        let [found] = found.as_slice() else { panic!("{found:?}") };
        assert!(found.contains(" 39, 40, and 10 more"), "{found}");
    }
}

#[test]
fn a_key_as_long_as_a_map_may_be_is_unknown() {
    let found = loaded(&format!("{{\"Regions\":{{}},\"{}\":1}}", "regions".repeat(500_000))).findings;
    assert_eq!(found.iter().map(|one| one.rule).collect::<Vec<_>>(), [Rule::UnknownKey]);
}

#[test]
fn a_json_of_one_long_line_is_read_to_the_last_value_that_is_allowed() {
    let scores = |count: usize| {
        let scores: Vec<_> = (1..=count).map(|id| format!("\"{id}\":1.5")).collect();
        format!("{{\"Regions\":{{}},\"é\":0,\"HomeParams\":{{\"RegionScore\":{{{}}}}}}}", scores.join(","))
    };
    let fits = loaded(&scores(99_000));
    let last = fits.map.unwrap().home_params.unwrap().region_score;
    assert_eq!(last.len(), 99_000);
    let text = scores(110_000);
    let refused = loaded(&text);
    let [finding] = refused.findings.as_slice() else { panic!("{:?}", refused.findings) };
    assert!(finding.found.contains("more than 200000 values"), "{finding:?}");
    let at = finding.place.at.unwrap();
    let there: String = text.chars().skip(at.column - 1).take(11).collect();
    assert_eq!((at.line, there.as_str()), (1, "1.5,\"99997\""), "{at:?}");
}

#[test]
fn a_null_takes_away_the_regions_before_it() {
    let ids = |text: &str| loaded(text).map.unwrap().regions.into_keys().collect::<Vec<_>>();
    assert_eq!(ids(r#"{"Regions":{"1":{}},"Regions":{"2":{}}}"#), [1, 2]);
    assert_eq!(ids(r#"{"Regions":{"1":{}},"Regions":null,"Regions":{"2":{}}}"#), [2]);
    let gone = r#"{"Regions":{"1":{}},"Regions":null}"#;
    assert_eq!((ids(gone), found(Rule::NoRegions, gone).len()), (Vec::new(), 1));
}

#[test]
fn a_number_that_is_not_finite_is_no_text() {
    let found =
        found(Rule::WrongType, "homeparams: {regionscore: {900: .inf}}\nregions: {900: {latitude: 1e400}}");
    assert_eq!(found, ["the score of region 900 is .inf", "it is 1e400"]);
}
