//! One STUN exchange.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;
use wherry_server::clock::Clock;
use wherry_wire::stun::{TxId, parse_response, request};

/// Asks `server` which address it sees; the round-trip time and that address.
///
/// # Errors
/// [`io::ErrorKind::TimedOut`] if no answer comes in time; what the system says otherwise.
pub(super) async fn ask(
    server: SocketAddr,
    limit: Duration,
    clock: &Clock,
) -> io::Result<(Duration, SocketAddr)> {
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    let tx = clock.random().map_err(io::Error::other)?;
    let start = clock.now();
    socket.send(&request(TxId(tx))).await?;
    let seen = timeout(limit, answer(&socket, TxId(tx))).await??;
    Ok((clock.now().saturating_sub(start), seen))
}

/// The first answer to this question; anything else on the socket is passed over.
async fn answer(socket: &UdpSocket, asked: TxId) -> io::Result<SocketAddr> {
    let mut datagram = [0; 1500];
    loop {
        let len = socket.recv(&mut datagram).await?;
        if let Ok((tx, seen)) = parse_response(datagram.get(..len).unwrap_or_default())
            && tx == asked
        {
            return Ok(seen);
        }
    }
}
