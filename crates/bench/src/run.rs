//! The door: an order in, a report out.

use std::io;
use std::net::{IpAddr, SocketAddr};

use thiserror::Error;
use wherry_client::{DialError, Endpoint, Trust};
use wherry_wire::key::NodePublic;

use crate::clock;
use crate::link::{Aim, AimError, is_private};
use crate::order::{BadSetting, Knob, Scenario, Settings};
use crate::probe::{FewFiles, Meter, NotTheRelay, Process, facts, listener, make_room, relay_process};
use crate::report::{Far, Reason, ReasonCode, Report, Setting};
use crate::scenario::{self, Bench, Findings, Watch};

/// What to run, against which relay.
#[derive(Debug, Clone)]
pub struct Order {
    /// The scenario.
    pub scenario: Scenario,
    /// How much of everything.
    pub settings: Settings,
    /// The relay.
    pub endpoint: Endpoint,
    /// The second relay, for a scenario that is about two ([`Scenario::relays`]).
    pub far: Option<Endpoint>,
    /// Whom to believe about certificates.
    pub trust: Trust,
    /// Where it answers STUN: a port, and an address if that is another than the relay's; none if it does not.
    pub stun: Option<(u16, Option<IpAddr>)>,
    /// Number of the (first) relay's process, if it runs on this machine and is not to be looked for.
    pub server_pid: Option<u32>,
    /// Whether the relay may have any address, not only a loopback or private one.
    pub may_load_public: bool,
}

/// Why there is no report.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BenchError {
    /// A setting is out of bounds.
    #[error(transparent)]
    Setting(#[from] BadSetting),
    /// The relay is neither on this machine nor in a private network.
    #[error(
        "{addr} is neither a loopback nor a private address: load only a relay that is yours, and say so with --i-may-load-this-relay"
    )]
    NotYours {
        /// Its address.
        addr: IpAddr,
    },
    /// The system allows too few open files.
    #[error(transparent)]
    Files(#[from] FewFiles),
    /// That process is not the relay's.
    #[error("--server-pid {pid}: {cause}")]
    Process {
        /// Its number.
        pid: u32,
        /// Why not.
        cause: NotTheRelay,
    },
    /// The scenario is about two relays, or about one.
    #[error("{scenario} is about {} relay{}", scenario.relays(), if scenario.relays() == 1 { "" } else { "s" })]
    Relays {
        /// The scenario.
        scenario: Scenario,
    },
    /// Both relays are one.
    #[error(
        "{near} and {far} are the same relay (its key is {key}): name two, of which the first has a link to the second"
    )]
    SameRelay {
        /// The first as asked for.
        near: String,
        /// The second as asked for.
        far: String,
        /// The key that both have.
        key: NodePublic,
    },
    /// The relay cannot be reached, or does not take this client.
    #[error("{} cannot be loaded: {cause}", shown(endpoint))]
    Dial {
        /// The relay.
        endpoint: Box<Endpoint>,
        /// Which step failed, and why.
        cause: DialError,
    },
    /// The relay, or this machine, does not do what it must for any load.
    #[error("{0}")]
    Relay(String),
    /// The load could not be driven.
    #[error("{scenario}: {cause}")]
    Load {
        /// The scenario.
        scenario: Scenario,
        /// What happened.
        cause: io::Error,
    },
}

/// Runs one scenario.
///
/// Blocks, for the warm-up and the duration of the settings and some seconds more. Raises this process's limit of open
/// files if the load needs it.
///
/// # Errors
/// [`BenchError`]; nothing is sent to a public address without leave, nothing at all with bad settings.
pub fn run(order: &Order, watch: &dyn Watch) -> Result<Report, BenchError> {
    let Order { scenario, settings, .. } = order;
    settings.check(*scenario)?;
    make_room(scenario::clients(*scenario, settings))?;
    let (aim, far) = aims(order)?;
    let server = match order.server_pid {
        Some(pid) => Some(relay_process(pid, aim.addr).map_err(|cause| BenchError::Process { pid, cause })?),
        None => found(&aim),
    };
    let far_server = far.as_ref().and_then(found);
    let stun = stun_address(order, aim.addr)?;
    let is_hidden = |aim: &Aim, process: Option<Process>| process.is_none() && is_loopback(aim);
    let is_server_hidden =
        is_hidden(&aim, server) || far.as_ref().is_some_and(|far| is_hidden(far, far_server));
    let bench = Bench {
        meter: Meter::new([server, far_server], is_server_hidden),
        no_server: no_server(is_loopback(&aim)),
        aim,
        far,
        stun,
        settings,
        watch,
    };
    let started = clock::unix_seconds();
    let findings =
        scenario::run(&bench, *scenario).map_err(|cause| BenchError::Load { scenario: *scenario, cause })?;
    Ok(report(order, &bench, started, findings))
}

/// What each relay needs to be dialled.
fn aims(order: &Order) -> Result<(Aim, Option<Aim>), BenchError> {
    let learn = |endpoint| {
        let learnt = Aim::learn(endpoint, &order.trust, order.may_load_public);
        learnt.map_err(|error| refusal(endpoint, error))
    };
    let given = 1 + usize::from(order.far.is_some());
    if order.scenario.relays() != given {
        return Err(BenchError::Relays { scenario: order.scenario });
    }
    let near = learn(&order.endpoint)?;
    let Some(endpoint) = &order.far else { return Ok((near, None)) };
    let far = learn(endpoint)?;
    if near.server_key == far.server_key {
        let (near, far, key) = (shown(&order.endpoint), shown(endpoint), near.server_key);
        return Err(BenchError::SameRelay { near, far, key });
    }
    Ok((near, Some(far)))
}

/// A relay as the report names it.
fn shown(endpoint: &Endpoint) -> String {
    format!("{}:{}", endpoint.host(), endpoint.port())
}

fn is_loopback(aim: &Aim) -> bool {
    aim.addr.ip().to_canonical().is_loopback()
}

/// The process of a relay on this machine, if this user may see it.
fn found(aim: &Aim) -> Option<Process> {
    is_loopback(aim).then(|| listener(aim.addr)).flatten()
}

fn refusal(endpoint: &Endpoint, error: AimError) -> BenchError {
    match error {
        AimError::Public { addr } => BenchError::NotYours { addr },
        AimError::Dial(cause) => BenchError::Dial { endpoint: Box::new(endpoint.clone()), cause },
        other => BenchError::Relay(other.to_string()),
    }
}

/// Where STUN is asked; the relay's own address unless the entry names another.
fn stun_address(order: &Order, relay: SocketAddr) -> Result<Option<SocketAddr>, BenchError> {
    let Some((port, own)) = order.stun else { return Ok(None) };
    let addr = SocketAddr::new(own.unwrap_or_else(|| relay.ip()), port);
    match order.may_load_public || is_private(addr.ip()) {
        true => Ok(Some(addr)),
        false => Err(BenchError::NotYours { addr: addr.ip() }),
    }
}

fn no_server(is_local: bool) -> String {
    let where_it_is = if is_local {
        "the relay's process cannot be seen by this user: give --server-pid, or run as the relay's user"
    } else {
        "the relay runs on another machine: run the generator beside it, or read its CPU time and memory there"
    };
    where_it_is.to_owned()
}

fn report(order: &Order, bench: &Bench<'_>, started: u64, findings: Findings) -> Report {
    let Order { scenario, settings, endpoint, .. } = order;
    let setting = |knob: Knob| Setting { name: knob.flag().to_owned(), value: settings.value(knob) };
    let mut unchecked = Vec::new();
    if bench.meter.server().is_none() {
        unchecked.push(format!("CPU time and memory of the relay: {}", bench.no_server));
    }
    if findings.generator.others_cores.is_none() {
        unchecked.push("whether other programs used this machine".to_owned());
    }
    let interrupted = !bench.watch.goes_on();
    let mut reasons = findings.reasons;
    if interrupted && reasons.iter().any(|reason| reason.code == ReasonCode::NothingArrived) {
        let text = "stopped before anything was counted".to_owned();
        reasons = vec![Reason { code: ReasonCode::Stopped, text }];
    }
    Report {
        scenario: scenario.to_string(),
        valid: reasons.is_empty(),
        reasons,
        unchecked,
        interrupted,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started,
        relay: shown(endpoint),
        address: bench.aim.addr.to_string(),
        is_tls: endpoint.is_tls(),
        machine: facts(),
        settings: settings.knobs(*scenario).into_iter().map(setting).collect(),
        figures: findings.figures,
        streams: findings.streams,
        rates: findings.rates,
        memory: findings.memory,
        generator: findings.generator,
        server: findings.server,
        far: order.far.as_ref().zip(bench.far.as_ref()).map(|(endpoint, aim)| Far {
            relay: shown(endpoint),
            address: aim.addr.to_string(),
            is_tls: endpoint.is_tls(),
            server: findings.far,
        }),
    }
}
