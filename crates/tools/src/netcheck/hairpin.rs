//! Whether the router sends back in what goes out to its own address.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout_at;
use wherry_wire::stun::{TxId, parse_request, request};

use super::sockets::Sockets;
use crate::clock::{Clock, entropy};

/// When the datagram is sent again, and given up.
const TRIES: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(250), Duration::from_millis(500)];

/// Sends from a new socket to this host's own address as STUN saw it, and waits on the sockets it was seen of.
pub(super) async fn probe(sockets: &Sockets, own: SocketAddr) -> bool {
    let (Ok(socket), Ok(tx)) = (UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await, entropy().map(TxId))
    else {
        return false;
    };
    let clock = Clock::start();
    for end in TRIES {
        // What cannot be sent does not come back, which says the same.
        drop(socket.send_to(&request(tx), own).await);
        if timeout_at(clock.at(end), back(sockets, tx)).await.is_ok() {
            return true;
        }
    }
    false
}

async fn back(sockets: &Sockets, tx: TxId) {
    while parse_request(&sockets.recv().await.0) != Ok(tx) {}
}

#[cfg(test)]
mod tests {
    use wherry_client::Family;

    use super::*;
    use crate::netcheck::sockets::Source;

    #[tokio::test]
    async fn what_comes_back_to_the_own_socket_is_seen_and_what_goes_elsewhere_is_not() {
        let source = Source { ip: Some(Ipv4Addr::LOCALHOST.into()), port: 0 };
        let sockets = Sockets::bind(source).unwrap();
        let own = sockets.of(Family::V4).unwrap().local_addr().unwrap();
        assert!(probe(&sockets, own).await);
        let other = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        assert!(!probe(&sockets, other.local_addr().unwrap()).await);
    }
}
