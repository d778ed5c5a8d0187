//! Mistakes in the settings.

use wherry_server::config::Problem;
use wherry_tools::doctor::{Finding, Part};

/// Where there is nothing better to say.
const READ_ON: &str = "correct it; wherry config reference explains every key";

/// How more can be seen.
pub(super) const AS_ANOTHER: &str = "run doctor as root or as the relay's user (sudo)";

/// What is wrong with the settings, if anything; `runs`: there is a relay, which has what it needs.
pub(super) fn findings(problems: &[Problem], runs: bool) -> Vec<Finding> {
    if problems.is_empty() {
        return vec![Finding::ok(Part::Config, "nothing is wrong with the settings")];
    }
    problems
        .iter()
        .map(|problem| if problem.is_denied() { denied(problem, runs) } else { finding(problem) })
        .collect()
}

/// A file that is kept from this user, who may be another one than the relay's.
fn denied(problem: &Problem, runs: bool) -> Finding {
    let (found, _) = halves(&problem.to_string(), READ_ON);
    match runs {
        true => Finding::skipped(Part::Config, format!("{found}, for this user; {AS_ANOTHER}")),
        false => Finding::error(
            Part::Config,
            found,
            format!(
                "{AS_ANOTHER}; if this is that user, it must be able to read the file and to enter every folder above it"
            ),
        ),
    }
}

/// A mistake with its place and what to do.
fn finding(problem: &Problem) -> Finding {
    let (found, remedy) = match problem {
        Problem::UnknownKey { name, origin, suggestion } => (
            format!("unknown key {name:?} ({origin})"),
            match suggestion {
                Some(key) => format!("write {key:?}"),
                None => "remove it; wherry config reference lists the keys there are".to_owned(),
            },
        ),
        Problem::BadValue { key, given, origin, why, takes } => {
            (format!("{key} = {given:?} ({origin}): {why}"), format!("allowed is {takes}"))
        }
        Problem::TooMany { key, origin, count, takes } => {
            (format!("{key} ({origin}): takes one value, given {count}"), format!("allowed is {takes}"))
        }
        Problem::Conflict { key, given, origin, conflict } => {
            let (why, remedy) = halves(&conflict.to_string(), READ_ON);
            (format!("{key} = {given:?} ({origin}): {why}"), remedy)
        }
        Problem::BadFile { key, given, origin, err } => {
            let (why, remedy) = halves(&err.to_string(), READ_ON);
            (format!("{key} = {given:?} ({origin}): {why}"), remedy)
        }
        Problem::Missing { key, missing } => {
            let missing = missing.to_string();
            let (why, remedy) = missing.split_once(": ").unwrap_or((&missing, READ_ON));
            (format!("{key}: not set, {why}"), remedy.to_owned())
        }
        other => halves(&other.to_string(), READ_ON),
    };
    Finding::error(Part::Config, found, remedy)
}

/// What was found, and what to do: the two halves of a message that has both.
pub(super) fn halves(message: &str, otherwise: &str) -> (String, String) {
    let (found, remedy) = message.split_once("; ").unwrap_or((message, otherwise));
    (found.to_owned(), remedy.to_owned())
}
