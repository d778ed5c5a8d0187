//! The findings for people.

use wherry_client::Pin;
use wherry_tools::doctor::{Diagnosis, Finding, Mark, Patient};
use wherry_wire::derp_map::DerpMap;

use crate::entry;
use crate::failure::Failure;

/// A heading, a line for each finding, the remedy of each fault below it.
pub(super) fn section(heading: &str, findings: &[Finding]) -> String {
    let mut text = format!("{heading}\n");
    for finding in findings {
        let (mark, part) = (finding.mark.word(), finding.part.word());
        text += &format!("  {mark:<7}  {part:<10}  {}\n", apart(&finding.found));
        if let Some(remedy) = &finding.remedy {
            text += &format!("  {:<7}  {:<10}  -> {remedy}\n", "", "");
        }
    }
    let is_unseen = findings.iter().all(|finding| finding.mark == Mark::Skipped);
    format!("{text}{}\n", if is_unseen { "not examined\n" } else { "" })
}

/// Two pins one under the other, so that it shows where they differ.
fn apart(found: &str) -> String {
    let pin = format!(" {}", Pin::PREFIX);
    match found.matches(&pin).count() {
        2.. => found.replace(&pin, &format!("\n  {:<7}  {:<10} {pin}", "", "")),
        _ => found.to_owned(),
    }
}

/// The verdict on everything, once.
pub(super) const fn verdict(is_healthy: bool) -> &'static str {
    if is_healthy { "healthy\n\n" } else { "NOT HEALTHY\n\n" }
}

/// A relay's section; then its entry, if anything is wrong, unless that is as it was asked about.
pub(super) fn relay(patient: &Patient, diagnosis: &Diagnosis) -> Result<String, Failure> {
    let mut text = section(&patient.endpoint.authority(), &diagnosis.findings);
    let is_new = |map: &&DerpMap| !diagnosis.is_healthy() && patient.map.as_ref() != Some(map);
    if let Some(map) = diagnosis.map.as_ref().filter(is_new) {
        text += "The map entry for what answers there; compare a pin with what the relay prints before it is used.\n";
        text += &entry::of_map(map).map_err(|err| Failure::Other(err.into()))?;
        text += "\n";
    }
    Ok(text)
}
