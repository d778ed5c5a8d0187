//! The map itself.

use std::mem;

use super::{Destination, example, homes, node, region};
use crate::map::finding::{At, Place, Rule};
use crate::map::outline::{Outline, Pen};
use crate::map::read::{Form, Text};

/// Writes down what is wrong with a map; `destination` is who reads it, if that is known.
pub(in crate::map) fn judge(map: &Outline, text: &Text, destination: Option<Destination>, pen: &mut Pen) {
    let mut of_reading = mem::take(&mut pen.findings);
    form(map, text, destination, pen);
    if map.is_empty {
        let cure = "add a region; wherry map entry prints one";
        let expected = "at least one region: Headscale refuses to start without any";
        pen.note(Rule::NoRegions, map.place("Regions"), "there is no region", expected, cure);
    }
    for region in &map.regions {
        region::judge(map, region, pen);
    }
    let mut names = node::Names::of(map);
    for (region, node) in map.nodes() {
        node::judge(map, region, node, &mut names, pen);
    }
    region::judge_together(map, destination, pen);
    node::judge_together(map, &mut names, pen);
    homes::judge(map, destination, pen);
    example::judge(map, pen);
    pen.findings.retain(|finding| !map.is_unread(&finding.place));
    of_reading.append(&mut pen.findings);
    pen.findings = of_reading;
}

fn form(map: &Outline, text: &Text, destination: Option<Destination>, pen: &mut Pen) {
    let place = |at| Place { source: map.source.clone(), at: Some(at), ..Place::default() };
    let is_policy = destination.map_or(map.is_policy, |one| one == Destination::Policy);
    if map.is_policy && !is_policy {
        pen.note(
            Rule::NotAMap,
            place(map.at),
            "the map stands under derpMap, as in a policy file, where Headscale looks for none: it is empty to it",
            "the map alone, as the whole of it",
            "wherry map convert --to json for derp.urls, --to yaml for derp.paths",
        );
    }
    match (map.form, destination) {
        (Form::Json, Some(Destination::HeadscalePaths)) => pen.note(
            Rule::JsonAsYaml,
            place(map.at),
            "it is JSON, where Headscale reads YAML: it finds none of Go's names in it, so the map is empty to it",
            "YAML with names in lower case, such as regions and hostname",
            "wherry map convert --to yaml, or serve the file and put its URL under derp.urls",
        ),
        (Form::Yaml, Some(destination @ (Destination::HeadscaleUrls | Destination::Policy))) => pen.note(
            Rule::YamlAsJson,
            place(map.at),
            match destination {
                Destination::Policy => "it is YAML, where Tailscale reads JSON",
                _ => "it is YAML, where Headscale reads JSON: what it fetches from derp.urls it takes for JSON",
            },
            "JSON with Go's names, such as Regions and HostName",
            match destination {
                Destination::Policy => "wherry map convert --to acl",
                _ => "wherry map convert --to json, or put the file under derp.paths",
            },
        ),
        _ => {}
    }
    if let Some(liberty) = text.liberty.as_ref().filter(|_| !is_policy) {
        pen.note(
            Rule::Syntax,
            place(liberty.at),
            liberty.reason.clone(),
            "JSON without comments and trailing commas: only Tailscale's policy files may have them",
            "remove it and its like in what follows",
        );
    }
    if text.has_mark && map.form == Form::Json {
        pen.note(
            Rule::Syntax,
            place(At { line: 1, column: 1 }),
            "a byte order mark comes first, and readers of JSON refuse it with all that follows",
            "JSON without one",
            "save it as UTF-8 without BOM",
        );
    }
    if let Some(second) = text.second {
        let found = "a second document begins here, and nobody reads it";
        pen.note(
            Rule::SecondDocument,
            place(second),
            found,
            "one document",
            "merge the two with wherry map merge",
        );
    }
}
