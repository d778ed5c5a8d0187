//! Which families of an endpoint are tried, where, and after which delay.

use std::net::IpAddr;
use std::time::Duration;

use crate::target::{Address, Endpoint, Family};

/// How long the other family waits for the preferred one.
pub(super) const HEAD_START: Duration = Duration::from_millis(200);

/// One family to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Try {
    pub(super) family: Family,
    pub(super) at: At,
}

/// Where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum At {
    Address(IpAddr),
    /// Whatever addresses of the family this name has.
    Name(String),
}

/// The families to try, the preferred first; empty if both are off.
///
/// Source: tailscale: derp/derphttp/derphttp_client.go, `dialNode`.
pub(super) fn plan(endpoint: &Endpoint, preferred: Family) -> Vec<Try> {
    let order = match preferred {
        Family::V4 => [Family::V4, Family::V6],
        Family::V6 => [Family::V6, Family::V4],
    };
    order.into_iter().filter_map(|family| Some(Try { family, at: at(endpoint, family)? })).collect()
}

fn at(endpoint: &Endpoint, family: Family) -> Option<At> {
    let address = match family {
        Family::V4 => endpoint.v4,
        Family::V6 => endpoint.v6,
    };
    match address {
        Address::Off => None,
        Address::Is(ip) => Some(At::Address(ip)),
        Address::OfHost => {
            let host = endpoint.dial_host.as_ref().unwrap_or(&endpoint.host);
            match host.parse::<IpAddr>() {
                Ok(ip) if ip.is_ipv4() == (family == Family::V4) => Some(At::Address(ip)),
                Ok(_) => None,
                Err(_) => Some(At::Name(host.clone())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str) -> Endpoint {
        url.parse().unwrap()
    }

    fn address(family: Family, text: &str) -> Try {
        Try { family, at: At::Address(text.parse().unwrap()) }
    }

    fn name(family: Family, text: &str) -> Try {
        Try { family, at: At::Name(text.into()) }
    }

    #[test]
    fn a_name_is_tried_by_both_families_the_preferred_first() {
        let endpoint = endpoint("https://relay.example");
        let (v4, v6) = (name(Family::V4, "relay.example"), name(Family::V6, "relay.example"));
        assert_eq!(plan(&endpoint, Family::V4), [v4.clone(), v6.clone()]);
        assert_eq!(plan(&endpoint, Family::V6), [v6, v4]);
    }

    #[test]
    fn a_literal_host_is_tried_by_its_own_family_only() {
        assert_eq!(plan(&endpoint("https://192.0.2.7"), Family::V6), [address(Family::V4, "192.0.2.7")]);
        assert_eq!(
            plan(&endpoint("https://[2001:db8::7]"), Family::V4),
            [address(Family::V6, "2001:db8::7")]
        );
    }

    #[test]
    fn an_address_of_the_map_wins_over_the_host_and_off_is_off() {
        let mut node = endpoint("https://192.0.2.7");
        node.v4 = Address::Is("192.0.2.9".parse().unwrap());
        node.v6 = Address::Is("2001:db8::9".parse().unwrap());
        let expected = [address(Family::V4, "192.0.2.9"), address(Family::V6, "2001:db8::9")];
        assert_eq!(plan(&node, Family::V4), expected);
        node.v4 = Address::Off;
        assert_eq!(plan(&node, Family::V4), [address(Family::V6, "2001:db8::9")]);
        node.v6 = Address::Off;
        assert_eq!(plan(&node, Family::V4), []);
    }

    #[test]
    fn a_dial_host_replaces_host_and_addresses() {
        let node = endpoint("https://relay.example").with_dial_host("192.0.2.9");
        assert_eq!(plan(&node, Family::V4), [address(Family::V4, "192.0.2.9")]);
    }
}
