//! The measurement: rounds of dials, packets and STUN questions.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use wherry_client::{
    Connection, DialError, Dialer, Family, HandshakeError, Identity, NoEntropy, NodePrivate, Pin,
    Step as DialStep, Target, lookup, lookup_both,
};
use wherry_server::clock::Clock;

use super::relay::{self, Lost, Way};
use super::remedy;
use super::report::{Name, Problem, Report, Tally, Tls};
use super::stun;
use crate::subject::{Stun, Subject};
use wherry_tools::pin;
use wherry_tools::remedy::{self as dial_remedy, Situation, Tool};
use wherry_tools::segments;

/// How to measure.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) dialer: Dialer,
    pub(super) rounds: u32,
    pub(super) timeout: Duration,
    pub(super) family: Option<Family>,
    /// The node to be; else a new one for each connection.
    pub(super) key: Option<NodePrivate>,
    pub(super) clock: Clock,
}

/// STUN is asked again at once, so no answer means little until it lasted this long.
const STUN_WAIT: Duration = Duration::from_secs(1);

/// After so many questions without any answer no more are asked.
const STUN_TRIES: usize = 3;

/// Everything about one relay so far.
struct Run<'a> {
    plan: &'a Plan,
    subject: &'a Subject,
    target: Target,
    dns: Tally,
    tcp: Tally,
    tls: Tally,
    handshake: Tally,
    relay: Tally,
    stun: Tally,
    /// The relay does its work, or would for a node it admits.
    is_serving: bool,
    /// What is wrong if the relay hung up on a throw-away key that it admitted at another time.
    refused: Option<Problem>,
    report: Report,
}

/// Measures one relay.
pub(super) async fn measure(plan: &Plan, subject: &Subject) -> Report {
    let mut run = Run::new(plan, subject);
    let mut partner = None;
    for round in 0..plan.rounds {
        let going_on = run.dial_and_relay(&mut partner).await;
        // What fails at once fails again: the first verdict comes without waiting for the same timeouts.
        if !going_on && round == 0 {
            break;
        }
    }
    if let Some(stun) = subject.stun {
        run.ask_stun(stun).await;
    }
    run.close()
}

impl Plan {
    fn identity(&self) -> Result<Identity, NoEntropy> {
        match &self.key {
            Some(key) => Ok(Identity::new(key.clone())),
            None => Identity::throw_away(),
        }
    }
}

impl<'a> Run<'a> {
    fn new(plan: &'a Plan, subject: &'a Subject) -> Self {
        let endpoint = &subject.endpoint;
        let report = Report {
            name: endpoint.label().to_owned(),
            host: endpoint.host().to_owned(),
            port: endpoint.port(),
            addr: None,
            server_key: None,
            asked_as: plan.key.as_ref().map(|key| key.public().to_string()),
            tls: None,
            your_addr: None,
            steps: Vec::new(),
            notes: Vec::new(),
            closed: false,
            healthy: false,
        };
        Self {
            plan,
            subject,
            target: Target::one(endpoint.clone()),
            dns: Tally::new(Name::Dns),
            tcp: Tally::new(Name::Tcp),
            tls: Tally::new(Name::Tls),
            handshake: Tally::new(Name::Handshake),
            relay: Tally::new(Name::Relay),
            stun: Tally::new(Name::Stun),
            is_serving: false,
            refused: None,
            report,
        }
    }

    /// One round; whether it got as far as an open connection.
    async fn dial_and_relay(&mut self, partner: &mut Option<(Connection, Identity)>) -> bool {
        let me = match self.plan.identity() {
            Ok(me) => me,
            Err(err) => {
                self.failed(&DialError::Handshake(err.into())).await;
                return false;
            }
        };
        let mut connection = match self.dial(&me).await {
            Ok(connection) => connection,
            Err(err) => {
                self.failed(&err).await;
                return false;
            }
        };
        match self.pass(&mut connection, &me, partner).await {
            Ok(took) => {
                self.is_serving = true;
                self.relay.worked(took);
            }
            Err(lost) => {
                *partner = None;
                self.relay.failed(|| remedy::relay(&lost));
            }
        }
        // The relay notices a connection that is just dropped as well.
        drop(connection.close().await);
        true
    }

    /// The steps of a dial, each counted.
    async fn dial(&mut self, me: &Identity) -> Result<Connection, DialError> {
        let dialer = &self.plan.dialer;
        let plain = dialer.tcp(&self.target).await?;
        if let Some(took) = plain.timings().dns {
            self.dns.worked(took);
        }
        self.tcp.worked(plain.timings().tcp);
        self.report.addr = Some(plain.addr());
        let secured = dialer.tls(plain).await?;
        if let (Some(took), Some(shown)) = (secured.timings().tls, secured.tls()) {
            self.tls.worked(took);
            let version = if shown.is_tls13 { "1.3" } else { "1.2" };
            let pin = shown.chain.first().map(|certificate| Pin::of(certificate).to_string());
            self.report.tls = Some(Tls { version, pin, fast_start: false });
        }
        let connection = dialer.handshake(secured, me).await?;
        let timings = connection.timings();
        self.handshake.worked(timings.upgrade + timings.welcome);
        if let Some(tls) = &mut self.report.tls {
            tls.fast_start = timings.is_fast_start;
        }
        self.report.server_key = Some(connection.server_key().to_string());
        Ok(connection)
    }

    /// A packet from this connection to its partner, or to itself if it must be a certain node.
    async fn pass(
        &self,
        connection: &mut Connection,
        me: &Identity,
        partner: &mut Option<(Connection, Identity)>,
    ) -> Result<Duration, Lost> {
        let (limit, clock) = (self.plan.timeout, &self.plan.clock);
        if self.plan.key.is_some() {
            return relay::trip(Way::Back(connection), &me.public(), limit, clock).await;
        }
        if partner.is_none() {
            let identity = Identity::throw_away().map_err(|_| Lost::Entropy)?;
            let opened = self.plan.dialer.connect(&self.target, &identity).await.map_err(Lost::Partner)?;
            *partner = Some((opened, identity));
        }
        let Some((other, identity)) = partner else { return Err(Lost::Timeout { limit }) };
        relay::trip(Way::Across(connection, other), &identity.public(), limit, clock).await
    }

    async fn failed(&mut self, err: &DialError) {
        let is_refused = matches!(err, DialError::Handshake(HandshakeError::Refused));
        self.is_serving |= is_refused;
        let endpoint = &self.subject.endpoint;
        let seen_pin = pin::seen(&self.plan.dialer, endpoint, err).await;
        let tool = Tool::Ping { key: self.plan.key.as_ref().map(NodePrivate::public) };
        let remedy = match segments::only_small_pass(&self.plan.dialer, endpoint, err).await {
            true => dial_remedy::LARGE_LOST.to_owned(),
            false => dial_remedy::dial(err, &Situation { endpoint, tool, seen_pin: seen_pin.as_ref() }),
        };
        let problem = || Problem { what: err.to_string(), remedy };
        if is_refused && self.plan.key.is_none() {
            // Whether that is admission is known in the end.
            self.handshake.missed();
            self.refused.get_or_insert_with(problem);
            return;
        }
        match err.step() {
            DialStep::Dns => self.dns.failed(problem),
            DialStep::Tcp => self.tcp.failed(problem),
            DialStep::Tls => self.tls.failed(problem),
            _ => self.handshake.failed(problem),
        }
    }

    async fn ask_stun(&mut self, stun: Stun) {
        let server = match self.stun_server(stun).await {
            Ok(server) => server,
            Err(err) => {
                match self.is_serving {
                    true => self.stun.failed(|| remedy::stun_name(&err)),
                    false => {
                        self.stun.missed();
                        self.report.notes.push(remedy::unasked_stun(&err));
                    }
                }
                return;
            }
        };
        let limit = self.plan.timeout.min(STUN_WAIT);
        let (mut lost, mut last) = (0, None);
        for _ in 0..self.plan.rounds {
            match stun::ask(server, limit, &self.plan.clock).await {
                Ok((took, seen)) => {
                    self.stun.worked(took);
                    self.report.your_addr = Some(seen);
                }
                Err(err) => {
                    lost += 1;
                    match stun.is_guess || !self.is_serving {
                        // A relay that cannot serve keeps silent on purpose, and a guess proves nothing.
                        true => self.stun.missed(),
                        false => self.stun.failed(|| remedy::stun(&err, server)),
                    }
                    last = Some(err);
                }
            }
            if lost >= STUN_TRIES && !self.stun.has_worked() {
                break;
            }
        }
        let Some(err) = last.filter(|_| !self.stun.has_worked()) else { return };
        match (self.is_serving, stun.is_guess) {
            (true, true) => self.report.notes.push(remedy::guessed_stun(&err, server)),
            (true, false) => {}
            (false, _) => self.report.notes.push(remedy::silent_stun(&err, server)),
        }
    }

    /// The test address of the entry, else where TCP went, else the entry's or the name's address.
    async fn stun_server(&self, stun: Stun) -> io::Result<SocketAddr> {
        let known = stun.test_ip.or_else(|| self.report.addr.map(|addr| addr.ip())).or(stun.ip);
        if let Some(ip) = known {
            return Ok(SocketAddr::new(ip, stun.port));
        }
        let host = self.subject.endpoint.host();
        let found = match self.plan.family {
            None => lookup_both(host, self.plan.timeout).await?,
            Some(family) => lookup(host, family).await?,
        };
        let ip = found.first().ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, "the host has no address of the chosen family")
        })?;
        Ok(SocketAddr::new(*ip, stun.port))
    }

    fn close(mut self) -> Report {
        // A closed relay is as it should be: doctor and netcheck say so too. It admits no throw-away key at any time.
        if let Some(problem) = self.refused.take() {
            match self.handshake.has_worked() {
                true => self.handshake.blame(problem),
                false => self.report.closed = true,
            }
        }
        let tallies = [self.dns, self.tcp, self.tls, self.handshake, self.relay, self.stun];
        let steps: Vec<_> = tallies.into_iter().filter_map(Tally::close).collect();
        let healthy = !steps.is_empty() && steps.iter().all(|step| step.problem.is_none());
        Report { steps, healthy, ..self.report }
    }
}
