//! Building the rooms.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::available_parallelism;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::net::TcpListener;
use wherry_switch::{MemoryBudget, Switch};

use super::error::StartError;
use super::workers::WorkerThread;
use crate::admission::Admission;
use crate::clock::Clock;
use crate::config::{ListenAddr, NodeKeySource, Settings, dual_stack};
use crate::http::Site;
use crate::listen::{BindError, Door, Face, bind, bind_relay};
use crate::metrics::Metrics;
use crate::session::{self, Identity, Knocks, Relay, TcpTimeouts, Timing};
use crate::stun::{self, StunSocket};
use crate::tls::{Certs, server_config};

/// Everything there is before the first connection.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) door: Arc<Door>,
    /// The file of a node key that was made just now.
    pub(super) new_key: Option<PathBuf>,
    pub(super) certs: Option<Arc<Certs>>,
    pub(super) workers: Vec<WorkerThread>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) listeners: Vec<(TcpListener, Face)>,
    pub(super) admin: Option<TcpListener>,
    pub(super) stun: Vec<StunSocket>,
}

/// Builds the rooms in the order in which they can fail without having touched the network.
pub(super) fn build(settings: &Settings, clock: Clock) -> Result<Built, StartError> {
    let new_key = match &settings.node_key {
        NodeKeySource::File(path) if !path.exists() => Some(path.clone()),
        _ => None,
    };
    let node_key = settings.node_key.load(clock.random()?).map_err(|source| StartError::NodeKey {
        path: match &settings.node_key {
            NodeKeySource::File(path) => path.clone(),
            NodeKeySource::Ephemeral => PathBuf::new(),
        },
        source,
    })?;
    let identity = Identity::new(&node_key)?;
    let public_key = *identity.public();
    let memory = MemoryBudget::new(settings.limits.memory);
    let (switch, gate) = Switch::new(public_key, settings.limits.mailbox.clone(), memory);
    let admission = Admission::open(&settings.admit, settings.mesh_key.clone(), gate, clock)?;
    let certs = match &settings.cert {
        Some(cert) => Some(Certs::open(cert, &settings.hostnames, &public_key, clock)?),
        None => None,
    };
    let listeners = open_listeners(settings, certs.as_ref())?;
    let stun = settings
        .stun
        .iter()
        .map(|addr| open(*addr, &settings.stun, stun::bind, |err| &err.source))
        .collect::<Result<_, _>>()?;
    let bind_admin = |addr, both| bind("admin", addr, both);
    let admin = settings.admin.map(|addr| open(addr, &[addr], bind_admin, |err| &err.source)).transpose()?;
    raise_file_limit();

    let metrics = Arc::new(Metrics::default());
    let workers = start_workers(settings, clock, &metrics)?;
    let limits = &settings.limits;
    let timing =
        Timing { handshake: limits.handshake, keepalive: limits.keepalive, write: limits.write_timeout };
    let on_duty = workers.iter().map(|thread| Arc::clone(&thread.worker)).collect();
    let door = Door {
        relay: Arc::new(Relay::new(clock, identity, switch, admission, on_duty, timing)),
        site: Site {
            home: settings.home.clone(),
            derp: settings.derp,
            map: settings.map.serve.then(Arc::default),
            public_key,
            patience: limits.http,
        },
        counters: metrics.counters(),
        refusers: Knocks::new(),
    };
    Ok(Built { door: Arc::new(door), new_key, certs, workers, metrics, listeners, admin, stun })
}

fn open_listeners(
    settings: &Settings,
    certs: Option<&Arc<Certs>>,
) -> Result<Vec<(TcpListener, Face)>, StartError> {
    let relay: Vec<SocketAddr> = settings.listen.iter().map(|listen| listen.addr).collect();
    let own: Vec<_> = relay.iter().chain(&settings.http).chain(&settings.admin).copied().collect();
    let limits = &settings.limits;
    let timeouts = TcpTimeouts { user_timeout: limits.tcp_user_timeout, keepalive: limits.tcp_keepalive };
    let prepared = |key, addr, listener: TcpListener| {
        let refused = |source| BindError { key, addr, free: None, source };
        session::prepare(&listener, timeouts).map_err(refused).map(|()| listener)
    };
    let cause: fn(&BindError) -> &io::Error = |err| &err.source;
    let mut listeners = Vec::new();
    for listen in &settings.listen {
        let face = match certs {
            Some(certs) if listen.tls => Face::Tls(server_config(Arc::clone(certs) as _)?),
            _ => Face::Plain,
        };
        let bind = |addr, both| {
            bind_relay(ListenAddr { addr, ..*listen }, both, &own)
                .and_then(|listener| prepared("listen", addr, listener))
        };
        listeners.push((open(listen.addr, &relay, bind, cause)?, face));
    }
    let bind = |addr, both| bind("http", addr, both).and_then(|listener| prepared("http", addr, listener));
    for addr in &settings.http {
        listeners.push((open(*addr, &settings.http, bind, cause)?, Face::Port80));
    }
    Ok(listeners)
}

/// Binds `addr`, one of `all`. Where the kernel was started without IPv6, `[::]` is every IPv4 address: it is what `:PORT`
/// means, and a host without IPv6 has no other addresses. (Where IPv6 is only switched off, `[::]` can be bound.)
fn open<T, E>(
    addr: SocketAddr,
    all: &[SocketAddr],
    bind: impl Fn(SocketAddr, bool) -> Result<T, E>,
    cause: fn(&E) -> &io::Error,
) -> Result<T, E> {
    let both = dual_stack(&addr, all);
    match bind(addr, both) {
        Err(err) if both && cause(&err).raw_os_error() == Some(nix::libc::EAFNOSUPPORT) => {
            let ipv4 = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), addr.port());
            tracing::info!(%addr, %ipv4, "this machine has no IPv6: serving IPv4 alone");
            bind(ipv4, false)
        }
        bound => bound,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A kernel without IPv6 that has a port taken on `[::]`.
    fn bind(addr: SocketAddr, dual_stack: bool) -> Result<(SocketAddr, bool), io::Error> {
        match addr {
            SocketAddr::V6(_) if addr.port() == 1 => Err(io::ErrorKind::AddrInUse.into()),
            SocketAddr::V6(_) => Err(io::Error::from_raw_os_error(nix::libc::EAFNOSUPPORT)),
            SocketAddr::V4(_) => Ok((addr, dual_stack)),
        }
    }

    fn opened(addr: &str, beside: &str) -> Option<String> {
        let all = [addr.parse().unwrap(), beside.parse().unwrap()];
        open(all[0], &all, bind, |err| err).ok().map(|(addr, _)| addr.to_string())
    }

    #[test]
    fn every_address_is_every_ipv4_address_where_there_is_no_ipv6() {
        assert_eq!(opened("[::]:443", "[::]:80").as_deref(), Some("0.0.0.0:443"));
        assert_eq!(opened("0.0.0.0:443", "[::]:80").as_deref(), Some("0.0.0.0:443"));
    }

    #[test]
    fn an_address_that_was_meant_is_not_replaced() {
        assert_eq!(opened("[::1]:443", "[::]:80"), None);
        assert_eq!(opened("[::]:443", "0.0.0.0:443"), None);
        assert_eq!(opened("[::]:1", "[::]:80"), None, "another error stays one");
    }
}
