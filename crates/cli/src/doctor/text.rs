//! The findings for people.

use wherry_tools::doctor::{Diagnosis, Finding, Mark};

use crate::entry;
use crate::failure::Failure;

/// A heading, a line for each finding, the remedy of each fault below it.
pub(super) fn section(heading: &str, findings: &[Finding]) -> String {
    let mut text = format!("{heading}\n");
    for finding in findings {
        let (mark, part) = (finding.mark.word(), finding.part.word());
        text += &format!("  {mark:<7}  {part:<10}  {}\n", finding.found);
        if let Some(remedy) = &finding.remedy {
            text += &format!("  {:<7}  {:<10}  -> {remedy}\n", "", "");
        }
    }
    let verdict = if findings.iter().any(Finding::is_fault) {
        "NOT HEALTHY"
    } else if findings.iter().all(|finding| finding.mark == Mark::Skipped) {
        "not examined"
    } else {
        "healthy"
    };
    format!("{text}{verdict}\n\n")
}

/// A relay's section; then its entry, if anything is wrong.
pub(super) fn relay(heading: &str, diagnosis: &Diagnosis) -> Result<String, Failure> {
    let mut text = section(heading, &diagnosis.findings);
    if let Some(entry) = diagnosis.entry.as_ref().filter(|_| !diagnosis.is_healthy()) {
        text += "The map entry for what answers there; compare a pin with what the relay prints before it is used.\n";
        text += &entry::text(entry).map_err(|err| Failure::Other(err.into()))?;
        text += "\n";
    }
    Ok(text)
}
