//! The turns: each round drives each load at each relay, each freshly started.

use crate::distance::Distance;
use crate::load::{GENERATOR_CORE, Load, Plan};
use crate::number::number;
use crate::plots::{self, Plotted};
use crate::results::{Results, Run};
use crate::sample::{Outcome, Sample};
use crate::subject::{Programs, SERVER_CORE, Subject, Who};
use crate::wish::Wish;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::io;
use std::time::{Duration, Instant};

/// Files that a relay or the generator has open beside its clients.
const SPARE_FILES: u64 = 500;

/// What all turns gave.
#[derive(Debug)]
pub(crate) struct Turns {
    /// Every run.
    pub(crate) results: Results,
    /// Reports that are plotted.
    pub(crate) plotted: Vec<Plotted>,
    /// The plan as this machine allows it.
    pub(crate) plan: Plan,
    /// How long it took.
    pub(crate) took: Duration,
    /// How far the cores were apart.
    pub(crate) distance: Distance,
}

/// Takes them all, and tells each run as it is done.
///
/// # Errors
/// A relay did not start, the generator failed, or there are no two cores.
pub(crate) fn take(wish: &Wish) -> io::Result<Turns> {
    let plan = bounded(&wish.plan)?;
    let mut todo = Vec::new();
    for round in 1..=plan.rounds {
        for load in &wish.loads {
            let subjects = wish.programs.subjects(load.who);
            todo.extend(subjects.into_iter().map(|subject| (round, *load, subject)));
        }
    }
    let begin = Instant::now();
    let distance = Distance::between([SERVER_CORE, GENERATOR_CORE], plan.patience)?;
    let mut turns =
        Turns { results: Results::default(), plotted: Vec::new(), plan, took: Duration::ZERO, distance };
    for (done, (round, load, subject)) in todo.iter().enumerate() {
        let mut outcome = turn(load, subject, &wish.programs, &turns.plan, &mut turns.distance)?;
        tell((done + 1, todo.len()), begin, *round, load, subject, &outcome.sample);
        if outcome.sample.is_worth_a_second_try() {
            turns.results.runs.push(run(load, subject, *round, outcome.sample));
            outcome = turn(load, subject, &wish.programs, &turns.plan, &mut turns.distance)?;
            tell((done + 1, todo.len()), begin, *round, load, subject, &outcome.sample);
        }
        turns.results.runs.push(run(load, subject, *round, outcome.sample.clone()));
        plots::keep(&mut turns.plotted, (load, subject.name), outcome);
    }
    // They may have been nearer since than ever before.
    for run in &mut turns.results.runs {
        run.sample.judge(&turns.distance);
    }
    turns.took = begin.elapsed();
    Ok(turns)
}

fn run(load: &'static Load, subject: &Subject, round: usize, sample: Sample) -> Run {
    Run { load, relay: subject.name, round, sample }
}

/// The plan with no more clients than this system lets one process have.
fn bounded(plan: &Plan) -> io::Result<Plan> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    // Children inherit it, so the relay may hold as many connections as we do.
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    let most = usize::try_from(most.saturating_sub(SPARE_FILES)).unwrap_or(usize::MAX);
    Ok(Plan { idle: plan.idle.min(most), beside: plan.beside.min(most), ..plan.clone() })
}

fn turn(
    load: &Load,
    subject: &Subject,
    programs: &Programs,
    plan: &Plan,
    distance: &mut Distance,
) -> io::Result<Outcome> {
    let before = distance.wait()?;
    let running = subject.start()?;
    let outcome = match load.who {
        Who::Copy => load.drive_copy(&programs.own, &running, plan),
        Who::Relays | Who::TwoWorkers => load.drive(&programs.wherry, &running, plan),
    };
    let mut outcome =
        outcome.map_err(|err| io::Error::other(format!("{} under {}: {err}", subject.name, load.name)))?;
    drop(running);
    outcome.sample.round_trip = Some(before.max(distance.look()?));
    outcome.sample.judge(distance);
    Ok(outcome)
}

#[expect(clippy::print_stdout, reason = "a task talks to the person who started it")]
fn tell(
    (done, all): (usize, usize),
    begin: Instant,
    round: usize,
    load: &Load,
    subject: &Subject,
    sample: &Sample,
) {
    let seconds = begin.elapsed().as_secs();
    let figures = sample.figures.iter().take(5).map(|(name, value)| format!("{name} {}", number(*value)));
    let figures: Vec<String> = figures.collect();
    println!(
        "{done:>3}/{all} {:>2}:{:02}  {:<11} round {round} {:<20} {}",
        seconds / 60,
        seconds % 60,
        load.name,
        subject.name,
        figures.join("; ")
    );
    for (_, text) in &sample.reasons {
        println!("    not a result: {text}");
    }
}
