//! The scenarios: each lays out its load, drives it, and turns counts into figures.
//!
//! Uses `order`, `engine`, `link`, `probe`, `verdict` and `report`. Must stay true: no scenario decides by itself whether
//! its run is a result; it hands in evidence.

mod bench;
mod churn;
mod connect;
mod crowd;
mod dialling;
mod findings;
mod idle;
mod ladder;
mod mesh;
mod packets;
mod stun;

pub(crate) use bench::Bench;
pub use bench::Watch;
pub(crate) use findings::Findings;

use std::io;

use crate::order::Scenario;

/// Runs one scenario.
///
/// # Errors
/// A client could not connect, or the relay's process ended.
pub(crate) fn run(bench: &Bench<'_>, scenario: Scenario) -> io::Result<Findings> {
    match scenario {
        Scenario::Idle => idle::run(bench),
        Scenario::Connect => connect::run(bench),
        Scenario::Rate => packets::rate(bench),
        Scenario::Peak => packets::peak(bench),
        Scenario::Ladder => ladder::run(bench),
        Scenario::Lanes => crowd::lanes(bench),
        Scenario::Fair => crowd::fair(bench),
        Scenario::Slow => crowd::slow(bench),
        Scenario::Stun => stun::run(bench),
        Scenario::Churn => churn::run(bench),
        Scenario::Mesh => mesh::run(bench),
    }
}

/// Clients that the scenario has open at once.
pub(crate) fn clients(scenario: Scenario, settings: &crate::order::Settings) -> usize {
    use crate::order::Pattern;
    match scenario {
        Scenario::Idle => settings.clients,
        Scenario::Connect | Scenario::Stun => settings.diallers,
        Scenario::Rate | Scenario::Peak => {
            let busy = match settings.pattern {
                Pattern::Pairs => settings.pairs * 2,
                Pattern::AllToAll | Pattern::OneHot => settings.clients,
            };
            busy + settings.idle_beside
        }
        Scenario::Ladder | Scenario::Mesh => settings.pairs * 2,
        Scenario::Lanes | Scenario::Fair => settings.clients + 2,
        Scenario::Slow => settings.clients + 1,
        Scenario::Churn => settings.pairs * 2 + settings.diallers,
    }
}
