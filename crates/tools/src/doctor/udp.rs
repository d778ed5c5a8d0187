//! STUN: whether it answers, and whom it sees.

use std::io;
use std::net::{IpAddr, SocketAddr};

use super::finding::{Finding, Part};
use crate::map::{Sight, stun};

/// Asks for STUN at `server`. `is_guess`: nobody named the port, it is the usual one.
pub(super) async fn ask(server: SocketAddr, is_guess: bool) -> Finding {
    match stun(server).await {
        Ok(sight) => answered(server, sight),
        Err(err) => silent(server, &err, is_guess),
    }
}

/// There is an answer: whose address does it tell?
pub(super) fn answered(server: SocketAddr, sight: Sight) -> Finding {
    if is_rewritten(server.ip(), sight) {
        return Finding::error(
            Part::Stun,
            format!("STUN at {server} answers, but sees {} where this host's address should be", sight.seen),
            format!(
                "something rewrites addresses before the relay, a container network or a UDP proxy: give the container the \
                 host's network (docker run --network host), or publish {}/udp so that the source address is kept",
                server.port()
            ),
        );
    }
    Finding::ok(Part::Stun, format!("STUN answers at {server} and sees {}", sight.seen))
}

/// There is no answer.
pub(super) fn silent(server: SocketAddr, err: &io::Error, is_guess: bool) -> Finding {
    let found = format!("no answer to STUN from {server}/udp: {err}");
    let open = open(server.port());
    match is_guess {
        true => Finding::warning(
            Part::Stun,
            found,
            format!("{open}; if STUN is elsewhere, say --stun-port PORT, if there is none, --stun-port off"),
        ),
        false => Finding::error(Part::Stun, found, format!("{open}, or correct STUNPort (-1 is none)")),
    }
}

/// How a UDP port is opened.
pub(super) fn open(port: u16) -> String {
    format!(
        "open {port}/udp in the host's firewall and in the provider's, and publish it from the container \
         (docker run -p {port}:{port}/udp)"
    )
}

/// Whether the server sees an address that nobody has who came the straight way.
///
/// What it sees is this host's own address, or that of a NAT on the way, which is public if the server is. A server in a
/// private network may see any address of one; and a router that turns packets around, within the network that it
/// shares with this host, shows its own address in there.
fn is_rewritten(server: IpAddr, Sight { own, seen }: Sight) -> bool {
    if server.is_loopback() {
        return !seen.is_loopback();
    }
    if server == own {
        return seen != own;
    }
    seen != own && !is_private(server) && is_private(seen) && !is_near(own, seen)
}

/// Whether both are in one private network, of the sizes that homes and offices have.
fn is_near(own: IpAddr, seen: IpAddr) -> bool {
    match (own.to_canonical(), seen.to_canonical()) {
        (IpAddr::V4(own), IpAddr::V4(seen)) => {
            is_private(own.into()) && own.octets().get(..2) == seen.octets().get(..2)
        }
        (IpAddr::V6(own), IpAddr::V6(seen)) => {
            is_private(own.into()) && own.segments().get(..4) == seen.segments().get(..4)
        }
        _ => false,
    }
}

fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || is_carriers(ip.octets())
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_loopback() || ip.is_unicast_link_local(),
    }
}

/// 100.64.0.0/10, which carriers and tailnets share out.
fn is_carriers([a, b, ..]: [u8; 4]) -> bool {
    a == 100 && b & 0xc0 == 64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_address_is_odd_from_a_public_server_alone() {
        let odd = |server: &str, seen: &str| {
            let sight = Sight { own: "203.0.113.9".parse().unwrap(), seen: seen.parse().unwrap() };
            is_rewritten(server.parse().unwrap(), sight)
        };
        assert!(odd("198.51.100.7", "172.17.0.1") && odd("127.0.0.1", "172.17.0.1"));
        assert!(odd("2001:db8::7", "fd00::1") && odd("198.51.100.7", "100.64.0.1"));
        assert!(!odd("198.51.100.7", "203.0.113.9") && !odd("127.0.0.1", "127.0.0.9"));
        assert!(!odd("192.168.1.7", "192.168.1.9") && !odd("10.0.0.7", "172.17.0.1"));
    }

    #[test]
    fn within_one_private_network_a_private_address_is_no_fault() {
        let odd = |server: &str, own: &str, seen: &str| {
            let sight = Sight { own: own.parse().unwrap(), seen: seen.parse().unwrap() };
            is_rewritten(server.parse().unwrap(), sight)
        };
        // By a way inside, and by the router of both.
        assert!(!odd("198.51.100.7", "10.0.0.5", "10.0.0.5"));
        assert!(!odd("198.51.100.7", "192.168.1.5", "192.168.1.1"));
        assert!(!odd("2001:db8::7", "fd00::5", "fd00::1"));
        // Another network than this host's, or this host itself.
        assert!(odd("198.51.100.7", "192.168.1.5", "172.17.0.1"));
        assert!(odd("203.0.113.9", "203.0.113.9", "172.17.0.1"));
        assert!(odd("192.168.1.5", "192.168.1.5", "172.17.0.1"));
    }
}
