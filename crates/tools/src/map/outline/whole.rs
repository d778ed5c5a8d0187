//! A whole map from a tree.

use std::collections::BTreeMap;
use std::mem;

use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use wherry_wire::derp_map::{DerpMap, HomeParams};

use super::known::{Field, HOME, Kind, MAP, Meaning, NODE, REGION, meaning, written};
use super::model::{NodeOutline, Outline, Places, RegionOutline};
use super::object::{Around, FINITE, FULL_WIDTH, Fields, Pen, Sense, fields, is_object, repeated};
use crate::map::finding::{At, Place, Rule};
use crate::map::read::{Form, Member, Text, Tree, Value, plain, shorten};

/// Reads a tree as a map, with the fields that count in this sense; none if it is something else.
pub(in crate::map) fn outline(text: &Text, source: &str, sense: Sense, pen: &mut Pen) -> Option<Outline> {
    let place = Place { source: source.to_owned(), ..Place::default() };
    let around = Around { form: text.form, sense, place, what: "the map" };
    let (tree, is_policy) = find_map(&text.tree, &around, pen)?;
    let found = fields(tree, MAP, &[("a region", REGION), ("a node", NODE)], &around, pen);
    let written = since_null(found.all_inner("Regions").collect());
    let is_empty =
        written.iter().all(|tree| tree.value == Value::Null || tree.value == Value::Object(Vec::new()));
    let regions = regions(written.into_iter(), &around, pen);
    let mut scores = BTreeMap::new();
    let home_params = found.inner("HomeParams").and_then(|tree| home(tree, &around, &mut scores, pen));
    let (map, places): (DerpMap, Places) = typed(found);
    let map = DerpMap { home_params, ..map };
    let (source, form, at) = (source.to_owned(), text.form, tree.at);
    let unread = mem::take(&mut pen.unread);
    Some(Outline { source, form, is_policy, is_empty, at, places, unread, scores, map, regions })
}

/// The map within what was given: the whole, or `derpMap` of a policy file.
fn find_map<'t>(tree: &'t Tree, around: &Around, pen: &mut Pen) -> Option<(&'t Tree, bool)> {
    let has = |name: &str| member(tree, name);
    let is_above = |one: &Member| one.number.is_some() && is_object(&one.value);
    let is_beside =
        |regions: &Member| regions.value.value == Value::Null && tree.members().iter().any(is_above);
    let mut all = tree.members().iter().filter(|one| one.key.eq_ignore_ascii_case("Regions"));
    if all.any(|regions| !is_beside(regions)) {
        return Some((tree, false));
    }
    if let Some(member) = has("derpMap") {
        return Some((&member.value, true));
    }
    // All that stands in the regions is judged with the mistake in their name.
    let Some((found, cure)) = other(tree, around.form) else { return Some((tree, false)) };
    let expected = format!("a map, whose key {} holds the regions by id", written("Regions", around.form));
    pen.note(Rule::NotAMap, around.at(tree.at), found, expected, cure);
    None
}

/// What stands in place of a map, and what to do; none if it is one whose regions have a mistyped name.
fn other(tree: &Tree, form: Form) -> Option<(String, &'static str)> {
    let has = |name: &str| member(tree, name);
    Some(match &tree.value {
        Value::Null => {
            ("there is nothing in it".to_owned(), "put a map into it; wherry map entry prints one")
        }
        Value::Text(text) => (
            format!("it is the text {:?}", shorten(text)),
            "give the file or URL of a map; wherry map entry prints one",
        ),
        _ if has("derp").is_some_and(|derp| is_map(&derp.value)) => (
            "the map stands under the key derp".to_owned(),
            "take that key away, and move what stands under it one level out",
        ),
        _ if has("derp").is_some() => (
            "it is the configuration of a control plane".to_owned(),
            "give the map that it names: Headscale has files under derp.paths and URLs under derp.urls",
        ),
        _ if has("apiVersion").is_some() && has("kind").is_some() => (
            "it is an object of Kubernetes, such as a ConfigMap".to_owned(),
            "give what stands in it under data alone, without its indentation, as a file of its own",
        ),
        _ if has("acls").or_else(|| has("grants")).is_some() => (
            "it is a policy file without derpMap".to_owned(),
            "add \"derpMap\": {\"Regions\": {…}} to it; wherry map entry --format acl prints it",
        ),
        _ if has("Nodes").is_some() => (
            "it is a region alone".to_owned(),
            "write it under its id, and that under the key for all regions",
        ),
        _ if has("HostName").is_some() => (
            "it is a node alone".to_owned(),
            "write it into the list of nodes of a region; wherry map entry prints a whole map",
        ),
        _ if tree.members().iter().any(|member| is_regions(member, form)) => return None,
        _ if has("Regions").is_some() => (
            "the regions stand beside that key, not under it".to_owned(),
            "indent each region, and all that stands in it, by two spaces more",
        ),
        Value::Object(members) if members.is_empty() => {
            ("there is nothing in it".to_owned(), "put a map into it; wherry map entry prints one")
        }
        Value::Object(members) if members.iter().all(is_status) => (
            "it is what a web server answers where there is no map".to_owned(),
            "check the URL that it was fetched from: of a repository's file take the address of the raw file",
        ),
        _ if tree.members().iter().any(|member| member.number.is_some()) => (
            "the regions stand at the top".to_owned(),
            "put them one level deeper, under the key for all regions",
        ),
        _ => (format!("it is {}, but not a map", tree.kind()), "give a map; wherry map entry prints one"),
    })
}

fn member<'t>(tree: &'t Tree, name: &str) -> Option<&'t Member> {
    tree.members().iter().find(|member| member.key.eq_ignore_ascii_case(name))
}

/// `404: Not Found`, as a member of YAML.
fn is_status(member: &Member) -> bool {
    member.number.is_some_and(|number| (400..600).contains(&number))
        && matches!(member.value.value, Value::Text(_))
}

fn is_map(tree: &Tree) -> bool {
    member(tree, "Regions").is_some()
}

/// Whether it is most likely all regions under a mistyped name.
fn is_regions(member: &Member, form: Form) -> bool {
    let is_meant = |field: Field| field.name == "Regions" && matches!(member.value.value, Value::Object(_));
    matches!(meaning(&member.key, MAP, form, &[]), Meaning::MeansPerhaps(field) if is_meant(field))
}

/// The simple fields as the struct that has them; their types have been looked at.
fn typed<T: DeserializeOwned + Default>(fields: Fields<'_>) -> (T, Places) {
    (serde_json::from_value(Json::Object(fields.simple)).unwrap_or_default(), fields.places)
}

/// A null takes away what stands under the same key before it.
fn since_null(mut trees: Vec<&Tree>) -> Vec<&Tree> {
    let last = trees.iter().rposition(|tree| tree.value == Value::Null).unwrap_or_default();
    trees.split_off(last)
}

/// Of a key that is there twice the regions of both, as Go's JSON has it.
fn regions<'t>(trees: impl Iterator<Item = &'t Tree>, around: &Around, pen: &mut Pen) -> Vec<RegionOutline> {
    let mut seen: BTreeMap<i64, At> = BTreeMap::new();
    let mut regions = Vec::new();
    let members: Vec<_> = trees.flat_map(|tree| numbered(tree, around, "Regions", pen)).collect();
    for member in members {
        let Some(key) = member.number else { continue };
        let around = Around { place: Place { region: Some(key), ..around.place.clone() }, ..around.clone() };
        if let Some(first) = seen.insert(key, member.at) {
            let field = written("Regions", around.form);
            repeated(member, &field, Kind::Whole, first, &around, pen);
        }
        regions.extend(region(key, member, &around, pen));
    }
    regions
}

/// The members of an object whose keys are numbers.
fn numbered<'t>(tree: &'t Tree, around: &Around, name: &str, pen: &mut Pen) -> Vec<&'t Member> {
    let field = written(name, around.form);
    let example = match around.form {
        Form::Json => "a whole number in quotes, such as \"900\"",
        Form::Yaml => "a whole number without quotes, such as 900",
    };
    match &tree.value {
        Value::Null => Vec::new(),
        Value::Object(members) => {
            let (good, bad): (Vec<_>, Vec<_>) = members.iter().partition(|one| one.number.is_some());
            for member in bad {
                let key = shorten(&member.key);
                let (found, cure) = match plain(&member.key) {
                    Some(plain) => (
                        format!("the key {key:?} is no region id{FULL_WIDTH}"),
                        format!("write {}", shorten(&plain)),
                    ),
                    None => (
                        format!("the key {key:?} is no region id"),
                        "write the region's id as its key".to_owned(),
                    ),
                };
                pen.note(Rule::WrongType, around.field(member.at, &field), found, example, cure);
            }
            good
        }
        Value::List(_) => {
            let expected = format!("an object whose keys are region ids: {example}");
            let cure = "write each region under its id, not as an entry of a list";
            pen.note(Rule::WrongType, around.field(tree.at, &field), "it is a list", expected, cure);
            Vec::new()
        }
        _ => {
            let found = format!("it is {}", tree.kind());
            let expected = format!("an object whose keys are region ids: {example}");
            pen.note(Rule::WrongType, around.field(tree.at, &field), found, expected, "write such an object");
            Vec::new()
        }
    }
}

/// None if it is something else.
fn region(key: i64, member: &Member, around: &Around, pen: &mut Pen) -> Option<RegionOutline> {
    let around = Around { what: "a region", ..around.clone() };
    if member.value.value == Value::Null {
        let (places, nodes) = (Places::new(), Vec::new());
        return Some(RegionOutline { key, at: member.at, places, region: None, is_empty: true, nodes });
    }
    let found = fields(&member.value, REGION, &[("a node", NODE), ("the map", MAP)], &around, pen);
    let written = found.inner("Nodes");
    let is_empty =
        written.is_none_or(|tree| tree.value == Value::Null || tree.value == Value::List(Vec::new()));
    let nodes = written.map_or_else(Vec::new, |tree| nodes(tree, &around, pen));
    let (region, places) = typed(found);
    let region = RegionOutline { key, at: member.at, places, region: Some(region), is_empty, nodes };
    is_object(&member.value).then_some(region)
}

fn nodes(tree: &Tree, around: &Around, pen: &mut Pen) -> Vec<NodeOutline> {
    let field = written("Nodes", around.form);
    let list = match &tree.value {
        Value::Null => return Vec::new(),
        Value::List(list) => list,
        _ => {
            let found = format!("it is {}", tree.kind());
            let cure = match around.form {
                Form::Json => "put the node in brackets: [{…}]",
                Form::Yaml => "begin each node with a dash: - name: …",
            };
            pen.note(Rule::WrongType, around.field(tree.at, &field), found, "a list of nodes", cure);
            return Vec::new();
        }
    };
    let mut nodes = Vec::new();
    for (tree, number) in list.iter().zip(1_usize..) {
        if tree.value == Value::Null {
            let found = format!("entry {number} of the list is null");
            let cure = "remove the entry, or the comma or dash that makes it";
            pen.note(Rule::NullNode, around.field(tree.at, &field), found, "a node", cure);
            continue;
        }
        nodes.extend(node(tree, number, around, pen));
    }
    nodes
}

/// None if it is something else.
fn node(tree: &Tree, number: usize, around: &Around, pen: &mut Pen) -> Option<NodeOutline> {
    let is_name = |member: &&Member| member.key.eq_ignore_ascii_case("Name");
    let label = match tree.members().iter().find(is_name).map(|member| &member.value.value) {
        Some(Value::Text(name)) if !name.is_empty() => shorten(name),
        Some(Value::Number(number)) => number.written.clone(),
        _ => format!("#{number}"),
    };
    let place = Place { node: Some(label.clone()), ..around.place.clone() };
    let around = Around { place, what: "a node", ..around.clone() };
    let found = fields(tree, NODE, &[("a region", REGION), ("the map", MAP)], &around, pen);
    let is_zero = |name: &&str| found.simple.get(*name).is_some_and(|value| *value == 0);
    let zero_ports = ["DERPPort", "STUNPort"].into_iter().filter(is_zero).collect();
    let (node, places) = typed(found);
    is_object(tree).then_some(NodeOutline { label, at: tree.at, places, zero_ports, node })
}

fn home(tree: &Tree, around: &Around, places: &mut BTreeMap<i64, At>, pen: &mut Pen) -> Option<HomeParams> {
    if tree.value == Value::Null {
        return None;
    }
    let around = Around { what: "HomeParams", ..around.clone() };
    let found = fields(tree, HOME, &[("the map", MAP)], &around, pen);
    let mut home = HomeParams::default();
    let scores = found.inner("RegionScore").map(|tree| numbered(tree, &around, "RegionScore", pen));
    for member in scores.into_iter().flatten() {
        let score = match &member.value.value {
            Value::Null => Some(0.0),
            Value::Number(number) => number.real,
            _ => None,
        };
        match (member.number, score) {
            (Some(region), Some(score)) => {
                let first = places.insert(region, member.at);
                if let Some(first) = first {
                    repeated(member, &written("RegionScore", around.form), Kind::Number, first, &around, pen);
                }
                home.region_score.entry(region).and_modify(|last| *last = score).or_insert(score);
            }
            _ => pen.note(
                Rule::WrongType,
                around.field(member.value.at, &written("RegionScore", around.form)),
                format!("the score of region {} is {}", shorten(&member.key), member.value.kind()),
                match member.value.value {
                    Value::Number(_) => FINITE,
                    _ => "a number without quotes",
                },
                "write the number to multiply the region's latency with",
            ),
        }
    }
    Some(home)
}
