//! `wherry map check`.

use serde::Serialize;
use wherry_client::{Dialer, Trust, TrustError};
use wherry_tools::map::{self, Checked, Finding, Severity, Source};

use super::args::CheckArgs;
use crate::failure::{Failure, SystemError};
use crate::output;

/// How many findings there are of each severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{}", self.text())]
struct Count {
    errors: usize,
    warnings: usize,
    notes: usize,
}

/// The JSON form of everything.
#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    #[serde(flatten)]
    count: Count,
    findings: Vec<&'a Finding>,
}

/// Checks maps and prints what is wrong with them.
///
/// # Errors
/// [`Failure::Other`] with the number of errors if there are any.
pub(super) fn run(args: &CheckArgs) -> Result<(), Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(SystemError::Start)?;
    let (all, unread) = runtime.block_on(gather(args)).map_err(|err| Failure::Other(err.into()))?;
    let findings: Vec<_> = unread.iter().chain(all.iter().flat_map(|checked| &checked.findings)).collect();
    let count = Count::of(&findings);
    if args.json {
        let report = Report { ok: count.errors == 0, count, findings };
        let text = serde_json::to_string_pretty(&report).map_err(|err| SystemError::Stdout(err.into()))?;
        output::print(&format!("{text}\n"))?;
    } else {
        let lines: String = findings.iter().map(|finding| line(finding) + "\n").collect();
        let sums: String = all.iter().filter_map(sum).collect();
        output::print(&format!("{lines}{sums}"))?;
    }
    if count.errors == 0 { Ok(()) } else { Err(Failure::Other(count.into())) }
}

async fn gather(args: &CheckArgs) -> Result<(Vec<Checked>, Vec<Finding>), TrustError> {
    let dialer = Dialer::new(Trust::system([])?);
    let (mut all, mut unread) = (Vec::new(), Vec::new());
    for words in &args.sources {
        match Source::read(words, &dialer).await {
            Ok(source) => all.push(map::check(&source, args.reader.map(Into::into))),
            Err(err) => unread.push(err.finding()),
        }
    }
    map::compare(&mut all);
    if !args.offline {
        for checked in &mut all {
            map::resolve(checked).await;
        }
    }
    Ok((all, unread))
}

/// One finding, as compilers print theirs.
fn line(finding: &Finding) -> String {
    let place = &finding.place;
    let at = place.at.map(|at| format!(":{}:{}", at.line, at.column)).unwrap_or_default();
    let parts = [
        place.region.map(|id| format!("region {id}")),
        place.node.as_ref().map(|node| format!("node {node}")),
        place.field.clone(),
    ];
    let within: Vec<_> = parts.into_iter().flatten().collect();
    let within = if within.is_empty() { String::new() } else { format!("{}: ", within.join(", ")) };
    format!(
        "{}{at}: {} [{}]: {within}{}; expected: {}; {}",
        place.source,
        finding.severity.word(),
        finding.rule.word(),
        finding.found,
        finding.expected,
        finding.cure
    )
}

/// What a map has, on one line.
fn sum(checked: &Checked) -> Option<String> {
    let map = checked.map.as_ref()?;
    let nodes = map.live_regions().map(|(_, region)| region.nodes.len()).sum::<usize>();
    let count = Count::of(&checked.findings.iter().collect::<Vec<_>>());
    let regions = number(map.live_regions().count(), "region");
    Some(format!("{}: {regions}, {}: {}\n", checked.source, number(nodes, "node"), count.text()))
}

impl Count {
    fn of(findings: &[&Finding]) -> Self {
        let of = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        Self { errors: of(Severity::Error), warnings: of(Severity::Warning), notes: of(Severity::Note) }
    }

    fn text(&self) -> String {
        let counts = [(self.errors, "error"), (self.warnings, "warning"), (self.notes, "note")];
        let some: Vec<_> = counts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| number(count, what))
            .collect();
        if some.is_empty() { "nothing wrong".to_owned() } else { some.join(", ") }
    }
}

fn number(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
