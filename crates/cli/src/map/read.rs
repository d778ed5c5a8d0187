//! The reading of maps for the relay.

use wherry_tools::map::{self, Finding, Origin, Rule, Severity, Source};
use wherry_wire::derp_map::DerpMap;

use super::lines::line;

/// Reads a text as a map by the rules of `wherry map check`, whatever its form: the map, or each error, a line each.
/// `name` is the file or URL that it is from.
pub(crate) fn read(name: &str, text: &str) -> Result<DerpMap, Vec<String>> {
    let origin = if name.contains("://") { Origin::Url } else { Origin::File };
    let checked = map::check(&Source { name: name.to_owned(), origin, text: text.to_owned() }, None);
    let errors: Vec<_> = checked.findings.iter().filter(is_in_the_way).map(line).collect();
    checked.map.filter(|_| errors.is_empty()).ok_or(errors)
}

/// Every error but that Headscale would not take the form: the relay serves the map in another one.
fn is_in_the_way(finding: &&Finding) -> bool {
    let is_of_form = matches!(finding.rule, Rule::JsonAsYaml | Rule::YamlAsJson);
    finding.severity == Severity::Error && !is_of_form
}
