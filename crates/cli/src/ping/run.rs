//! The door.

use std::fmt;

use serde::Serialize;
use thiserror::Error;
use wherry_client::{Dialer, Family, Transport, Trust};
use wherry_server::clock::Clock;

use super::args::PingArgs;
use super::measure::{Plan, measure};
use super::report::Report;
use super::table::Table;
use crate::failure::{Failure, SystemError};
use crate::output::{self, Form};
use crate::runtime;
use crate::subject::{self, BadQuestion, Subject};

/// What is wrong with the relays, a line for each problem, its remedy after it.
#[derive(Debug, Error)]
struct Unhealthy(Vec<Report>);

/// The JSON form of everything.
#[derive(Serialize)]
struct All<'a> {
    healthy: bool,
    relays: &'a [Report],
}

/// What JSON says where there is no report.
#[derive(Serialize)]
struct NoReport {
    healthy: bool,
    error: String,
}

/// Pings what the arguments name and prints the result.
///
/// # Errors
/// [`Failure::Usage`] or [`Failure::Config`] if the question or the map is wrong, [`Failure::Other`] with [`Unhealthy`] if a relay is.
pub(crate) fn run(args: &PingArgs) -> Result<(), Failure> {
    let reports = reports(args).map_err(|failure| {
        output::failed(failure, Form::json_if(args.json), |error| NoReport { healthy: false, error })
    })?;
    let healthy = reports.iter().all(|report| report.healthy);
    if args.json {
        let all = serde_json::to_string_pretty(&All { healthy, relays: &reports });
        output::print(&format!("{}\n", all.map_err(|err| SystemError::Stdout(err.into()))?))?;
    }
    if healthy { Ok(()) } else { Err(Failure::Other(Unhealthy(reports).into())) }
}

fn reports(args: &PingArgs) -> Result<Vec<Report>, Failure> {
    let (plan, subjects) = prepare(args)?;
    Ok(runtime::run(ask(&plan, subjects, args.json))??)
}

/// Asks one relay after the other; each is printed as soon as it is known, unless all are printed as JSON.
async fn ask(plan: &Plan, subjects: Vec<Subject>, json: bool) -> Result<Vec<Report>, SystemError> {
    let mut reports = Vec::new();
    for mut subject in subjects {
        subject::take_stun_port(&mut subject, &plan.dialer, plan.timeout).await;
        let report = measure(plan, &subject).await;
        if !json {
            output::print(&Table(&report).to_string())?;
        }
        reports.push(report);
    }
    Ok(reports)
}

fn prepare(args: &PingArgs) -> Result<(Plan, Vec<Subject>), BadQuestion> {
    let subjects = subject::subjects(&args.subject)?;
    let key = args.key.as_deref().map(subject::key).transpose()?;
    let transport = if args.websocket { Transport::WebSocket } else { Transport::Upgrade };
    let family = args.subject.family();
    let dialer = Dialer::new(Trust::system([])?)
        .with_transport(transport)
        .with_preferred(family.unwrap_or(Family::V4))
        .with_budget(args.timeout);
    let plan = Plan { dialer, rounds: args.count, timeout: args.timeout, family, key, clock: Clock::start() };
    Ok((plan, subjects))
}

impl fmt::Display for Unhealthy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for report in &self.0 {
            for (step, problem) in report.steps.iter().filter_map(|step| Some((step, step.problem.as_ref()?)))
            {
                let said =
                    format!("{}, {}: {}; {}", report.name, step.step.word(), problem.what, problem.remedy);
                writeln!(f, "{}", output::plain(&said))?;
            }
        }
        Ok(())
    }
}
