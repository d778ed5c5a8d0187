//! What a report holds.

use std::time::{Duration, SystemTime};

use serde::Serialize;
use wherry_client::Family;

use super::findings::Findings;
use super::node::{NodeReport, RelayFigure};
use super::portmap::PortMapping;
use super::why::{Reason, Why};

/// All about this host's network and the relays of a map.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// When it was made.
    pub now: SystemTime,
    /// How long the part took that stock clients do as well.
    pub took: Duration,
    /// What the answers add up to.
    pub findings: Findings,
    /// What the router offers.
    pub port_mapping: PortMapping,
    /// Whether STUN sees this host's own address and port by IPv4, so that no NAT is on the way.
    pub is_public: bool,
    /// Whether a captive portal answers in place of relays; none if it was not looked for.
    pub captive_portal: Option<bool>,
    /// The region that clients here make their home.
    pub home: Option<i64>,
    /// Whether the router hairpins; none if that was not asked, or cannot be told.
    pub hairpinning: Option<bool>,
    /// Whether relays were asked with the key of a node, rather than with throw-away ones.
    pub has_key: bool,
    /// Every node of the map.
    pub nodes: Vec<NodeReport>,
    /// Every figure that is not there, with its reason.
    pub missing: Vec<Missing>,
}

/// A figure that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Missing {
    /// Which one.
    pub figure: Figure,
    /// By which family, where there is one figure for each.
    pub family: Option<Family>,
    /// Of which region, if of one.
    pub region: Option<i64>,
    /// Of which node, if of one: its [label](NodeReport::label).
    pub node: Option<String>,
    /// Why.
    pub why: Why,
}

/// The figures of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub enum Figure {
    /// Whether UDP comes through.
    #[serde(rename = "UDP")]
    Udp,
    /// This host's address.
    Address,
    /// Whether the NAT maps by destination.
    #[serde(rename = "MappingVariesByDestIP")]
    MappingVaries,
    /// What the router offers.
    PortMapping,
    /// Whether there is a captive portal.
    CaptivePortal,
    /// Whether the router hairpins.
    Hairpinning,
    /// The home.
    #[serde(rename = "NearestDERP")]
    Nearest,
    /// A region's latency.
    RegionLatency,
    /// A node's STUN.
    #[serde(rename = "STUN")]
    Stun,
    /// A node's relay.
    Relay,
}

impl Report {
    /// Whether a relay of the map works, even one that does not admit a throw-away key.
    #[must_use]
    pub fn has_relay(&self) -> bool {
        self.relays().any(Result::is_ok) || (!self.has_key && self.is_refused())
    }

    /// Whether those relays of the map that work are seen up to their admission alone, which is closed to strangers.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.has_relay() && !self.relays().any(Result::is_ok)
    }

    /// Whether relays of the map are reached, and none of them admits the node whose key was given.
    #[must_use]
    pub fn is_key_refused(&self) -> bool {
        !self.has_relay() && self.is_refused()
    }

    /// Whether a relay refuses the key.
    fn is_refused(&self) -> bool {
        let is_refused = |why: &Why| why.reason == Reason::NotAdmitted;
        self.relays().any(|relay| relay.as_ref().is_err_and(is_refused))
    }

    /// Whether a STUN server of the map answers.
    #[must_use]
    pub fn has_stun(&self) -> bool {
        self.findings.udp || self.nodes.iter().any(NodeReport::has_stun)
    }

    fn relays(&self) -> impl Iterator<Item = &Result<RelayFigure, Why>> {
        self.nodes.iter().flat_map(|node| [&node.relay_v4, &node.relay_v6])
    }
}
