//! One report after the other.

use std::io;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout_at};
use wherry_client::{Dialer, Family, NodePrivate};
use wherry_wire::derp_map::DerpMap;

use super::findings::{Findings, Latencies};
use super::home::History;
use super::host::Host;
use super::missing::{self, Facts};
use super::node::{Tester, test_all};
use super::plan::{Before, plan};
use super::portal::{self, Portal};
use super::portmap::{self, PortMapping};
use super::report::Report;
use super::round::Round;
use super::sockets::{Sockets, Source, os_has_ipv6};
use super::{exchange, fallback, hairpin};
use crate::clock::{Clock, wall};

/// The longest that the part lasts which stock clients do as well.
const LIMIT: Duration = Duration::from_secs(5);
/// How long after a full report the next one is full again.
const FULL_EVERY: Duration = Duration::from_mins(5);
/// How long STUN may take before a captive portal is looked for.
const PORTAL_DELAY: Duration = Duration::from_millis(200);

/// How reports are made.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "callers write it as a literal")]
pub struct Options {
    /// How relays are dialled.
    pub dialer: Dialer,
    /// The node to be towards relays; else a new one for each connection.
    pub key: Option<NodePrivate>,
    /// Where questions leave from.
    pub source: Source,
    /// Whether to find out if the router hairpins.
    pub hairpin: bool,
    /// Whether to ask the router which ways it offers to open ports.
    pub router: bool,
    /// Whether to ask the vendor's hosts for a captive portal, besides the map's nodes.
    pub vendor: bool,
}

/// Why there is no report.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The system does not list this host's addresses.
    #[error("cannot list this host's addresses: {0}")]
    Host(#[source] io::Error),
    /// No socket to ask from.
    #[error("cannot open a UDP socket to ask from{}: {cause}", place(.from))]
    Socket {
        /// What was to be bound.
        from: Source,
        /// What the system says.
        cause: io::Error,
    },
}

/// Makes reports; later ones build upon earlier ones, as in a client that runs.
#[derive(Debug)]
pub struct Checker {
    options: Options,
    clock: Clock,
    history: History,
    last: Option<Last>,
    last_full: Option<Duration>,
}

/// What is kept of a report.
#[derive(Debug)]
struct Last {
    latencies: Latencies,
    is_captive_without_udp: bool,
}

impl Checker {
    /// Nothing is known yet, so the first report is a full one.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options, clock: Clock::start(), history: History::default(), last: None, last_full: None }
    }

    /// Makes a report of this host's network towards the relays of `map`.
    ///
    /// Cancelled, all sockets are closed; relays may have seen a client come and go.
    ///
    /// # Errors
    /// [`CheckError`].
    pub async fn report(&mut self, map: &DerpMap) -> Result<Report, CheckError> {
        let source = self.options.source;
        let host = Host::read().map_err(CheckError::Host)?;
        let sockets = Sockets::bind(source).map_err(|cause| CheckError::Socket { from: source, cause })?;
        let (have, now) = (host.families(), wall());
        let is_full = self.is_full();
        let latencies = self.last.as_ref().filter(|_| !is_full).map(|last| &last.latencies);
        let home = self.history.home();
        let plan = plan(map, have, latencies.map(|latencies| Before { latencies, home }));
        let round = Round::new(plan, is_full, Findings { os_has_ipv6: os_has_ipv6(), ..Findings::default() });
        let clock = Clock::start();
        let verdict = self.verdict(map, &host, &sockets, round, (is_full, clock)).await;
        let Verdict { findings, port_mapping, portal } = verdict;
        let took = clock.now();
        let home = self.history.choose(self.clock.now(), &findings.latencies.any, map);
        let is_captive = portal.and_then(Portal::is_captive);
        let is_captive_without_udp = !findings.udp && is_captive == Some(true);
        self.last = Some(Last { latencies: findings.latencies.clone(), is_captive_without_udp });

        let is_public =
            findings.global_v4.is_some_and(|seen| host.is_public_at(seen, sockets.port(Family::V4)));
        let own = findings.global_v4.filter(|_| self.options.hairpin);
        let hairpinning = match own {
            Some(own) => Some(hairpin::probe(&sockets, own).await),
            None => None,
        };
        let tester =
            Tester { dialer: &self.options.dialer, key: self.options.key.as_ref(), have, from: source.ip };
        let nodes = test_all(map, &tester).await;
        let missing = missing::list(&Facts {
            map,
            have,
            findings: &findings,
            nodes: &nodes,
            asks_router: self.options.router,
            has_gateway: host.gateway().is_some(),
            is_public,
            port_mapping,
            portal,
            hairpin: (self.options.hairpin, hairpinning.is_some()),
            is_full,
        });
        Ok(Report {
            now,
            took,
            findings,
            port_mapping,
            is_public,
            captive_portal: is_captive,
            home,
            hairpinning,
            has_key: self.options.key.is_some(),
            nodes,
            missing,
        })
    }

    /// The first, one every five minutes, and after a captive portal.
    fn is_full(&mut self) -> bool {
        let now = self.clock.now();
        let is_old = self.last_full.is_none_or(|last| now.saturating_sub(last) > FULL_EVERY);
        let is_full = is_old || self.last.as_ref().is_some_and(|last| last.is_captive_without_udp);
        if is_full {
            self.last_full = Some(now);
        }
        is_full
    }

    /// What a stock client would find, by what a stock client would ask.
    async fn verdict(
        &self,
        map: &DerpMap,
        host: &Host,
        sockets: &Sockets,
        mut round: Round,
        (is_full, clock): (bool, Clock),
    ) -> Verdict {
        let (tell, content) = oneshot::channel();
        let home = self.history.home();
        let router = async {
            match host.gateway().filter(|_| self.options.router) {
                Some(gateway) => portmap::probe(gateway).await,
                None => PortMapping::default(),
            }
        };
        let asking = async {
            let port_mapping = exchange::play(&mut round, sockets, clock, tell, router).await;
            let mut findings = round.findings;
            if !findings.udp && clock.now() < LIMIT {
                fallback::measure(map, &mut findings, &self.options.dialer, clock, LIMIT).await;
            }
            (findings, port_mapping)
        };
        let looking = async {
            if !is_full || is_content(content).await {
                return None;
            }
            let interfaces = host.interfaces();
            let detecting = portal::detect(map, home, &interfaces, self.options.vendor);
            Some(timeout_at(clock.at(LIMIT), detecting).await.unwrap_or(Portal::Late))
        };
        let ((findings, port_mapping), portal) = tokio::join!(asking, looking);
        Verdict { findings, port_mapping, portal }
    }
}

struct Verdict {
    findings: Findings,
    port_mapping: PortMapping,
    portal: Option<Portal>,
}

/// Whether STUN shows soon enough that no portal is in the way.
async fn is_content(content: oneshot::Receiver<()>) -> bool {
    let told = async {
        if content.await.is_err() {
            // It is over, and not well.
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = told => true,
        () = sleep(PORTAL_DELAY) => false,
    }
}

fn place(source: &Source) -> String {
    let ip = source.ip.map(|ip| format!(" at {ip}")).unwrap_or_default();
    let port = if source.port == 0 { String::new() } else { format!(" on port {}", source.port) };
    format!("{ip}{port}")
}
