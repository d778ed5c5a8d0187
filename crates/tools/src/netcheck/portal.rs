//! Whether a captive portal answers in place of the relays' port 80, or of the vendor's.
//!
//! Source: tailscale: net/captivedetection.

use std::net::{Ipv4Addr, SocketAddrV4};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use wherry_wire::derp_map::{Address, DerpMap};

use crate::port80::{Heard, Witness, ask};

/// The most that are asked over one interface.
const MAX_ASKED: usize = 5;
/// Asked after the map's nodes: a map of one's own may have none with port 80.
const VENDOR: [&str; 2] = ["controlplane.tailscale.com", "login.tailscale.com"];

/// What came of the search for a portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Portal {
    /// Something else answers in place of who was asked.
    Found,
    /// Nothing does.
    None,
    /// There was nobody to ask.
    Unasked,
    /// The answers took longer than clients wait.
    Late,
}

impl Portal {
    /// Whether there is one; none if that is not known.
    pub(super) const fn is_captive(self) -> Option<bool> {
        match self {
            Self::Found => Some(true),
            Self::None => Some(false),
            Self::Unasked | Self::Late => None,
        }
    }
}

/// Asks the map's nodes, and the vendor if that is wanted, over all interfaces side by side, until one answers wrongly: only
/// that is a portal.
pub(super) async fn detect(
    map: &DerpMap,
    home: Option<i64>,
    interfaces: &[String],
    asks_vendor: bool,
) -> Portal {
    let nodes = nodes(map, home);
    let witnesses = witnesses(&nodes, asks_vendor);
    let asked = interfaces
        .iter()
        .flat_map(|interface| witnesses.iter().map(async |witness| ask(*witness, Some(interface)).await));
    match has_stranger(asked).await {
        _ if witnesses.is_empty() => Portal::Unasked,
        true => Portal::Found,
        false => Portal::None,
    }
}

/// Whether one of them is; ends with the first.
async fn has_stranger(asked: impl Iterator<Item: Future<Output = Heard>>) -> bool {
    let mut heard: FuturesUnordered<_> = asked.collect();
    while let Some(heard) = heard.next().await {
        if heard == Heard::Stranger {
            return true;
        }
    }
    false
}

fn witnesses(nodes: &[Ipv4Addr], asks_vendor: bool) -> Vec<Witness> {
    let nodes = nodes.iter().map(|ip| Witness::Node(SocketAddrV4::new(*ip, 80)));
    let vendor = VENDOR.into_iter().filter(|_| asks_vendor).map(Witness::Vendor);
    nodes.chain(vendor).take(MAX_ASKED).collect()
}

/// Addresses that answer on port 80, those of the home first.
fn nodes(map: &DerpMap, home: Option<i64>) -> Vec<Ipv4Addr> {
    let regions = map.live_regions().map(|(_, region)| region);
    let mut regions: Vec<_> = regions.filter(|region| !region.avoid && !region.no_measure_no_home).collect();
    regions.sort_by_key(|region| Some(region.region_id) != home);
    let nodes = regions.into_iter().flat_map(|region| &region.nodes).filter(|node| node.can_port_80);
    let fixed = nodes.filter_map(|node| match node.ipv4_address() {
        Address::Fixed(ip) => Some(ip),
        _ => None,
    });
    fixed.take(MAX_ASKED).collect()
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use wherry_wire::derp_map::{Node, Region};

    use super::*;

    #[tokio::test]
    async fn the_first_stranger_is_enough_whoever_is_silent_meanwhile() {
        let ask = async |heard: Option<Heard>| match heard {
            Some(heard) => heard,
            None => pending().await,
        };
        let asked = [None, Some(Heard::Witness), Some(Heard::Stranger)].into_iter().map(ask);
        assert!(has_stranger(asked).await);
        let asked = [Some(Heard::Witness), Some(Heard::Nobody)].into_iter().map(ask);
        assert!(!has_stranger(asked).await);
    }

    #[tokio::test]
    async fn where_nobody_is_asked_nothing_is_known() {
        let portal = detect(&DerpMap::default(), None, &["lo".to_owned()], false).await;
        assert_eq!((portal, portal.is_captive()), (Portal::Unasked, None));
    }

    #[test]
    fn nodes_with_port_80_are_asked_the_homes_first_and_not_more_than_five() {
        let node = |ip: String| Node { ipv4: ip, can_port_80: true, ..Node::default() };
        let region = |id: i64| {
            let mut nodes: Vec<_> = (1..=4).map(|last| node(format!("192.0.{id}.{last}"))).collect();
            nodes.push(node("none".into()));
            nodes.push(Node { can_port_80: false, ..node(format!("192.0.{id}.9")) });
            (id, Some(Region { region_id: id, nodes, ..Region::default() }))
        };
        let mut map = DerpMap { regions: [region(1), region(2)].into(), ..DerpMap::default() };
        let text = |ips: Vec<Ipv4Addr>| ips.iter().map(ToString::to_string).collect::<Vec<_>>();
        let homes = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.1.1"];
        assert_eq!(text(nodes(&map, Some(2))), homes);
        map.regions.get_mut(&2).unwrap().as_mut().unwrap().avoid = true;
        assert_eq!(text(nodes(&map, Some(2)))[0], "192.0.1.1");
        assert_eq!(nodes(&map, None).len(), 4);
    }

    #[test]
    fn the_vendor_is_asked_after_the_nodes_as_far_as_there_is_room() {
        let node = |last| Witness::Node(SocketAddrV4::new([192, 0, 2, last].into(), 80));
        let [control, login] = VENDOR.map(Witness::Vendor);
        let nodes = |count: u8| (1..=count).map(|last| [192, 0, 2, last].into()).collect::<Vec<_>>();
        let asked = |count| witnesses(&nodes(count), true);
        assert_eq!(asked(0), [control, login]);
        assert_eq!(asked(2), [node(1), node(2), control, login]);
        assert_eq!(asked(4), [node(1), node(2), node(3), node(4), control]);
        assert_eq!(asked(5).last(), Some(&node(5)));
        assert_eq!(witnesses(&nodes(1), false), [node(1)]);
    }
}
