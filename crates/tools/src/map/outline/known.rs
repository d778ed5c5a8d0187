//! The fields of a map and how people mistype them.

use crate::map::read::Form;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Whole,
    Number,
    Switch,
    /// Something with fields of its own.
    Inner,
}

/// A field: Go's name for it, and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind }
}

/// The fields of the map itself.
pub(super) const MAP: &[Field] = &[
    field("HomeParams", Kind::Inner),
    field("Regions", Kind::Inner),
    field("omitDefaultRegions", Kind::Switch),
];

/// Fields of the map itself that Headscale leaves out when it merges maps.
pub(in crate::map) const UNMERGED: [&str; 2] = ["HomeParams", "omitDefaultRegions"];

/// The fields of `HomeParams`.
pub(super) const HOME: &[Field] = &[field("RegionScore", Kind::Inner)];

/// The fields of a region.
pub(super) const REGION: &[Field] = &[
    field("RegionID", Kind::Whole),
    field("RegionCode", Kind::Text),
    field("RegionName", Kind::Text),
    field("Latitude", Kind::Number),
    field("Longitude", Kind::Number),
    field("Avoid", Kind::Switch),
    field("NoMeasureNoHome", Kind::Switch),
    field("Nodes", Kind::Inner),
];

/// The fields of a node.
pub(super) const NODE: &[Field] = &[
    field("Name", Kind::Text),
    field("RegionID", Kind::Whole),
    field("HostName", Kind::Text),
    field("CertName", Kind::Text),
    field("IPv4", Kind::Text),
    field("IPv6", Kind::Text),
    field("STUNPort", Kind::Whole),
    field("STUNOnly", Kind::Switch),
    field("DERPPort", Kind::Whole),
    field("InsecureForTests", Kind::Switch),
    field("STUNTestIP", Kind::Text),
    field("CanPort80", Kind::Switch),
];

/// The name of a field in a form.
pub(in crate::map) fn written(name: &str, form: Form) -> String {
    match form {
        Form::Json => name.to_owned(),
        Form::Yaml => name.to_ascii_lowercase(),
    }
}

/// What a key is to an object that knows some fields.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// This field.
    Is(Field),
    /// This field, in a case that JSON does not mind.
    OtherCase(Field),
    /// Most likely this field, but it is passed over.
    MeansPerhaps(Field),
    /// None.
    Unknown,
}

/// What `key` means where `fields` may stand, and those of `present` stand already.
pub(super) fn meaning(key: &str, fields: &[Field], form: Form, present: &[&str]) -> Meaning {
    if let Some(field) = fields.iter().find(|field| written(field.name, form) == key) {
        return Meaning::Is(*field);
    }
    let plain = simple(key);
    let same = fields.iter().find(|field| simple(field.name) == plain);
    if let Some(field) = same {
        let is_case = field.name.eq_ignore_ascii_case(key) && form == Form::Json;
        return if is_case { Meaning::OtherCase(*field) } else { Meaning::MeansPerhaps(*field) };
    }
    let distance = |field: &Field| {
        let (name, most) = (simple(field.name), 1 + plain.len() / 6);
        // The distance is at least the difference in length, and takes memory by the product of both.
        let is_near = plain.len() > 3 && plain.chars().count().abs_diff(name.len()) <= most;
        is_near.then(|| strsim::damerau_levenshtein(&name, &plain)).filter(|distance| *distance <= most)
    };
    // One that is there already was hardly meant.
    let by_nearness = |field: &Field| Some((present.contains(&field.name), distance(field)?));
    match ALIASES.iter().find(|(alias, _)| *alias == plain) {
        Some((_, name)) => fields.iter().find(|field| field.name == *name),
        None => {
            let near = fields.iter().filter_map(|field| Some((by_nearness(field)?, field)));
            near.min_by_key(|(nearness, _)| *nearness).map(|(_, field)| field)
        }
    }
    .map_or(Meaning::Unknown, |field| Meaning::MeansPerhaps(*field))
}

/// The field that `key` is beyond doubt, by Go's name.
pub(super) fn plainly(key: &str, fields: &[Field], form: Form) -> Option<&'static str> {
    let is_same = |field: &&Field| match form {
        Form::Json => field.name.eq_ignore_ascii_case(key),
        Form::Yaml => written(field.name, form) == key,
    };
    fields.iter().find(is_same).map(|field| field.name)
}

/// Other words for some fields, as they are found in the wild.
const ALIASES: &[(&str, &str)] = &[
    ("id", "RegionID"),
    ("code", "RegionCode"),
    ("host", "HostName"),
    ("domain", "HostName"),
    ("port", "DERPPort"),
    ("httpsport", "DERPPort"),
    ("stun", "STUNPort"),
    ("insecure", "InsecureForTests"),
    ("insecureskipverify", "InsecureForTests"),
    ("ip", "IPv4"),
    ("ipaddress", "IPv4"),
    ("lat", "Latitude"),
    ("lon", "Longitude"),
    ("lng", "Longitude"),
    ("node", "Nodes"),
    ("region", "Regions"),
];

/// A key without what people add and change.
fn simple(key: &str) -> String {
    key.chars().filter(|any| any.is_alphanumeric()).map(|any| any.to_ascii_lowercase()).collect()
}
