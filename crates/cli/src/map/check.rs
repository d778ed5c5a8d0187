//! `wherry map check`.

use std::time::Duration;

use serde::Serialize;
use wherry_client::{Dialer, NodePrivate, Trust, TrustError};
use wherry_tools::map::{self, Checked, Finding, Source, SourceError};

use super::args::CheckArgs;
use super::lines::{Count, number};
use super::read::of_all;
use crate::failure::{Failure, SystemError};
use crate::finding::line;
use crate::output::{self, Form};
use crate::{runtime, subject};

/// The JSON form of everything.
#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    #[serde(flatten)]
    count: Count,
    findings: Vec<&'a Finding>,
}

/// What JSON says where nothing was checked.
#[derive(Serialize)]
struct NoReport {
    ok: bool,
    error: String,
}

/// For all of one dial, as stock clients have it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Checks maps and prints what is wrong with them.
///
/// # Errors
/// With the number of errors if there are any: [`Failure::Config`] if a map is broken, [`Failure::Usage`] for a URL that is none,
/// [`Failure::Other`] for what cannot be read and what a probe finds.
pub(super) fn run(args: &CheckArgs) -> Result<(), Failure> {
    let no_report =
        |failure| output::failed(failure, Form::json_if(args.json), |error| NoReport { ok: false, error });
    let Gathered { all, unread, is_broken } = asked(args).map_err(no_report)?;
    let of_unread: Vec<_> = unread.iter().map(SourceError::finding).collect();
    let findings: Vec<_> = of_unread.iter().chain(all.iter().flat_map(|checked| &checked.findings)).collect();
    let count = Count::of(findings.iter().copied());
    if args.json {
        let report = Report { ok: count.errors == 0, count, findings };
        let text = serde_json::to_string_pretty(&report).map_err(|err| SystemError::Stdout(err.into()))?;
        output::print(&format!("{text}\n"))?;
    } else {
        let lines: String = findings.iter().map(|finding| line(finding) + "\n").collect();
        let sums: String = all.iter().filter_map(sum).collect();
        output::print(&format!("{lines}{sums}"))?;
    }
    if count.errors == 0 { Ok(()) } else { Err(of_all(&unread, is_broken, count.into())) }
}

fn asked(args: &CheckArgs) -> Result<Gathered, Failure> {
    let keys = subject::keys(&args.key)?;
    runtime::run(gather(args, &keys))?.map_err(|err| Failure::Other(err.into()))
}

/// What was read, and what could not be.
struct Gathered {
    all: Vec<Checked>,
    unread: Vec<SourceError>,
    /// A map is wrong whatever the network says.
    is_broken: bool,
}

async fn gather(args: &CheckArgs, keys: &[NodePrivate]) -> Result<Gathered, TrustError> {
    let dialer = Dialer::new(Trust::system([])?).with_budget(PATIENCE);
    let (mut all, mut unread) = (Vec::new(), Vec::new());
    for words in &args.sources {
        match Source::read(words, &dialer, None).await {
            Ok(source) => all.push(map::check(&source, args.reader.map(Into::into))),
            Err(err) => unread.push(err),
        }
    }
    map::compare(&mut all);
    let is_broken = all.iter().any(Checked::has_errors);
    if !args.offline {
        for checked in &mut all {
            map::resolve(checked).await;
            if args.probe {
                map::probe(checked, &dialer, keys).await;
            }
        }
    }
    Ok(Gathered { all, unread, is_broken })
}

/// What a map has, on one line.
fn sum(checked: &Checked) -> Option<String> {
    let map = checked.map.as_ref()?;
    let nodes = map.live_regions().map(|(_, region)| region.nodes.len()).sum::<usize>();
    let count = Count::of(&checked.findings);
    let regions = number(map.live_regions().count(), "region");
    Some(format!("{}: {regions}, {}: {}\n", checked.source, number(nodes, "node"), count.text()))
}
