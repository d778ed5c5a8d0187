//! The two sockets that a report asks from, one for each family, so that all servers see one mapping of each.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use wherry_client::Family;

/// Longest datagram that is read.
pub(super) const MAX_DATAGRAM: usize = 1500;

/// After an error of a socket, before it is read again.
const PAUSE: Duration = Duration::from_millis(10);

/// Where questions leave from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "callers write it as a literal")]
pub struct Source {
    /// The only address to ask from; else whatever fits.
    pub ip: Option<IpAddr>,
    /// UDP port; 0 leaves it to the system.
    pub port: u16,
}

/// The sockets; none of a family that this host does not have.
#[derive(Debug)]
pub(super) struct Sockets {
    v4: Option<UdpSocket>,
    v6: Option<UdpSocket>,
}

impl Sockets {
    /// Binds them.
    ///
    /// # Errors
    /// What the system says if not even one could be bound, or a port that was asked for is taken.
    pub(super) fn bind(source: Source) -> io::Result<Self> {
        let bind = |any: IpAddr| match source.ip {
            Some(ip) if ip.is_ipv4() != any.is_ipv4() => Err(io::ErrorKind::Unsupported.into()),
            ip => bound(SocketAddr::new(ip.unwrap_or(any), source.port)),
        };
        match (bind(Ipv4Addr::UNSPECIFIED.into()), bind(Ipv6Addr::UNSPECIFIED.into())) {
            (Err(err), Err(other)) => Err(if err.kind() == io::ErrorKind::Unsupported { other } else { err }),
            // A family without a socket would look like one that does not work.
            (Err(err), _) | (_, Err(err)) if err.kind() == io::ErrorKind::AddrInUse => Err(err),
            (v4, v6) => Ok(Self { v4: v4.ok(), v6: v6.ok() }),
        }
    }

    pub(super) fn of(&self, family: Family) -> Option<&UdpSocket> {
        match family {
            Family::V4 => self.v4.as_ref(),
            Family::V6 => self.v6.as_ref(),
        }
    }

    /// The port of a family's.
    pub(super) fn port(&self, family: Family) -> Option<u16> {
        self.of(family)?.local_addr().ok().map(|own| own.port())
    }

    /// The next datagram on either; errors that concern one datagram are passed over.
    ///
    /// Cancel safety: safe, nothing is lost.
    pub(super) async fn recv(&self) -> (Vec<u8>, SocketAddr) {
        tokio::select! {
            received = next(self.v4.as_ref()) => received,
            received = next(self.v6.as_ref()) => received,
        }
    }
}

/// A datagram of a socket; without a socket never.
async fn next(socket: Option<&UdpSocket>) -> (Vec<u8>, SocketAddr) {
    let Some(socket) = socket else { return std::future::pending().await };
    let mut datagram = vec![0; MAX_DATAGRAM];
    loop {
        if let Ok((len, from)) = socket.recv_from(&mut datagram).await {
            datagram.truncate(len);
            return (datagram, from);
        }
        // A broken socket must not spin.
        tokio::time::sleep(PAUSE).await;
    }
}

fn bound(addr: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    UdpSocket::from_std(socket.into())
}

/// Whether this system can do IPv6 at all.
pub(super) fn os_has_ipv6() -> bool {
    bound(SocketAddr::new(Ipv6Addr::LOCALHOST.into(), 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_of_one_family_leaves_the_other_without_a_socket() {
        let source = Source { ip: Some(Ipv4Addr::LOCALHOST.into()), port: 0 };
        let sockets = Sockets::bind(source).unwrap();
        assert!(sockets.of(Family::V4).is_some() && sockets.of(Family::V6).is_none());
    }

    #[tokio::test]
    async fn a_port_that_is_taken_by_one_family_is_told() {
        let taken = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await.unwrap();
        let source = Source { ip: None, port: taken.local_addr().unwrap().port() };
        assert_eq!(Sockets::bind(source).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }

    #[tokio::test]
    async fn an_address_that_is_not_this_hosts_is_refused() {
        let source = Source { ip: Some("192.0.2.7".parse().unwrap()), port: 0 };
        assert_eq!(Sockets::bind(source).unwrap_err().kind(), io::ErrorKind::AddrNotAvailable);
        let source = Source { ip: Some("2001:db8::7".parse().unwrap()), port: 0 };
        assert!(Sockets::bind(source).is_err());
    }
}
