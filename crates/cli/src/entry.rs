//! The entry of a DERP map by which clients find this relay.

use std::net::{IpAddr, SocketAddr};

use wherry_server::config::Host;
use wherry_wire::derp_map::{DerpMap, MapError, Node, Region};

/// Where clients find the relay.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    /// Name or address to dial.
    pub(crate) host: &'a Host,
    /// A listener with TLS: clients speak nothing else.
    pub(crate) tls: SocketAddr,
    /// Port of STUN, if it is answered.
    pub(crate) stun_port: Option<u16>,
    /// Pin of a self-signed certificate.
    pub(crate) pin: Option<String>,
}

/// A region number that the control plane leaves to users (900 to 999).
const REGION: i64 = 900;

impl Place<'_> {
    /// What to paste, in both forms, with a word on where.
    pub(crate) fn text(&self) -> Result<String, MapError> {
        let map = self.map();
        let pin = self.pin.as_ref().map(|pin| format!("Certificate pin: {pin}\n\n")).unwrap_or_default();
        Ok(format!(
            "{pin}For Tailscale, as \"derpMap\" in the policy file (region numbers 900 to 999 are yours):\n\n{}\n\n\
             For Headscale, in a file named under derp.paths:\n\n{}\n",
            map.to_json()?.trim_end(),
            map.to_yaml()?.trim_end(),
        ))
    }

    fn map(&self) -> DerpMap {
        let node = Node {
            name: format!("{REGION}a"),
            region_id: REGION,
            host_name: self.host_name(),
            cert_name: self.pin.clone().unwrap_or_default(),
            ipv4: self.address(IpAddr::is_ipv4),
            ipv6: self.address(IpAddr::is_ipv6),
            // Clients take 0 for the usual port, so a relay without STUN says -1.
            stun_port: self.stun_port.map_or(-1, i64::from),
            derp_port: i64::from(self.tls.port()),
            ..Node::default()
        };
        let region = Region {
            region_id: REGION,
            region_code: "wherry".to_owned(),
            region_name: "Wherry".to_owned(),
            nodes: vec![node],
            ..Region::default()
        };
        DerpMap { regions: [(REGION, Some(region))].into(), ..DerpMap::default() }
    }

    /// The host as a URL has it: stock clients put it into one, and fail on an IPv6 address without brackets.
    fn host_name(&self) -> String {
        match self.host {
            Host::Ip(IpAddr::V6(ip)) => format!("[{ip}]"),
            host => host.to_string(),
        }
    }

    /// The address in one family: empty means "ask DNS", so for an address of the other family it is `none`.
    fn address(&self, family: fn(&IpAddr) -> bool) -> String {
        match self.host {
            Host::Name(_) => String::new(),
            Host::Ip(ip) if family(ip) => ip.to_string(),
            Host::Ip(_) => "none".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_has_brackets_as_a_host_name_alone() {
        let host = Host::parse("2001:db8::7").unwrap();
        let place = Place { host: &host, tls: "[::]:443".parse().unwrap(), stun_port: None, pin: None };
        let map = place.map();
        let node = &map.regions[&REGION].as_ref().unwrap().nodes[0];
        assert_eq!((&*node.host_name, &*node.ipv6, &*node.ipv4), ("[2001:db8::7]", "2001:db8::7", "none"));
    }
}
