//! `wherry map merge` and `wherry map convert`.

use std::collections::HashSet;
use std::fmt;

use wherry_client::{Dialer, Trust};
use wherry_tools::map::{self, Checked, Finding, Rule, Severity, Source, SourceError};
use wherry_wire::derp_map::{Change, DerpMap};

use super::args::{ConvertArgs, MergeArgs};
use super::form::Form;
use super::lines::Count;
use super::out::{OutArg, put};
use super::read::of_all;
use crate::failure::Failure;
use crate::finding::line;
use crate::{output, runtime};

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
enum NotWritten {
    #[error("nothing is written: {errors}{}", rest(unsaid))]
    Errors {
        errors: Count,
        /// What else is wrong with the maps, and not in the way.
        unsaid: Count,
    },
    #[error("--without {wanted:?}: no region has this number or code; there are {}", Known(known))]
    Without { wanted: String, known: Vec<(i64, String)> },
    #[error("nothing is written: no region is left")]
    Nothing,
}

fn rest(unsaid: &Count) -> String {
    if unsaid.is_empty() { String::new() } else { format!("; wherry map check says the rest: {unsaid}") }
}

/// Regions, for a message.
struct Known<'a>(&'a [(i64, String)]);

/// Merges maps and writes the result.
///
/// # Errors
/// [`Failure::Config`] if a map has errors, [`Failure::Usage`] for a region that is not there, [`Failure::Other`] if a map
/// cannot be read.
pub(super) fn merge(args: &MergeArgs) -> Result<(), Failure> {
    let mut all = runtime::run(gather(&args.sources))??;
    map::compare(&mut all);
    let of_compare = |rule| rule == Rule::Replaced;
    let replaced = all.iter().flat_map(|one| &one.findings).filter(|finding| of_compare(finding.rule));
    replaced.for_each(|finding| output::complain(&line(finding)));
    let mut merged = DerpMap::default();
    for checked in all {
        let Some(map) = checked.map else { continue };
        for (id, change) in merged.merge(map) {
            if change == Change::Removed {
                output::complain(&format!("{}: region {id} is null: removed", checked.source));
            }
        }
    }
    without(&mut merged, args)?;
    if args.to != Form::Acl {
        // A null has removed what it can: in the whole of all maps it says nothing more.
        merged.drop_nulls();
    }
    if merged.regions.is_empty() {
        return Err(Failure::Other(NotWritten::Nothing.into()));
    }
    across(&merged)?;
    write(&merged, args.to, &args.out)
}

/// Converts a map and writes the result.
///
/// # Errors
/// [`Failure::Config`] if it has errors, [`Failure::Other`] if it cannot be read.
pub(super) fn convert(args: &ConvertArgs) -> Result<(), Failure> {
    let all = runtime::run(gather(std::slice::from_ref(&args.source)))??;
    match all.into_iter().find_map(|checked| checked.map) {
        Some(map) => write(&map, args.to, &args.out),
        None => Err(Failure::Other(NotWritten::Nothing.into())),
    }
}

/// Reads all maps; what is wrong with them is complained about, and errors are the end.
async fn gather(sources: &[String]) -> Result<Vec<Checked>, Failure> {
    let dialer = Dialer::new(Trust::system([]).map_err(|err| Failure::Other(err.into()))?);
    let (mut all, mut findings, mut unsaid, mut unread) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for words in sources {
        match Source::read(words, &dialer, None).await {
            Ok(source) => {
                let loaded = map::load(&source);
                let checked = map::check(&source, None);
                let of_reading: HashSet<_> = loaded.findings.iter().collect();
                let is_said = |finding: &Finding| of_reading.contains(finding) || is_in_the_way(finding);
                let (said, rest): (Vec<_>, Vec<_>) = checked.findings.into_iter().partition(is_said);
                findings.extend(said);
                unsaid.extend(rest);
                // What comparing finds later is about the maps together.
                all.push(loaded);
            }
            Err(err) => unread.push(err),
        }
    }
    let is_broken = Count::of(&findings).errors > 0;
    findings.extend(unread.iter().map(SourceError::finding));
    findings.iter().for_each(|finding| output::complain(&line(finding)));
    let (errors, unsaid) = (Count::of(&findings), Count::of(&unsaid));
    if errors.errors == 0 {
        Ok(all)
    } else {
        Err(of_all(&unread, is_broken, NotWritten::Errors { errors, unsaid }.into()))
    }
}

/// Whether a finding forbids writing the map anew: every error but those of its form, which a new form is the cure for.
fn is_in_the_way(finding: &Finding) -> bool {
    let is_of_form = matches!(finding.rule, Rule::JsonAsYaml | Rule::YamlAsJson | Rule::Syntax);
    // Another map may bring relays.
    finding.severity == Severity::Error && !is_of_form && finding.rule != Rule::NobodyRelays
}

fn without(merged: &mut DerpMap, args: &MergeArgs) -> Result<(), Failure> {
    for wanted in &args.without {
        let known: Vec<_> =
            merged.live_regions().map(|(id, region)| (id, region.region_code.clone())).collect();
        let found = known
            .iter()
            .find(|(id, code)| *wanted == id.to_string() || wanted.eq_ignore_ascii_case(code))
            .map(|(id, _)| *id);
        // In a policy file null takes a region away that only Tailscale's own map has.
        let foreign = wanted.parse().ok().filter(|_| args.to == Form::Acl);
        match found.or(foreign) {
            Some(id) => {
                let what = match known.iter().find(|(known, _)| *known == id) {
                    Some((_, code)) if !code.is_empty() => format!("region {id} ({code}): removed"),
                    Some(_) => format!("region {id}: removed"),
                    None => format!("region {id} is in none of the maps: null takes away Tailscale's own"),
                };
                output::complain(&format!("--without {wanted}: {what}"));
                drop(merged.regions.insert(id, None));
            }
            None => {
                let wanted = wanted.clone();
                return Err(Failure::Usage(NotWritten::Without { wanted, known }.into()));
            }
        }
    }
    Ok(())
}

/// Complains about what only the merged map has wrong: names and codes that several regions have, or no relay. Errors are the
/// end.
fn across(merged: &DerpMap) -> Result<(), Failure> {
    let text = merged.to_json().map_err(|err| Failure::Other(err.into()))?;
    let source = Source { name: "the merged map".to_owned(), origin: map::Origin::File, text };
    let rules =
        [Rule::DuplicateNodeName, Rule::DuplicateRegionCode, Rule::DuplicateRegionName, Rule::NobodyRelays];
    let mut findings = map::check(&source, None).findings;
    findings.retain(|finding| rules.contains(&finding.rule) || is_in_the_way(finding));
    for finding in &mut findings {
        finding.place.at = None;
        output::complain(&line(finding));
    }
    // What else is wrong was said of each map, or is map check's to say of the result.
    let (errors, unsaid) = (Count::of(&findings), Count::of([]));
    if errors.errors > 0 {
        Err(Failure::Config(NotWritten::Errors { errors, unsaid }.into()))
    } else {
        Ok(())
    }
}

fn write(map: &DerpMap, form: Form, out: &OutArg) -> Result<(), Failure> {
    put(&form.write(map).map_err(|err| Failure::Other(err.into()))?, out)
}

impl fmt::Display for Known<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let regions: Vec<_> = self.0.iter().map(|(id, code)| format!("{id} ({code})")).collect();
        f.write_str(if regions.is_empty() { "none" } else { "" })?;
        f.write_str(&regions.join(", "))
    }
}
