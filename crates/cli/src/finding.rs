//! A finding about a map as a line, for every command that reads one.

use wherry_tools::map::Finding;

use crate::output::plain;

/// One finding, as compilers print theirs. Names and keys in it are those of whoever wrote the map.
pub(crate) fn line(finding: &Finding) -> String {
    let place = &finding.place;
    let at = place.at.map(|at| format!(":{}:{}", at.line, at.column)).unwrap_or_default();
    let parts = [
        place.region.map(|id| format!("region {id}")),
        place.node.as_ref().map(|node| format!("node {node}")),
        place.field.clone(),
    ];
    let within: Vec<_> = parts.into_iter().flatten().collect();
    let within = if within.is_empty() { String::new() } else { format!("{}: ", within.join(", ")) };
    plain(&format!(
        "{}{at}: {} [{}]: {within}{}; expected: {}; {}",
        place.source,
        finding.severity.word(),
        finding.rule.word(),
        finding.found,
        finding.expected,
        finding.cure
    ))
}
