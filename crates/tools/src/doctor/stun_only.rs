//! Nodes that answer STUN and relay nothing.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use wherry_client::lookup_both;
use wherry_wire::derp_map::{Address, Node};

use super::finding::{Finding, Part};
use super::udp;
use crate::remedy;

/// Nodes that are asked at a time.
const AT_ONCE: usize = 16;

/// For the resolver.
const RESOLUTION: Duration = Duration::from_secs(5);

/// Asks each for STUN, by every family in which it has an address; what was found, in their order.
pub async fn stun_only(nodes: &[Node]) -> Vec<Vec<Finding>> {
    stream::iter(nodes).map(examine).buffered(AT_ONCE).collect().await
}

async fn examine(node: &Node) -> Vec<Finding> {
    let Some(port) = node.stun_udp_port() else {
        return vec![Finding::error(
            Part::Entry,
            "it is there for STUN alone, but STUNPort says that it has none",
            "correct STUNPort, or remove the node",
        )];
    };
    let addresses = match addresses(node).await {
        Ok(addresses) => addresses,
        Err(err) => return vec![unresolved(&node.host_name, &err)],
    };
    let mut findings = Vec::new();
    for ip in addresses {
        findings.push(udp::ask(SocketAddr::new(ip, port), false).await);
    }
    if findings.is_empty() {
        findings.push(Finding::error(
            Part::Entry,
            "the entry leaves no address to ask",
            "fill in IPv4 or IPv6, or give the name an address",
        ));
    }
    findings
}

fn unresolved(host: &str, err: &io::Error) -> Finding {
    let remedy = match remedy::is_of_resolver(err) {
        true => remedy::RESOLVER,
        false => {
            "check the spelling of the name and its A and AAAA records, or write the address into the map entry"
        }
    };
    Finding::error(Part::Name, format!("{host}: name resolution failed: {err}"), remedy)
}

/// The first address of each family.
async fn addresses(node: &Node) -> io::Result<Vec<IpAddr>> {
    if let Ok(ip) = node.stun_test_ip.parse() {
        return Ok(vec![ip]);
    }
    let (v4, v6) = (node.ipv4_address(), node.ipv6_address());
    let host = node.host_name.trim_start_matches('[').trim_end_matches(']');
    let of_host: Vec<IpAddr> = match host.parse() {
        Ok(ip) => vec![ip],
        Err(_) if v4 != Address::Dns && v6 != Address::Dns => Vec::new(),
        Err(_) => lookup_both(host, RESOLUTION).await?,
    };
    let first = |is: fn(&IpAddr) -> bool| of_host.iter().copied().find(is);
    let v4 = match v4 {
        Address::Fixed(ip) => Some(IpAddr::from(ip)),
        Address::Dns => first(IpAddr::is_ipv4),
        Address::Off => None,
    };
    let v6 = match v6 {
        Address::Fixed(ip) => Some(IpAddr::from(ip)),
        Address::Dns => first(IpAddr::is_ipv6),
        Address::Off => None,
    };
    Ok(v4.into_iter().chain(v6).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found out about a node with these changes.
    async fn found(change: impl FnOnce(&mut Node)) -> Finding {
        let (host_name, none) = ("nobody.invalid".to_owned(), "none".to_owned());
        let mut node = Node { host_name, ipv4: none.clone(), ipv6: none, stun_only: true, ..Node::default() };
        change(&mut node);
        let mut findings = examine(&node).await;
        assert_eq!(findings.len(), 1, "{findings:?}");
        findings.remove(0)
    }

    #[tokio::test]
    async fn an_entry_that_leaves_nobody_to_ask_is_told_with_what_it_lacks() {
        let off = found(|node| node.stun_port = -1).await;
        assert!(off.part == Part::Entry && off.found.contains("STUNPort says that it has none"), "{off:?}");
        assert!(off.remedy.unwrap().contains("correct STUNPort"));
        let nowhere = found(|_| {}).await;
        assert!(nowhere.part == Part::Entry && nowhere.found.contains("leaves no address"), "{nowhere:?}");
        assert!(nowhere.remedy.unwrap().contains("fill in IPv4 or IPv6"));
        // A name that resolvers answer themselves (RFC 6761).
        let unknown = found(|node| node.ipv4 = String::new()).await;
        assert!(unknown.part == Part::Name && unknown.found.starts_with("nobody.invalid: name resolution"));
        let remedy = unknown.remedy.unwrap();
        assert!(remedy.contains("spelling of the name") || remedy == remedy::RESOLVER, "{remedy}");
        let words = |err: &str| unresolved("x", &io::Error::other(err.to_owned())).remedy.unwrap();
        assert!(words("Name or service not known").contains("spelling of the name"));
        assert_eq!(words("Temporary failure in name resolution"), remedy::RESOLVER);
    }

    #[tokio::test]
    async fn stun_is_asked_where_clients_ask() {
        let ips = async |change: fn(&mut Node)| {
            let mut node = Node { host_name: "[2001:db8::7]".to_owned(), ..Node::default() };
            change(&mut node);
            addresses(&node).await.unwrap().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(ips(|_| {}).await, ["2001:db8::7"]);
        assert_eq!(ips(|node| node.ipv4 = "192.0.2.7".to_owned()).await, ["192.0.2.7", "2001:db8::7"]);
        assert_eq!(ips(|node| node.stun_test_ip = "192.0.2.9".to_owned()).await, ["192.0.2.9"]);
        assert_eq!(ips(|node| node.ipv6 = "none".to_owned()).await, [""; 0]);
    }
}
