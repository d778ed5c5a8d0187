//! Nodes and regions of a DERP map.

use std::net::IpAddr;
use std::time::Duration;

use rustls::pki_types::ServerName;
use wherry_wire::derp_map::{Address as MapAddress, Node, Region};

use super::endpoint::{Address, Endpoint, Scheme, Target, TargetError, server_name};
use crate::tls::{Pin, Verify};

/// How long stock clients wait for the TCP connection to one node.
///
/// Source: tailscale: derp/derphttp/derphttp_client.go, `dialNodeTimeout`.
const PER_NODE: Duration = Duration::from_millis(1500);

impl Target {
    /// One node of a map, as stock clients dial it: 1.5 seconds for its TCP connection.
    ///
    /// # Errors
    /// [`TargetError`]; [`TargetError::StunOnly`] if it serves STUN only.
    pub fn node(node: &Node) -> Result<Self, TargetError> {
        if node.stun_only {
            return Err(TargetError::StunOnly { node: node.name.clone() });
        }
        Ok(Self { per_endpoint: Some(PER_NODE), ..Self::one(Endpoint::node(node)?) })
    }

    /// A region of a map: its nodes in order, without those that serve STUN only.
    ///
    /// A node that is not the region's first tells the relay so, as stock clients do.
    ///
    /// # Errors
    /// [`TargetError`] of any node; [`TargetError::NoNode`] if none is left.
    pub fn region(region: &Region) -> Result<Self, TargetError> {
        let ideal = region.nodes.first().map(|node| node.name.as_str());
        let mut endpoints = Vec::new();
        for node in region.nodes.iter().filter(|node| !node.stun_only) {
            let ideal_node = ideal.filter(|ideal| *ideal != node.name).map(str::to_owned);
            endpoints.push(Endpoint { ideal_node, ..Endpoint::node(node)? });
        }
        if endpoints.is_empty() {
            return Err(TargetError::NoNode { region: region.region_id });
        }
        Ok(Self { endpoints, per_endpoint: Some(PER_NODE), in_small_segments: false })
    }
}

impl Endpoint {
    /// A node of a map, whether or not it relays.
    ///
    /// # Errors
    /// [`TargetError::Host`], [`TargetError::NoBrackets`], [`TargetError::Port`], [`TargetError::Pin`], [`TargetError::CertName`].
    pub fn node(node: &Node) -> Result<Self, TargetError> {
        let bad_port = TargetError::Port { port: node.derp_port };
        let port = node.derp_tcp_port().filter(|port| *port != 0).ok_or(bad_port)?;
        if let Ok(ip) = node.host_name.parse() {
            return Err(TargetError::NoBrackets { node: node.name.clone(), ip });
        }
        let host = node.host_name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let host = host.unwrap_or(&node.host_name);
        Ok(Self {
            label: if node.name.is_empty() { node.host_name.clone() } else { node.name.clone() },
            scheme: Scheme::Https,
            host: host.to_owned(),
            server_name: server_name(host)?,
            port,
            path: "/derp".to_owned(),
            verify: verify(node)?,
            v4: address(node.ipv4_address()),
            v6: address(node.ipv6_address()),
            dial_host: None,
            ideal_node: None,
        })
    }
}

/// A certificate name is enforced even where verification is switched off, as stock clients do.
fn verify(node: &Node) -> Result<Verify, TargetError> {
    let cert_name = node.cert_name.as_str();
    match cert_name {
        "" if node.insecure_for_tests => Ok(Verify::Nothing),
        "" => Ok(Verify::Host),
        name if name == node.host_name => Ok(Verify::Host),
        name if is_meant_as_pin(name) => name
            .parse::<Pin>()
            .map(Verify::Pin)
            .map_err(|reason| TargetError::Pin { node: node.name.clone(), reason }),
        name => ServerName::try_from(name.to_owned())
            .map(Verify::Name)
            .map_err(|_| TargetError::CertName { node: node.name.clone(), cert_name: cert_name.to_owned() }),
    }
}

/// A DNS name has no colon; an address has, but not after these letters.
fn is_meant_as_pin(cert_name: &str) -> bool {
    cert_name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("sha")) && cert_name.contains(':')
}

fn address<Ip: Into<IpAddr>>(address: MapAddress<Ip>) -> Address {
    match address {
        MapAddress::Dns => Address::OfHost,
        MapAddress::Fixed(ip) => Address::Is(ip.into()),
        MapAddress::Off => Address::Off,
    }
}

#[cfg(test)]
#[path = "map_tests.rs"]
mod tests;
