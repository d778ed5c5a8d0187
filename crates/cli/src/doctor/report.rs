//! Everything that was found, as JSON has it.

use serde::Serialize;
use thiserror::Error;
use wherry_tools::doctor::{Diagnosis, Finding, Mark, Part, Patient, RegionDiagnosis};
use wherry_tools::map::{Finding as MapFinding, Severity};
use wherry_wire::derp_map::{DerpMap, Node};

/// The JSON form of everything.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    healthy: bool,
    /// What the relay's own host knows; empty unless a configuration was asked about.
    pub(super) host: Vec<Finding>,
    /// What is wrong with the text and the names of a map.
    pub(super) map: Vec<MapFinding>,
    pub(super) relays: Vec<Relay>,
    /// Regions of several relays.
    pub(super) regions: Vec<RegionDiagnosis>,
}

/// What JSON says where nothing could be examined.
#[derive(Debug, Serialize)]
pub(super) struct NoReport {
    pub(super) healthy: bool,
    pub(super) error: String,
}

/// The JSON form of one relay.
#[derive(Debug, Serialize)]
pub(super) struct Relay {
    name: String,
    host: String,
    port: u16,
    healthy: bool,
    pub(super) findings: Vec<Finding>,
    /// The map that is right for it.
    map: Option<DerpMap>,
}

/// What is to be mended, in numbers.
#[derive(Debug, Error)]
#[error("{}", .0.join(", "))]
pub(super) struct Unhealthy(Vec<String>);

impl Relay {
    pub(super) fn new(patient: &Patient, diagnosis: Diagnosis) -> Self {
        let endpoint = &patient.endpoint;
        Self {
            name: endpoint.label().to_owned(),
            host: endpoint.host().to_owned(),
            port: endpoint.port(),
            healthy: diagnosis.is_healthy(),
            map: diagnosis.map,
            findings: diagnosis.findings,
        }
    }

    /// A node that cannot be dialled by its entry.
    pub(super) fn unusable(node: &Node, why: &impl ToString) -> Self {
        let finding = Finding::error(
            Part::Entry,
            format!("not examined: {}", why.to_string()),
            "correct the entry: clients cannot use it either; wherry map check names the place",
        );
        Self {
            name: node.name.clone(),
            host: node.host_name.clone(),
            port: node.derp_tcp_port().unwrap_or_default(),
            healthy: false,
            findings: vec![finding],
            map: None,
        }
    }

    /// A node that answers STUN and relays nothing.
    pub(super) fn of_stun(node: &Node, findings: Vec<Finding>) -> Self {
        Self {
            name: node.name.clone(),
            host: node.host_name.clone(),
            port: node.stun_udp_port().unwrap_or_default(),
            healthy: !findings.iter().any(Finding::is_fault),
            findings,
            map: None,
        }
    }

    /// What people call it.
    pub(super) fn heading(&self) -> String {
        if self.name == self.host || self.host.is_empty() {
            self.name.clone()
        } else {
            format!("{} ({})", self.name, self.host)
        }
    }
}

impl Report {
    /// Whether anything could be looked at.
    pub(super) fn is_examined(&self) -> bool {
        let of_relays = self.relays.iter().flat_map(|relay| &relay.findings);
        let of_regions = self.regions.iter().flat_map(|region| &region.findings);
        self.host.iter().chain(of_relays).chain(of_regions).any(|finding| finding.mark != Mark::Skipped)
    }

    /// Adds the verdict. `is_no_map`: no client could use the map, even where nothing else is wrong with it.
    pub(super) fn judge(&mut self, is_no_map: bool) -> Result<(), Unhealthy> {
        let mut wrong = Vec::new();
        if self.host.iter().any(Finding::is_fault) {
            wrong.push("this host needs mending".to_owned());
        }
        let errors = self.map.iter().filter(|finding| finding.severity == Severity::Error).count();
        if errors > 0 {
            wrong.push(format!("the map has {errors} error{}", if errors == 1 { "" } else { "s" }));
        }
        let unhealthy = self.relays.iter().filter(|relay| !relay.healthy).count();
        if unhealthy > 0 {
            wrong.push(format!("{unhealthy} of {} relays need mending", self.relays.len()));
        }
        if !self.regions.iter().all(RegionDiagnosis::is_healthy) {
            wrong.push("nodes of one region are not meshed".to_owned());
        }
        if wrong.is_empty() && is_no_map {
            wrong.push("the map has no node that relays".to_owned());
        }
        self.healthy = wrong.is_empty();
        if self.healthy { Ok(()) } else { Err(Unhealthy(wrong)) }
    }
}
