//! STUN: whether it answers, and whom it sees.

use std::net::{IpAddr, SocketAddr};

use super::finding::{Finding, Part};
use crate::map::stun;

/// Asks for STUN at `server`. `is_guess`: nobody named the port, it is the usual one.
pub(super) async fn ask(server: SocketAddr, is_guess: bool) -> Finding {
    let port = server.port();
    match stun(server).await {
        Ok(seen) if is_inside(server.ip(), seen.ip()) => Finding::error(
            Part::Stun,
            format!("STUN at {server} answers, but sees {} where this host's address should be", seen.ip()),
            format!(
                "something rewrites addresses before the relay, a container network or a UDP proxy: give the container the \
                 host's network (docker run --network host), or publish {port}/udp so that the source address is kept"
            ),
        ),
        Ok(seen) => Finding::ok(Part::Stun, format!("STUN answers at {server} and sees {}", seen.ip())),
        Err(err) => {
            let found = format!("no answer to STUN from {server}/udp: {err}");
            let open = format!(
                "open {port}/udp in the host's firewall and in the provider's, and publish it from the container \
                 (docker run -p {port}:{port}/udp)"
            );
            match is_guess {
                true => Finding::warning(
                    Part::Stun,
                    found,
                    format!(
                        "{open}; if STUN is elsewhere, say --stun-port PORT, if there is none, --stun-port off"
                    ),
                ),
                false => {
                    Finding::error(Part::Stun, found, format!("{open}, or correct STUNPort (-1 is none)"))
                }
            }
        }
    }
}

/// Whether a server out there, or on this host, sees an address that nobody has who came the straight way. A server in a
/// private network may see any address of one.
fn is_inside(server: IpAddr, seen: IpAddr) -> bool {
    if server.is_loopback() {
        return !seen.is_loopback();
    }
    !is_private(server) && is_private(seen)
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
        let odd = |server: &str, seen: &str| is_inside(server.parse().unwrap(), seen.parse().unwrap());
        assert!(odd("198.51.100.7", "172.17.0.1") && odd("127.0.0.1", "172.17.0.1"));
        assert!(odd("2001:db8::7", "fd00::1") && odd("198.51.100.7", "100.64.0.1"));
        assert!(!odd("198.51.100.7", "203.0.113.9") && !odd("127.0.0.1", "127.0.0.9"));
        assert!(!odd("192.168.1.7", "192.168.1.9") && !odd("10.0.0.7", "172.17.0.1"));
    }
}
