//! The door.

use serde::Serialize;
use thiserror::Error;
use wherry_bench::{BenchError, Order, Report, Scenario};
use wherry_client::{Trust, TrustError};

use super::args::{BenchArgs, NoEffect};
use super::page::{BadPath, PageFile};
use super::progress::Progress;
use super::table::table;
use crate::failure::{Failure, SystemError};
use crate::output::{self, Form};
use crate::subject::{self, BadQuestion, Stun};
use wherry_tools::remedy::{self, Situation, Tool};

/// What is wrong with the question.
#[derive(Debug, Error)]
enum Wrong {
    #[error(transparent)]
    NoEffect(#[from] NoEffect),
    #[error(transparent)]
    Subject(#[from] BadQuestion),
    #[error("{scenario} is about {}, and {} named; {}", relays(scenario.relays()), are(*named), which(*scenario))]
    Count { scenario: Scenario, named: usize },
    #[error(transparent)]
    Trust(#[from] TrustError),
    #[error(transparent)]
    Page(#[from] BadPath),
}

impl From<Wrong> for Failure {
    fn from(wrong: Wrong) -> Self {
        match wrong {
            Wrong::Subject(wrong) => wrong.into(),
            Wrong::Trust(err) => Self::Other(err.into()),
            wrong => Self::Usage(wrong.into()),
        }
    }
}

/// Why a run is no result, a line for each reason.
#[derive(Debug, Error)]
#[error("{}", lines(.0))]
struct NoResult(Box<Report>);

fn lines(report: &Report) -> String {
    let reasons = report.reasons.iter().map(|reason| format!("not a result: {}", reason.text));
    reasons.collect::<Vec<_>>().join("\n")
}

/// Runs the scenario, prints its report and writes it as a page if that was asked for.
///
/// # Errors
/// [`Failure::Usage`] if the question is wrong or the page could not be written there, both before any load; [`Failure::NoResult`] if the relay was not what was measured.
pub(crate) fn run(args: &BenchArgs) -> Result<(), Failure> {
    let no_report = |failure| {
        let answer = |error| NoReport { scenario: args.scenario.name(), valid: false, error };
        output::failed(failure, Form::json_if(args.json), answer)
    };
    let order = order(args).map_err(|wrong| no_report(wrong.into()))?;
    let page = args.report.as_deref().map(PageFile::at).transpose();
    let page = page.map_err(Wrong::from)?;
    let progress = Progress::start().map_err(SystemError::Start)?;
    let outcome = wherry_bench::run(&order, &progress);
    progress.finish();
    let report = outcome.map_err(|error| no_report(failed(error)))?;
    if args.json {
        let json = serde_json::to_string_pretty(&report).map_err(|err| SystemError::Stdout(err.into()))?;
        output::print(&format!("{json}\n"))?;
    } else {
        output::print(&table(&report))?;
    }
    if let Some(page) = page {
        page.write(&wherry_bench::html(&report)).map_err(|err| Failure::Other(err.into()))?;
    }
    if report.valid { Ok(()) } else { Err(Failure::NoResult(NoResult(Box::new(report)).into())) }
}

fn order(args: &BenchArgs) -> Result<Order, Wrong> {
    let settings = args.settings()?;
    let mut subjects = subject::subjects(&args.subject)?;
    if let Some(second) = &args.far {
        subjects.extend(subject::named(second, args.subject.flags())?);
    }
    let (scenario, named) = (args.scenario, subjects.len());
    if named != scenario.relays() {
        return Err(Wrong::Count { scenario, named });
    }
    let far = subjects.drain(1..).next().map(|subject| subject.endpoint);
    let subject = subjects.pop().ok_or(Wrong::Count { scenario, named })?;
    let stun = subject.stun.map(|Stun { port, test_ip, ip, .. }| (port, test_ip.or(ip)));
    Ok(Order {
        scenario,
        settings,
        endpoint: subject.endpoint,
        far,
        trust: Trust::system([])?,
        stun,
        server_pid: args.server_pid,
        may_load_public: args.i_may_load_this_relay,
    })
}

fn relays(count: usize) -> String {
    if count == 1 { "one relay".to_owned() } else { format!("{count} relays") }
}

fn are(count: usize) -> String {
    if count == 1 { "one is".to_owned() } else { format!("{count} are") }
}

fn which(scenario: Scenario) -> &'static str {
    match scenario.relays() {
        1 => "name the one to load",
        _ => "name both, the one that has the link first, or a map with these two",
    }
}

/// What to say where there is no report.
fn failed(error: BenchError) -> Failure {
    match error {
        BenchError::Dial { ref endpoint, ref cause } => {
            let situation = Situation { endpoint, tool: Tool::Bench, seen_pin: None };
            let remedy = remedy::dial(cause, &situation);
            Failure::Other(format!("{error}; {remedy}").into())
        }
        BenchError::Setting(_)
        | BenchError::NotYours { .. }
        | BenchError::Process { .. }
        | BenchError::Relays { .. }
        | BenchError::SameRelay { .. } => Failure::Usage(error.into()),
        other => Failure::Other(other.into()),
    }
}

/// What JSON says where there is no report.
#[derive(Serialize)]
struct NoReport {
    scenario: &'static str,
    valid: bool,
    error: String,
}
