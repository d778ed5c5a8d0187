//! The map of one relay.

use std::net::{IpAddr, Ipv4Addr};

use super::{DerpMap, Node, Region};

/// What a map has to say of one relay, in a region of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "callers write entries as literals, ending in ..Entry::at(…)")]
pub struct Entry {
    /// Number of the region.
    pub region_id: i64,
    /// Short code of the region.
    pub region_code: String,
    /// Name of the region for people.
    pub region_name: String,
    /// Name of the node; none is the region's number and `a`.
    pub node_name: Option<String>,
    /// DNS name or address (IPv6 with brackets or without).
    pub host: String,
    /// What a certificate that is not for the host must be: a pin, or another name; else empty.
    pub cert_name: String,
    /// IPv4 address, `none`, or empty for DNS; none is what follows from the host.
    pub ipv4: Option<String>,
    /// IPv6 address, `none`, or empty for DNS; none is what follows from the host.
    pub ipv6: Option<String>,
    /// TCP port, on which it speaks TLS.
    pub derp_port: u16,
    /// UDP port of STUN, if it is answered.
    pub stun_port: Option<u16>,
    /// Whether port 80 may be used to look for captive portals; the map says so where it has an IPv4 address.
    pub can_port_80: bool,
}

impl Entry {
    /// A region number that Tailscale leaves to users (900 to 999).
    pub const REGION: i64 = 900;

    /// A relay at `host` and `derp_port` that answers STUN on the usual port; the rest are defaults.
    #[must_use]
    pub fn at(host: &str, derp_port: u16) -> Self {
        Self {
            region_id: Self::REGION,
            region_code: "wherry".to_owned(),
            region_name: "Wherry".to_owned(),
            node_name: None,
            host: host.to_owned(),
            cert_name: String::new(),
            ipv4: None,
            ipv6: None,
            derp_port,
            stun_port: Some(3478),
            can_port_80: false,
        }
    }

    /// The map with this relay alone.
    #[must_use]
    pub fn map(&self) -> DerpMap {
        let bare = self.host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let bare = bare.unwrap_or(&self.host);
        let literal = bare.parse::<IpAddr>().ok();
        let ipv4 = self.ipv4.clone().unwrap_or_else(|| address(literal, IpAddr::is_ipv4));
        let node = Node {
            name: self.node_name.clone().unwrap_or_else(|| format!("{}a", self.region_id)),
            region_id: self.region_id,
            host_name: match literal {
                // Stock clients put it into a URL, and fail on an IPv6 address without brackets.
                Some(IpAddr::V6(ip)) => format!("[{ip}]"),
                _ => bare.to_owned(),
            },
            cert_name: self.cert_name.clone(),
            // Clients look for captive portals at this address, and resolve no name for it.
            can_port_80: self.can_port_80 && ipv4.parse::<Ipv4Addr>().is_ok(),
            ipv4,
            ipv6: self.ipv6.clone().unwrap_or_else(|| address(literal, IpAddr::is_ipv6)),
            // Clients take 0 for the usual port, so a relay without STUN says -1.
            stun_port: self.stun_port.map_or(-1, i64::from),
            derp_port: i64::from(self.derp_port),
            ..Node::default()
        };
        let region = Region {
            region_id: self.region_id,
            region_code: self.region_code.clone(),
            region_name: self.region_name.clone(),
            nodes: vec![node],
            ..Region::default()
        };
        DerpMap { regions: [(self.region_id, Some(region))].into(), ..DerpMap::default() }
    }
}

/// The address in one family: empty means "ask DNS", so for an address of the other family it is `none`.
fn address(literal: Option<IpAddr>, is_family: fn(&IpAddr) -> bool) -> String {
    match literal {
        None => String::new(),
        Some(ip) if is_family(&ip) => ip.to_string(),
        Some(_) => "none".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(entry: &Entry) -> Node {
        entry.map().regions[&entry.region_id].as_ref().unwrap().nodes[0].clone()
    }

    #[test]
    fn an_ipv6_address_has_brackets_as_a_host_name_alone() {
        for host in ["2001:db8::7", "[2001:db8::7]"] {
            let node = node(&Entry::at(host, 443));
            assert_eq!(
                (&*node.host_name, &*node.ipv6, &*node.ipv4),
                ("[2001:db8::7]", "2001:db8::7", "none")
            );
        }
    }

    #[test]
    fn a_name_leaves_both_families_to_dns_unless_told() {
        let entry = Entry { ipv6: Some("none".to_owned()), ..Entry::at("relay.example", 8443) };
        let node = node(&entry);
        assert_eq!((&*node.host_name, &*node.ipv4, &*node.ipv6), ("relay.example", "", "none"));
    }

    #[test]
    fn port_80_is_said_where_there_is_an_ipv4_address_to_ask() {
        let said = |host, ipv4: Option<&str>| {
            let entry = Entry { can_port_80: true, ipv4: ipv4.map(str::to_owned), ..Entry::at(host, 443) };
            node(&entry).can_port_80
        };
        assert!(said("192.0.2.7", None) && said("relay.example", Some("192.0.2.7")));
        assert!(
            !said("relay.example", None) && !said("2001:db8::7", None) && !said("192.0.2.7", Some("none"))
        );
    }

    #[test]
    fn ids_and_names_agree_and_missing_stun_is_said() {
        let entry = Entry { region_id: 950, stun_port: None, ..Entry::at("192.0.2.7", 443) };
        let node = node(&entry);
        assert_eq!((&*node.name, node.region_id, node.stun_udp_port()), ("950a", 950, None));
        assert_eq!(entry.map().regions[&950].as_ref().unwrap().region_id, 950);
    }
}
