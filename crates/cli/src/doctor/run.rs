//! The door.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use thiserror::Error;
use wherry_client::{Dialer, Trust};
use wherry_tools::doctor::{Finding, Patient, examine};
use wherry_tools::map::{self, Finding as MapFinding, Rule, Source};
use wherry_wire::derp_map::DerpMap;

use super::args::DoctorArgs;
use super::text::text;
use crate::failure::{Failure, SystemError};
use crate::map::line;
use crate::output;
use crate::subject::{self, BadQuestion, Subject};

/// For each step of a dial.
const PATIENCE: Duration = Duration::from_secs(5);

/// The JSON form of everything.
#[derive(Serialize)]
struct All {
    healthy: bool,
    relays: Vec<One>,
    /// Nodes of one region that do not forward to each other.
    unmeshed: Vec<MapFinding>,
}

/// The JSON form of one relay.
#[derive(Serialize)]
struct One {
    name: String,
    host: String,
    port: u16,
    healthy: bool,
    findings: Vec<Finding>,
    /// The map that is right for it.
    map: Option<DerpMap>,
}

#[derive(Debug, Error)]
#[error("{unhealthy} of {all} relays need mending{}", if *is_meshed { "" } else { ", and nodes of one region are not meshed" })]
struct Unhealthy {
    unhealthy: usize,
    all: usize,
    is_meshed: bool,
}

/// Examines what the arguments name and prints what was found.
///
/// # Errors
/// [`Failure::Usage`] if the question is wrong, [`Failure::Other`] with [`Unhealthy`] if a relay is to be mended.
pub(crate) fn run(args: &DoctorArgs) -> Result<(), Failure> {
    let (dialer, patients) = prepare(args).map_err(|wrong| Failure::Usage(wrong.into()))?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(SystemError::Start)?;
    let mut relays = Vec::new();
    for patient in &patients {
        let diagnosis =
            runtime.block_on(examine(&dialer, patient)).map_err(|err| Failure::Other(err.into()))?;
        let endpoint = &patient.endpoint;
        if !args.json {
            output::print(&text(&endpoint.authority(), &diagnosis)?)?;
        }
        relays.push(One {
            name: endpoint.label().to_owned(),
            host: endpoint.host().to_owned(),
            port: endpoint.port(),
            healthy: diagnosis.is_healthy(),
            map: diagnosis.entry.as_ref().map(|entry| entry.map()),
            findings: diagnosis.findings,
        });
    }
    let unhealthy = relays.iter().filter(|relay| !relay.healthy).count();
    let unmeshed = runtime.block_on(unmeshed(args.subject.words(), &dialer));
    if !args.json {
        let lines: String = unmeshed.iter().map(|finding| line(finding) + "\n").collect();
        output::print(&lines)?;
    }
    let all = All { healthy: unhealthy == 0 && unmeshed.is_empty(), relays, unmeshed };
    if args.json {
        let text = serde_json::to_string_pretty(&all).map_err(|err| SystemError::Stdout(err.into()))?;
        output::print(&format!("{text}\n"))?;
    }
    // A name that still resolves is waited for no longer.
    runtime.shutdown_background();
    if all.healthy {
        return Ok(());
    }
    let is_meshed = all.unmeshed.is_empty();
    Err(Failure::Other(Unhealthy { unhealthy, all: all.relays.len(), is_meshed }.into()))
}

/// Which nodes of one region do not forward to each other, where the words are a file with a map.
async fn unmeshed(words: &str, dialer: &Dialer) -> Vec<MapFinding> {
    if !Path::new(words).is_file() {
        return Vec::new();
    }
    // What cannot be read as a map may still have an entry in it, which was looked at.
    let Ok(source) = Source::read(words, dialer).await else { return Vec::new() };
    let mut checked = map::check(&source, None);
    map::probe(&mut checked, dialer).await;
    checked.findings.retain(|finding| finding.rule == Rule::NotMeshed);
    checked.findings
}

fn prepare(args: &DoctorArgs) -> Result<(Dialer, Vec<Patient>), BadQuestion> {
    let key = args.key.as_deref().map(subject::key).transpose()?;
    let patient = |Subject { endpoint, stun }| Patient {
        endpoint,
        stun_port: stun.map(|stun| stun.port),
        stun_ip: stun.and_then(|stun| stun.test_ip),
        stun_is_guess: stun.is_some_and(|stun| stun.is_guess),
        key: key.clone(),
        is_open: args.open,
    };
    let patients = subject::subjects(&args.subject)?.into_iter().map(patient).collect();
    Ok((Dialer::new(Trust::system([])?).with_budget(PATIENCE), patients))
}
