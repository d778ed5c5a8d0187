//! Findings in numbers.

use wherry_tools::map::{Finding, Severity};

/// How many findings there are of each severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, thiserror::Error)]
#[error("{}", self.text())]
pub(super) struct Count {
    pub(super) errors: usize,
    pub(super) warnings: usize,
    pub(super) notes: usize,
}

impl Count {
    pub(super) fn of<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> Self {
        let mut count = Self { errors: 0, warnings: 0, notes: 0 };
        for finding in findings {
            match finding.severity {
                Severity::Error => count.errors += 1,
                Severity::Warning => count.warnings += 1,
                Severity::Note => count.notes += 1,
            }
        }
        count
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.errors + self.warnings + self.notes == 0
    }

    pub(super) fn text(&self) -> String {
        let counts = [(self.errors, "error"), (self.warnings, "warning"), (self.notes, "note")];
        let some: Vec<_> = counts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| number(count, what))
            .collect();
        if some.is_empty() { "nothing wrong".to_owned() } else { some.join(", ") }
    }
}

/// A number of things.
pub(super) fn number(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
