//! Building the rooms.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::available_parallelism;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::net::TcpListener;
use wherry_switch::Switch;

use super::error::StartError;
use super::workers::WorkerThread;
use crate::admission::Admission;
use crate::clock::Clock;
use crate::config::{NodeKeySource, Settings, dual_stack};
use crate::http::Site;
use crate::listen::{Door, Face, bind};
use crate::metrics::Metrics;
use crate::session::{Relay, TcpTimeouts, Timing};
use crate::stun::{self, StunSocket};
use crate::tls::{Certs, server_config};

/// Everything there is before the first connection.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) door: Arc<Door>,
    pub(super) certs: Option<Arc<Certs>>,
    pub(super) workers: Vec<WorkerThread>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) listeners: Vec<(TcpListener, Face)>,
    pub(super) admin: Option<TcpListener>,
    pub(super) stun: Vec<StunSocket>,
}

/// Builds the rooms in the order in which they can fail without having touched the network.
pub(super) fn build(settings: &Settings, clock: Clock) -> Result<Built, StartError> {
    let node_key = settings.node_key.load(clock.random()?).map_err(|source| StartError::NodeKey {
        path: match &settings.node_key {
            NodeKeySource::File(path) => path.clone(),
            NodeKeySource::Ephemeral => std::path::PathBuf::new(),
        },
        source,
    })?;
    let public_key = node_key.public();
    let (switch, gate) = Switch::new(public_key, settings.limits.mailbox.clone());
    let admission = Admission::open(&settings.admit, settings.mesh_key.clone(), gate, clock)?;
    let certs = match &settings.cert {
        Some(cert) => Some(Certs::open(cert, &settings.hostnames, &public_key, clock)?),
        None => None,
    };
    let listeners = open_listeners(settings, certs.as_ref())?;
    let stun = settings
        .stun
        .iter()
        .map(|addr| stun::bind(*addr, dual_stack(addr, &settings.stun)))
        .collect::<Result<_, _>>()?;
    let admin = settings.admin.map(|addr| bind(addr, false)).transpose()?;
    raise_file_limit();

    let metrics = Arc::new(Metrics::default());
    let workers = start_workers(settings, clock, &metrics)?;
    let limits = &settings.limits;
    let timing =
        Timing { handshake: limits.handshake, keepalive: limits.keepalive, write: limits.write_timeout };
    let on_duty = workers.iter().map(|thread| Arc::clone(&thread.worker)).collect();
    let door = Door {
        relay: Arc::new(Relay::new(clock, node_key, switch, admission, on_duty, timing)),
        site: Site { home: settings.home.clone(), derp: settings.derp, public_key, patience: limits.http },
        tcp: TcpTimeouts { user_timeout: limits.tcp_user_timeout, keepalive: limits.tcp_keepalive },
        counters: metrics.counters(),
    };
    Ok(Built { door: Arc::new(door), certs, workers, metrics, listeners, admin, stun })
}

fn open_listeners(
    settings: &Settings,
    certs: Option<&Arc<Certs>>,
) -> Result<Vec<(TcpListener, Face)>, StartError> {
    let relay: Vec<SocketAddr> = settings.listen.iter().map(|listen| listen.addr).collect();
    let mut listeners = Vec::new();
    for listen in &settings.listen {
        let face = match certs {
            Some(certs) if listen.tls => Face::Tls(server_config(Arc::clone(certs) as _)?),
            _ => Face::Plain,
        };
        listeners.push((bind(listen.addr, dual_stack(&listen.addr, &relay))?, face));
    }
    for addr in &settings.http {
        listeners.push((bind(*addr, dual_stack(addr, &settings.http))?, Face::Port80));
    }
    Ok(listeners)
}

fn start_workers(
    settings: &Settings,
    clock: Clock,
    metrics: &Metrics,
) -> Result<Vec<WorkerThread>, StartError> {
    let count = settings.workers.or_else(|| available_parallelism().ok()).map_or(1, Into::into);
    let start = |number| WorkerThread::start(number, clock, metrics.counters());
    (0..count).map(start).collect::<Result<_, _>>().map_err(StartError::Thread)
}

/// One connection is one open file, and the limit that shells and containers give is made for `select`.
fn raise_file_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(error) = raised {
        tracing::warn!(err = %error, "cannot raise the limit of open files");
    }
}
