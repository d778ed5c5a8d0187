//! Dialling: endpoints one after the other, the families of each raced.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};
use socket2::SockRef;
use thiserror::Error;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use tracing::debug;

use super::names::lookup;
use super::plan::{At, HEAD_START, Try, plan};
use crate::clock;
use crate::target::{Endpoint, Family, Target};

/// A TCP connection and how long it took.
#[derive(Debug)]
pub(crate) struct Reached {
    pub(crate) stream: TcpStream,
    pub(crate) addr: SocketAddr,
    pub(crate) endpoint: Endpoint,
    /// Name resolution, if there was one.
    pub(crate) dns: Option<Duration>,
    /// From the SYN to the connection.
    pub(crate) tcp: Duration,
}

/// One failed way to reach a relay.
#[derive(Debug, Error)]
#[error("{at}: {error}")]
pub struct Attempt {
    /// The endpoint's label.
    pub label: String,
    /// The address, or name and family, that was tried.
    pub at: String,
    /// What went wrong.
    #[source]
    pub error: AttemptError,
}

/// What went wrong with one way to reach a relay.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AttemptError {
    /// Name resolution failed.
    #[error("name resolution failed: {0}")]
    Lookup(#[source] io::Error),
    /// The name has no address of this family.
    #[error("the name has no such address")]
    NoAddress,
    /// The TCP connection was refused or could not be routed.
    #[error("{0}")]
    Connect(#[source] io::Error),
    /// No answer in time.
    #[error("no answer within {} ms", limit.as_millis())]
    Timeout {
        /// The time given.
        limit: Duration,
    },
    /// Each family is switched off, or has no address because the host is an address of the other one.
    #[error("there is no address of a family that may be used")]
    NoFamily,
}

/// Connects to the first endpoint that answers; all failed attempts if none does.
///
/// Sets `has_address` once there is one to connect to. Cancelled, nothing stays open. Source: tailscale:
/// derp/derphttp/derphttp_client.go, `dialRegion`.
pub(crate) async fn reach(
    target: &Target,
    preferred: Family,
    has_address: &AtomicBool,
) -> Result<Reached, Vec<Attempt>> {
    let mut failed = Vec::new();
    for endpoint in &target.endpoints {
        let mut attempts = Vec::new();
        let call = Call { endpoint, in_small_segments: target.in_small_segments, has_address };
        let racing = race(call, preferred, &mut attempts);
        let reached = match target.per_endpoint {
            None => racing.await,
            Some(limit) => match timeout(limit, racing).await {
                Ok(reached) => reached,
                Err(_) => {
                    attempts.push(Attempt::new(endpoint, "all addresses", AttemptError::Timeout { limit }));
                    None
                }
            },
        };
        match reached {
            Some(reached) => return Ok(reached),
            None => {
                settle(&mut attempts);
                failed.append(&mut attempts);
            }
        }
    }
    Err(failed)
}

/// One endpoint, and how it is connected to.
#[derive(Clone, Copy)]
struct Call<'a> {
    endpoint: &'a Endpoint,
    in_small_segments: bool,
    has_address: &'a AtomicBool,
}

/// Both families; the second starts after the head start, or as soon as the first has failed.
async fn race(call: Call<'_>, preferred: Family, failed: &mut Vec<Attempt>) -> Option<Reached> {
    let endpoint = call.endpoint;
    let connect = |one| connect(call, one);
    let mut tries = plan(endpoint, preferred).into_iter();
    let Some(first) = tries.next() else {
        failed.push(Attempt::new(endpoint, endpoint.host(), AttemptError::NoFamily));
        return None;
    };
    let mut first = pin!(connect(first));
    let Some(second) = tries.next() else { return keep(first.await, failed) };
    if let Either::Left((result, _)) = select(first.as_mut(), pin!(sleep(HEAD_START))).await {
        return match keep(result, failed) {
            Some(reached) => Some(reached),
            None => keep(connect(second).await, failed),
        };
    }
    match select(first, pin!(connect(second))).await {
        Either::Left((result, other)) => match keep(result, failed) {
            Some(reached) => Some(reached),
            None => keep(other.await, failed),
        },
        Either::Right((result, other)) => match keep(result, failed) {
            Some(reached) => Some(reached),
            None => keep(other.await, failed),
        },
    }
}

fn keep(result: Result<Reached, Vec<Attempt>>, failed: &mut Vec<Attempt>) -> Option<Reached> {
    result.map_err(|mut attempts| failed.append(&mut attempts)).ok()
}

/// One family: its addresses one after the other.
async fn connect(call: Call<'_>, one: Try) -> Result<Reached, Vec<Attempt>> {
    let Call { endpoint, in_small_segments, has_address } = call;
    let start = clock::now();
    let (addresses, dns) = match one.at {
        At::Address(ip) => (vec![ip], None),
        At::Name(name) => {
            let addresses = resolve(&name, one.family)
                .await
                .map_err(|error| vec![Attempt::new(endpoint, &format!("{name} by {}", one.family), error)])?;
            (addresses, Some(clock::now() - start))
        }
    };
    // Only a flag for whoever gives up: nothing else is read by it.
    has_address.store(true, Ordering::Relaxed);
    let mut failed = Vec::new();
    for ip in addresses {
        let addr = SocketAddr::new(ip, endpoint.port);
        let start = clock::now();
        let connected =
            if in_small_segments { connect_in_small(addr).await } else { TcpStream::connect(addr).await };
        match connected {
            Ok(stream) => {
                if let Err(err) = stream.set_nodelay(true) {
                    debug!(%err, "cannot switch off Nagle's algorithm");
                }
                let tcp = clock::now() - start;
                return Ok(Reached { stream, addr, endpoint: endpoint.clone(), dns, tcp });
            }
            Err(err) => failed.push(Attempt::new(endpoint, &addr.to_string(), AttemptError::Connect(err))),
        }
    }
    Err(failed)
}

/// Bytes in a segment that pass everywhere: a packet of 576 bytes is the least that IPv4 asks of any host, and headers with their
/// options take up to 76 of it.
const SMALL: u32 = 500;

/// Both sides then send no more at a time: the other one is told with the SYN.
async fn connect_in_small(addr: SocketAddr) -> io::Result<TcpStream> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    SockRef::from(&socket).set_tcp_mss(SMALL)?;
    socket.connect(addr).await
}

async fn resolve(name: &str, family: Family) -> Result<Vec<IpAddr>, AttemptError> {
    match lookup(name, family).await {
        Ok(addresses) if addresses.is_empty() => Err(AttemptError::NoAddress),
        found => found.map_err(AttemptError::Lookup),
    }
}

/// A name that has an address is no unknown one: what it lacks is one of the other family.
fn settle(failed: &mut [Attempt]) {
    if failed.iter().any(|attempt| matches!(attempt.error, AttemptError::Connect(_))) {
        for attempt in failed {
            if matches!(&attempt.error, AttemptError::Lookup(err) if err.kind() == io::ErrorKind::NotFound) {
                attempt.error = AttemptError::NoAddress;
            }
        }
    }
}

impl Attempt {
    fn new(endpoint: &Endpoint, at: &str, error: AttemptError) -> Self {
        Self { label: endpoint.label.clone(), at: at.to_owned(), error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_an_address_of_one_family_is_not_unknown() {
        let endpoint = "https://relay.example".parse().unwrap();
        let unknown = || AttemptError::Lookup(io::ErrorKind::NotFound.into());
        let refused = AttemptError::Connect(io::ErrorKind::ConnectionRefused.into());
        let mut failed = [refused, unknown()].map(|error| Attempt::new(&endpoint, "", error));
        settle(&mut failed);
        assert!(matches!(failed[1].error, AttemptError::NoAddress));
        let mut failed = [unknown(), unknown()].map(|error| Attempt::new(&endpoint, "", error));
        settle(&mut failed);
        assert!(matches!(failed[0].error, AttemptError::Lookup(_)));
    }
}
