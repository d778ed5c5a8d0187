//! The diagnosis for people.

use wherry_tools::doctor::Diagnosis;

use crate::entry;
use crate::failure::Failure;

/// A heading, a line for each finding, the remedy of each fault below it; then the entry, if anything is wrong.
pub(super) fn text(relay: &str, diagnosis: &Diagnosis) -> Result<String, Failure> {
    let mut text = format!("{relay}\n");
    for finding in &diagnosis.findings {
        let (mark, part) = (finding.mark.word(), finding.part.word());
        text += &format!("  {mark:<7}  {part:<9}  {}\n", finding.found);
        if let Some(remedy) = &finding.remedy {
            text += &format!("  {:<7}  {:<9}  -> {remedy}\n", "", "");
        }
    }
    if diagnosis.is_healthy() {
        return Ok(text + "healthy\n\n");
    }
    text += "NOT HEALTHY\n\n";
    if let Some(entry) = &diagnosis.entry {
        text += "The map entry for what answers there; compare a pin with what the relay prints before it is used.\n";
        text += &entry::text(entry).map_err(|err| Failure::Other(err.into()))?;
        text += "\n";
    }
    Ok(text)
}
