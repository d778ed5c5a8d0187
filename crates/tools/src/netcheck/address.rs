//! Where a node is asked for STUN.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::timeout;
use wherry_client::Family;
use wherry_wire::derp_map::{Address, Node};

use super::why::{Reason, Why};

/// How long a name may take to resolve; a resolver that is gone makes the system wait much longer.
const LOOKUP_LIMIT: Duration = Duration::from_secs(3);

/// The node's STUN address of a family: the entry's, else the name's.
///
/// Source: tailscale: net/netcheck/netcheck.go, `nodeAddrPort`.
pub(super) async fn stun_address(node: &Node, family: Family) -> Result<SocketAddr, Why> {
    let port = node.stun_udp_port().ok_or_else(|| no_stun(node))?;
    ip(node, family).await.map(|ip| SocketAddr::new(ip, port))
}

/// The node's address of a family for anything by UDP or ICMP.
pub(super) async fn ip(node: &Node, family: Family) -> Result<IpAddr, Why> {
    if !node.stun_test_ip.is_empty() {
        let ip = node.stun_test_ip.parse().ok();
        return ip
            .filter(|ip: &IpAddr| ip.is_ipv4() == (family == Family::V4))
            .ok_or_else(|| Why::off(family));
    }
    let address: Address<IpAddr> = match family {
        Family::V4 => widen(node.ipv4_address()),
        Family::V6 => widen(node.ipv6_address()),
    };
    match address {
        Address::Fixed(ip) => Ok(ip),
        Address::Off => Err(Why::off(family)),
        Address::Dns => of_name(&node.host_name, family).await,
    }
}

async fn of_name(host: &str, family: Family) -> Result<IpAddr, Why> {
    let is_asked = |ip: &IpAddr| ip.is_ipv4() == (family == Family::V4);
    if let Ok(ip) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        let other = || {
            let what = format!(
                "the host {host} is an address of the other family and the map names none of {family}"
            );
            Why::new(Reason::SwitchedOff, what, "")
        };
        return Some(ip).filter(is_asked).ok_or_else(other);
    }
    let looked_up = timeout(LOOKUP_LIMIT, lookup_host((host, 0))).await;
    let looked_up = looked_up.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let mut found = looked_up.map_err(|err| Why::not_resolved(host, &err))?;
    let ip = found.find_map(|addr| Some(addr.ip().to_canonical()).filter(is_asked));
    ip.ok_or_else(|| Why::no_address(host, family))
}

fn widen<Ip: Into<IpAddr>>(address: Address<Ip>) -> Address<IpAddr> {
    match address {
        Address::Fixed(ip) => Address::Fixed(ip.into()),
        Address::Dns => Address::Dns,
        Address::Off => Address::Off,
    }
}

fn no_stun(node: &Node) -> Why {
    match node.stun_port {
        ..0 => {
            Why::new(Reason::SwitchedOff, "the map says that it serves no STUN (STUNPort is negative)", "")
        }
        port => Why::new(
            Reason::BadEntry,
            format!("STUNPort {port} is no port"),
            "let STUNPort be 1 to 65535 in the map",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn at(node: Node, family: Family) -> Result<String, Reason> {
        stun_address(&node, family).await.map(|addr| addr.to_string()).map_err(|why| why.reason)
    }

    fn node(host: &str) -> Node {
        Node { host_name: host.into(), ..Node::default() }
    }

    #[tokio::test]
    async fn the_entrys_address_wins_over_the_name_and_the_test_address_over_both() {
        let fixed =
            Node { ipv4: "192.0.2.7".into(), ipv6: "none".into(), stun_port: 99, ..node("relay.invalid") };
        assert_eq!(at(fixed.clone(), Family::V4).await, Ok("192.0.2.7:99".into()));
        assert_eq!(at(fixed.clone(), Family::V6).await, Err(Reason::SwitchedOff));
        let test = Node { stun_test_ip: "2001:db8::7".into(), ..fixed };
        assert_eq!(at(test.clone(), Family::V6).await, Ok("[2001:db8::7]:99".into()));
        assert_eq!(at(test, Family::V4).await, Err(Reason::SwitchedOff));
    }

    #[tokio::test]
    async fn a_host_that_is_an_address_has_only_its_own_family() {
        assert_eq!(at(node("192.0.2.7"), Family::V4).await, Ok("192.0.2.7:3478".into()));
        assert_eq!(at(node("192.0.2.7"), Family::V6).await, Err(Reason::SwitchedOff));
        assert_eq!(at(node("2001:db8::7"), Family::V6).await, Ok("[2001:db8::7]:3478".into()));
    }

    #[tokio::test]
    async fn no_stun_no_port_and_no_name_are_told_apart() {
        assert_eq!(
            at(Node { stun_port: -1, ..node("192.0.2.7") }, Family::V4).await,
            Err(Reason::SwitchedOff)
        );
        assert_eq!(
            at(Node { stun_port: 70_000, ..node("192.0.2.7") }, Family::V4).await,
            Err(Reason::BadEntry)
        );
        assert_eq!(at(node("nobody.invalid"), Family::V4).await, Err(Reason::NotResolved));
    }
}
