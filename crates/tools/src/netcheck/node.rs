//! Every node of the map by itself: its STUN and its relay, by each family.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use wherry_client::{
    Connection, DialError, Dialer, Endpoint, Family, Identity, NodePrivate, NodePublic, Pin, PingError,
    Target,
};
use wherry_wire::derp_map::{DerpMap, Node, Region};

use super::plan::Families;
use super::stun;
use super::why::{Reason, Why};
use super::{address, plan};
use crate::pin;

/// Nodes that are asked at the same time.
const AT_ONCE: usize = 16;
/// How long the relay's pong is waited for.
const PONG_LIMIT: Duration = Duration::from_secs(2);

/// What one node does, figure by figure.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NodeReport {
    /// The region that lists it.
    pub region: i64,
    /// That region's code.
    pub code: String,
    /// Its name in the map.
    pub name: String,
    /// The name; with what tells it apart where another node of its region has the same.
    pub label: String,
    /// Its host name in the map.
    pub host: String,
    /// STUN by IPv4.
    pub stun_v4: Result<StunFigure, Why>,
    /// STUN by IPv6.
    pub stun_v6: Result<StunFigure, Why>,
    /// The relay by IPv4.
    pub relay_v4: Result<RelayFigure, Why>,
    /// The relay by IPv6.
    pub relay_v6: Result<RelayFigure, Why>,
}

impl NodeReport {
    /// Whether its STUN answers.
    #[must_use]
    pub fn has_stun(&self) -> bool {
        self.stun_v4.is_ok() || self.stun_v6.is_ok()
    }

    /// Whether its relay is reached: it works, or does but for the admission.
    pub(super) fn is_reached(&self) -> bool {
        let is_reached = |relay: &Result<RelayFigure, Why>| match relay {
            Ok(_) => true,
            Err(why) => why.reason == Reason::NotAdmitted,
        };
        is_reached(&self.relay_v4) || is_reached(&self.relay_v6)
    }
}

/// An answer by STUN.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StunFigure {
    /// The server asked.
    pub server: SocketAddr,
    /// Round-trip time.
    pub latency: Duration,
    /// This host as the server sees it.
    pub seen: SocketAddr,
}

/// A relay that took this client in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelayFigure {
    /// The address dialled.
    pub server: SocketAddr,
    /// From a ping to its pong, through the relay's own software.
    pub latency: Duration,
    /// From nothing to an open DERP connection.
    pub connect: Duration,
    /// Whether TLS is 1.3; else 1.2.
    pub is_tls13: bool,
    /// The hash of the certificate shown, in the form of a pin.
    pub pin: Option<Pin>,
    /// The relay's key.
    pub key: NodePublic,
}

/// How nodes are asked.
#[derive(Debug)]
pub(super) struct Tester<'a> {
    pub(super) dialer: &'a Dialer,
    /// The node to be; else a new one for each connection.
    pub(super) key: Option<&'a NodePrivate>,
    pub(super) have: Families,
    pub(super) from: Option<IpAddr>,
}

/// All nodes in the map's order: first the STUN of all, then their relays, so that neither disturbs the other.
pub(super) async fn test_all(map: &DerpMap, tester: &Tester<'_>) -> Vec<NodeReport> {
    let all = || {
        map.live_regions().flat_map(|(id, region)| region.nodes.iter().map(move |node| (id, region, node)))
    };
    let stun = all().map(|(_, _, node)| async move {
        tokio::join!(tester.stun(node, Family::V4), tester.stun(node, Family::V6))
    });
    let stun: Vec<_> = stream::iter(stun).buffered(AT_ONCE).collect().await;
    let relays = all().map(|(_, _, node)| async move {
        // One after the other: a relay takes one key once.
        (tester.relay(node, Family::V4).await, tester.relay(node, Family::V6).await)
    });
    let relays: Vec<_> = stream::iter(relays).buffered(AT_ONCE).collect().await;
    let labels = map.live_regions().flat_map(|(_, region)| labels(&region.nodes));
    let whole = all().zip(labels).zip(stun).zip(relays);
    whole
        .map(|((((id, region, node), label), stun), relay)| NodeReport {
            label,
            ..report(id, region, node, stun, relay)
        })
        .collect()
}

/// What nodes of a region are called: by name, and where several have one, by the first that differs of their host, port and
/// address.
fn labels(nodes: &[Node]) -> Vec<String> {
    let forms = |place: usize, node: &Node| {
        let Node { name, host_name: host, ipv4, ipv6, derp_port, stun_port, .. } = node;
        let numbers = format!("{host}, DERPPort {derp_port}, STUNPort {stun_port}");
        let all = [host.clone(), numbers.clone(), format!("{numbers}, IPv4 {ipv4:?}, IPv6 {ipv6:?}")];
        let last = format!("node {} of the region", place + 1);
        all.into_iter().chain([last]).map(|form| format!("{name} ({form})")).collect::<Vec<_>>()
    };
    let all: Vec<_> = nodes.iter().enumerate().map(|(place, node)| (node, forms(place, node))).collect();
    let label = |(node, own): &(&Node, Vec<String>)| {
        let alike: Vec<_> = all.iter().filter(|(other, _)| other.name == node.name).collect();
        let differs = |at: &usize| {
            let seen: BTreeSet<_> = alike.iter().filter_map(|(_, forms)| forms.get(*at)).collect();
            seen.len() == alike.len()
        };
        let form = (0..own.len()).find(differs).filter(|_| alike.len() > 1);
        form.and_then(|at| own.get(at)).unwrap_or(&node.name).clone()
    };
    all.iter().map(label).collect()
}

type ByFamily<T> = (Result<T, Why>, Result<T, Why>);

fn report(
    id: i64,
    region: &Region,
    node: &Node,
    stun: ByFamily<StunFigure>,
    relay: ByFamily<RelayFigure>,
) -> NodeReport {
    NodeReport {
        region: id,
        code: region.region_code.clone(),
        name: node.name.clone(),
        label: node.name.clone(),
        host: node.host_name.clone(),
        stun_v4: stun.0,
        stun_v6: stun.1,
        relay_v4: relay.0,
        relay_v6: relay.1,
    }
}

impl Tester<'_> {
    async fn stun(&self, node: &Node, family: Family) -> Result<StunFigure, Why> {
        let server = address::stun_address(node, family).await?;
        self.may(node, family, server.ip())?;
        let asked = stun::ask(server, self.from).await;
        let (latency, seen) = asked.map_err(|err| Why::stun(&err, server))?;
        Ok(StunFigure { server, latency, seen })
    }

    /// Whether this host has the family; its own loopback needs none.
    fn may(&self, node: &Node, family: Family, ip: IpAddr) -> Result<(), Why> {
        let has = match family {
            Family::V4 => self.have.v4,
            Family::V6 => self.have.v6,
        };
        if has || ip.is_loopback() || plan::is_test(node) { Ok(()) } else { Err(Why::no_family(family)) }
    }

    async fn relay(&self, node: &Node, family: Family) -> Result<RelayFigure, Why> {
        if node.stun_only {
            return Err(Why::new(Reason::SwitchedOff, "the map says that it serves STUN only", ""));
        }
        let endpoint = Endpoint::node(node).map_err(|err| Why::bad_entry(&err))?.with_only(family);
        // The relay is dialled where the map says, never at the STUN test address.
        let at = address::ip(&Node { stun_test_ip: String::new(), ..node.clone() }, family).await?;
        self.may(node, family, at)?;
        match self.dial(&endpoint).await {
            Ok(figure) => Ok(figure),
            Err(Fault::Dial(err)) => {
                let seen_pin = pin::seen(self.dialer, &endpoint, &err).await;
                Err(Why::dial(&err, &endpoint, self.key.map(NodePrivate::public), seen_pin.as_ref()))
            }
            Err(Fault::Ping(err)) => Err(Why::new(
                Reason::Broken,
                format!("the relay takes connections but does not answer a ping: {err}"),
                "the relay's own log says more; it may be overloaded",
            )),
        }
    }

    async fn dial(&self, endpoint: &Endpoint) -> Result<RelayFigure, Fault> {
        let identity = match self.key {
            Some(key) => Identity::new(key.clone()),
            None => Identity::throw_away().map_err(|err| Fault::Dial(DialError::Handshake(err.into())))?,
        };
        let secured = self.dialer.tls(self.dialer.tcp(&Target::one(endpoint.clone())).await?).await?;
        let shown = secured.tls().cloned();
        let mut connection = self.dialer.handshake(secured, &identity).await?;
        let latency = connection.ping(PONG_LIMIT).await.map_err(Fault::Ping)?;
        let figure = RelayFigure {
            server: connection.addr(),
            latency,
            connect: opened_within(&connection),
            is_tls13: shown.as_ref().is_some_and(|tls| tls.is_tls13),
            pin: shown.and_then(|tls| tls.chain.first().map(|certificate| Pin::of(certificate))),
            key: connection.server_key(),
        };
        // The relay notices a connection that is just dropped as well.
        drop(connection.close().await);
        Ok(figure)
    }
}

enum Fault {
    Dial(DialError),
    Ping(PingError),
}

impl From<DialError> for Fault {
    fn from(err: DialError) -> Self {
        Self::Dial(err)
    }
}

fn opened_within(connection: &Connection) -> Duration {
    let timings = connection.timings();
    let before = timings.dns.unwrap_or_default() + timings.tcp + timings.tls.unwrap_or_default();
    before + timings.upgrade + timings.welcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_of_one_name_are_told_apart_by_the_first_thing_that_differs() {
        let node = |host: &str, derp_port: i64, ipv4: &str| {
            let (name, host_name, ipv4) = ("a".to_owned(), host.to_owned(), ipv4.to_owned());
            Node { name, host_name, derp_port, ipv4, ..Node::default() }
        };
        let other = Node { name: "b".to_owned(), ..node("x", 0, "") };
        let said = |one: Node, two: Node| labels(&[one, other.clone(), two]);
        assert_eq!(said(node("x", 0, ""), node("y", 0, "")), ["a (x)", "b", "a (y)"]);
        let ports = said(node("x", 0, ""), node("x", 8443, ""));
        assert_eq!(ports[2], "a (x, DERPPort 8443, STUNPort 0)");
        let addresses = said(node("x", 0, "192.0.2.7"), node("x", 0, "192.0.2.8"));
        assert!(addresses[0].contains("192.0.2.7") && addresses[2].contains("192.0.2.8"), "{addresses:?}");
        let twins = said(node("x", 0, ""), node("x", 0, ""));
        assert_eq!(twins, ["a (node 1 of the region)", "b", "a (node 3 of the region)"]);
    }
}
