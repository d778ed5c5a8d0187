//! The order in which things are looked at.

use std::path::Path;

use wherry_server::clock::NoEntropy;
use wherry_server::config::{Effective, Problem, Survey};
use wherry_tools::doctor::{Finding, Part};

use super::{files, limit, listen, relay, settings, tailscaled};
use crate::failure::Mistakes;
use crate::subject::{Subject, SubjectFlags};
use crate::unit::Kept;

/// What was found out here.
#[derive(Debug)]
pub(in crate::doctor) struct Host {
    /// In the order of a start: settings, files, addresses, and what concerns a relay that runs.
    pub(in crate::doctor) findings: Vec<Finding>,
    /// The relay as clients have it; none if there is no use in asking it.
    pub(in crate::doctor) relay: Option<Subject>,
}

/// Looks at everything. `kept` is from the user of the unit that runs the relay; `socket` is that of a tailscaled that is said
/// to be there; `flags` say how the relay is asked.
///
/// # Errors
/// The system gives no random bytes, which reading certificates takes.
pub(in crate::doctor) async fn look(
    loaded: Result<Effective, Mistakes>,
    kept: &[Kept],
    socket: Option<&Path>,
    flags: &SubjectFlags,
) -> Result<Host, NoEntropy> {
    let (settings, survey, problems) = match loaded {
        Ok(Effective { settings, survey, .. }) => (Some(settings), survey, Vec::new()),
        Err(Mistakes { problems, survey, settings, .. }) => {
            // A relay runs with what is kept from this user.
            let settings = settings.filter(|_| problems.iter().all(Problem::is_denied));
            (settings.map(|settings| *settings), survey, problems)
        }
    };
    let site = match &settings {
        Some(settings) => Some(listen::look(settings).await),
        None => None,
    };
    let runs = site.as_ref().is_some_and(|site| site.is_there);
    let mut findings = settings::findings(&problems, runs);
    findings.extend(files::look(&survey, settings.as_ref(), kept, runs)?);
    let has_bad_files = findings.iter().any(|finding| finding.part == Part::Files && finding.is_fault());
    let (limit, relay) = match settings.as_ref().zip(site) {
        None => (limit::look(None, false), Err("its settings cannot be used".to_owned())),
        Some((settings, site)) => {
            let health = site.health(settings, is_written(&survey, "admit"), has_bad_files);
            findings.extend(site.findings.into_iter().chain(health));
            let relay = match site.is_there {
                _ if site.is_silent => Err("it does not answer".to_owned()),
                true => relay::subject(settings, flags.verify().is_some()),
                false => Err("it is not there to be asked".to_owned()),
            };
            (limit::look(site.pid, site.is_there), relay)
        }
    };
    findings.push(limit);
    findings.extend(tailscaled::look(socket).await);
    let relay = relay.map_err(|why| {
        findings
            .push(Finding::skipped(Part::Running, format!("the relay was not asked from outside: {why}")));
    });
    Ok(Host { findings, relay: relay.ok() })
}

/// Whether somebody wrote the value of a key, and it does not follow from others.
fn is_written(survey: &Survey, key: &str) -> bool {
    survey.rows.iter().any(|row| row.key == key && !row.origin.is_preset())
}
