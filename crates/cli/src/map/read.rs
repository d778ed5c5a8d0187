//! The reading of maps for the rooms that use them.

use std::error::Error;

use wherry_client::FetchError;
use wherry_tools::map::{self, Finding, Origin, Rule, Severity, Source, SourceError, SourceFault};
use wherry_wire::derp_map::DerpMap;

use crate::failure::Failure;
use crate::finding::line;

/// Reads a text as a map by the rules of `wherry map check`, whatever its form: the map, or each error, a line each.
/// `name` is the file or URL that it is from.
pub(crate) fn read(name: &str, text: &str) -> Result<DerpMap, Vec<String>> {
    let origin = if name.contains("://") { Origin::Url } else { Origin::File };
    let checked = map::check(&Source { name: name.to_owned(), origin, text: text.to_owned() }, None);
    let errors: Vec<_> = checked.findings.iter().filter(is_in_the_way).map(line).collect();
    checked.map.filter(|_| errors.is_empty()).ok_or(errors)
}

/// Every error but that Headscale would not take the form, or that nobody relays: the relay serves the map in another one, and
/// beside itself.
fn is_in_the_way(finding: &&Finding) -> bool {
    let is_cured = matches!(finding.rule, Rule::JsonAsYaml | Rule::YamlAsJson | Rule::NobodyRelays);
    finding.severity == Severity::Error && !is_cured
}

/// A map that cannot be had is no mistake in a map.
pub(crate) fn of_source(err: &SourceError) -> Failure {
    of_all(std::slice::from_ref(err), false, line(&err.finding()).into())
}

/// What several sources come to: a wrong word before a broken map, and that before one that cannot be had. `is_broken`: a map
/// that was read has mistakes.
pub(super) fn of_all(unread: &[SourceError], is_broken: bool, said: Box<dyn Error>) -> Failure {
    let has = |is_it: fn(&SourceFault) -> bool| unread.iter().any(|err| is_it(&err.cause));
    let is_word = |cause: &SourceFault| {
        matches!(cause, SourceFault::Scheme { .. } | SourceFault::Fetch(FetchError::Target(_)))
    };
    if has(is_word) {
        Failure::Usage(said)
    } else if is_broken || has(SourceFault::is_no_map) {
        Failure::Config(said)
    } else {
        Failure::Other(said)
    }
}
