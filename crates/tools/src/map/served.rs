//! What the map that a relay serves says of the relay itself.

use std::net::IpAddr;

use wherry_client::{Dialer, Endpoint, Verify, Wanted};
use wherry_wire::derp_map::{DerpMap, Entry, Node};

use super::judge::USABLE;
use super::source::MAX_BYTES;

/// Where a relay that was asked stands in the map that it serves.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "it serves one with itself, one without, or none")]
pub enum OwnMap {
    /// It serves none.
    Missing,
    /// It serves one, and is not in it.
    WithoutIt,
    /// It serves one, and stands here in it.
    With(Box<Standing>),
}

/// A node and its region.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Standing {
    /// Number of the region.
    pub region_id: i64,
    /// Code of the region.
    pub region_code: String,
    /// Name of the region.
    pub region_name: String,
    /// The node.
    pub node: Node,
    /// Whether it was found by its place, rather than by its pin alone.
    pub is_at_its_place: bool,
}

impl OwnMap {
    /// The relay's node, where it was asked at the place that the map names: elsewhere its ports may be others.
    #[must_use]
    pub fn at_its_place(&self) -> Option<&Node> {
        match self {
            Self::With(standing) if standing.is_at_its_place => Some(&standing.node),
            _ => None,
        }
    }
}

impl Standing {
    /// What was seen of the relay, with what its own map says of its region, its name and its addresses.
    #[must_use]
    pub fn entry(&self, seen: Entry) -> Entry {
        let node = &self.node;
        // Asked at another place than the map's, it may be that those addresses are not for whoever asks.
        let is_known = |address: &&String| self.is_at_its_place && !address.is_empty();
        // The usual name follows the number that a flag may give.
        let is_usual = node.name.is_empty() || node.name == format!("{}a", self.region_id);
        Entry {
            region_id: self.region_id,
            region_code: self.region_code.clone(),
            region_name: self.region_name.clone(),
            node_name: (!is_usual).then(|| node.name.clone()),
            ipv4: Some(&node.ipv4).filter(is_known).cloned(),
            ipv6: Some(&node.ipv6).filter(is_known).cloned(),
            ..seen
        }
    }
}

/// Asks a relay, whose certificate is judged as `verify` says, for its map.
///
/// Cancelled, the connection is closed.
pub async fn own_map(dialer: &Dialer, endpoint: &Endpoint, verify: &Verify) -> OwnMap {
    let url = format!("https://{}/derpmap.json", endpoint.authority());
    let wanted = Wanted::new(url, MAX_BYTES).with_verify(verify.clone());
    // Other relays show a page there, or nothing.
    let map = match dialer.fetch(&wanted).await {
        Ok(document) if document.status == 200 => DerpMap::from_json(&document.body).ok(),
        _ => None,
    };
    let pin = match verify {
        Verify::Pin(pin) => Some(pin.to_string()),
        _ => None,
    };
    match map {
        Some(map) if !map.regions.is_empty() => find(&map, endpoint, pin.as_deref()),
        _ => OwnMap::Missing,
    }
}

/// The node at the place that was asked, else the only one with this pin: the place may be another one from here.
fn find(map: &DerpMap, endpoint: &Endpoint, pin: Option<&str>) -> OwnMap {
    let all = || {
        let regions = map.live_regions().filter(|(id, _)| USABLE.contains(id));
        regions.flat_map(|(id, region)| region.nodes.iter().map(move |node| (id, region, node)))
    };
    let at_place = all().find(|(_, _, node)| is_at(node, endpoint));
    let by_pin = || {
        let mut pinned = all().filter(|(_, _, node)| pin.is_some_and(|pin| node.cert_name == pin));
        pinned.next().filter(|_| pinned.next().is_none())
    };
    let Some((region_id, region, node)) = at_place.or_else(by_pin) else { return OwnMap::WithoutIt };
    OwnMap::With(Box::new(Standing {
        region_id,
        region_code: region.region_code.clone(),
        region_name: region.region_name.clone(),
        node: node.clone(),
        is_at_its_place: at_place.is_some(),
    }))
}

fn is_at(node: &Node, endpoint: &Endpoint) -> bool {
    let asked = endpoint.host().parse::<IpAddr>().ok();
    let bare = node.host_name.trim_start_matches('[').trim_end_matches(']');
    let is_named = match asked {
        Some(ip) => [bare, &node.ipv4, &node.ipv6].iter().any(|text| text.parse() == Ok(ip)),
        None => bare.trim_end_matches('.').eq_ignore_ascii_case(endpoint.host().trim_end_matches('.')),
    };
    is_named && node.derp_tcp_port() == Some(endpoint.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = "regions:
  901: {regionid: 901, regioncode: one, regionname: One, nodes: [
    {name: 901a, hostname: relay.example, certname: aa, derpport: 8443},
    {name: 901b, hostname: '[2001:db8::7]', ipv4: 192.0.2.7, certname: bb}]}
  902: {regionid: 902, nodes: [{name: 902a, hostname: 192.0.2.9, certname: aa}]}
  70000: {regionid: 70000, nodes: [{name: far, hostname: far.example}]}
  903: null
";

    fn found(url: &str, pin: Option<&str>) -> Option<(i64, String, bool)> {
        let map = DerpMap::from_yaml(MAP).unwrap();
        match find(&map, &url.parse().unwrap(), pin) {
            OwnMap::With(standing) => {
                Some((standing.region_id, standing.node.name, standing.is_at_its_place))
            }
            _ => None,
        }
    }

    #[test]
    fn a_relay_is_found_by_the_place_it_was_asked_at() {
        let at = |url| found(url, None);
        let one = |name: &str| Some((901, name.to_owned(), true));
        assert_eq!(at("https://Relay.example:8443"), one("901a"));
        assert_eq!(at("https://[2001:db8:0::7]"), one("901b"));
        assert_eq!(at("https://192.0.2.7"), one("901b"));
        for elsewhere in ["https://relay.example", "https://192.0.2.7:8443", "https://far.example"] {
            assert_eq!(at(elsewhere), None, "{elsewhere}");
        }
    }

    #[test]
    fn elsewhere_it_is_found_by_a_pin_that_no_other_has() {
        assert_eq!(found("https://10.0.0.7", Some("bb")), Some((901, "901b".to_owned(), false)));
        assert_eq!(found("https://10.0.0.7", Some("aa")), None, "two have it");
        assert_eq!(found("https://10.0.0.7", Some("cc")), None);
        assert_eq!(found("https://192.0.2.9", Some("bb")), Some((902, "902a".to_owned(), true)));
    }
}
