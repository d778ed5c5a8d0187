//! What this host knows of its own network: addresses, interfaces, the way out.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

use super::plan::Families;

/// One address of an interface that is up.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Own {
    interface: String,
    ip: IpAddr,
}

/// This host's network as its system describes it.
#[derive(Debug, Clone, Default)]
pub(super) struct Host {
    addresses: Vec<Own>,
    gateway: Option<Gateway>,
}

/// The router that a home network has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gateway {
    pub(super) ip: Ipv4Addr,
    /// This host's address towards it.
    pub(super) own: Ipv4Addr,
}

/// Where Linux lists its IPv4 routes.
const ROUTES: &str = "/proc/net/route";
/// More routes than this has no home router.
const MAX_ROUTES: usize = 1000;

impl Host {
    /// Asks the system. Without a list of routes there is no gateway.
    ///
    /// # Errors
    /// The system does not list its addresses.
    pub(super) fn read() -> io::Result<Self> {
        let mut addresses = Vec::new();
        for entry in getifaddrs()? {
            let is_up = entry.flags.contains(InterfaceFlags::IFF_UP);
            let is_own_tunnel = entry.interface_name.starts_with("tailscale");
            let v4 = || Some(IpAddr::from(entry.address.as_ref()?.as_sockaddr_in()?.ip()));
            let v6 = || Some(IpAddr::from(entry.address.as_ref()?.as_sockaddr_in6()?.ip()));
            if let Some(ip) = v4().or_else(v6).filter(|_| is_up && !is_own_tunnel) {
                addresses.push(Own { interface: entry.interface_name.clone(), ip });
            }
        }
        let routes = std::fs::read_to_string(ROUTES).unwrap_or_default();
        Ok(Self::of(addresses, &routes))
    }

    fn of(addresses: Vec<Own>, routes: &str) -> Self {
        let gateway = routes.lines().skip(1).take(MAX_ROUTES).find_map(private_gateway);
        let own = |interface: &str| {
            addresses.iter().find_map(|own| match own.ip {
                IpAddr::V4(ip) if own.interface == interface => Some(ip),
                _ => None,
            })
        };
        let gateway = gateway.and_then(|(interface, ip)| Some(Gateway { ip, own: own(interface)? }));
        Self { addresses, gateway }
    }

    pub(super) fn gateway(&self) -> Option<Gateway> {
        self.gateway
    }

    /// Which families could reach something beyond this host.
    pub(super) fn families(&self) -> Families {
        Families {
            v4: self.addresses.iter().any(|own| matches!(own.ip, IpAddr::V4(ip) if is_usable_v4(ip))),
            v6: self.addresses.iter().any(|own| matches!(own.ip, IpAddr::V6(ip) if is_usable_v6(ip))),
        }
    }

    /// Whether who asked from this port was seen at it and at an address of this host that everybody reaches.
    pub(super) fn is_public_at(&self, seen: SocketAddr, from: Option<u16>) -> bool {
        let ip = seen.ip();
        let is_public = match ip {
            IpAddr::V4(ip) => is_usable_v4(ip) && !ip.is_private() && !is_shared(ip),
            IpAddr::V6(_) => false,
        };
        is_public && from == Some(seen.port()) && self.addresses.iter().any(|own| own.ip == ip)
    }

    /// Interfaces behind which a captive portal could be: those with an address that are no tunnel.
    pub(super) fn interfaces(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for own in self.addresses.iter().filter(|own| !own.ip.is_loopback() && !is_virtual(&own.interface)) {
            if !names.contains(&own.interface) {
                names.push(own.interface.clone());
            }
        }
        names
    }
}

fn is_usable_v4(ip: Ipv4Addr) -> bool {
    !ip.is_loopback() && !ip.is_link_local()
}

/// What carriers share out behind their NATs: 100.64.0.0/10.
fn is_shared(ip: Ipv4Addr) -> bool {
    matches!(ip.octets(), [100, 64..=127, ..])
}

/// Global, or unique-local outside of the tailnet's own prefix.
fn is_usable_v6(ip: Ipv6Addr) -> bool {
    let is_global = ip.segments()[0] & 0xe000 == 0x2000;
    let is_of_tailnet = ip.segments()[..3] == [0xfd7a, 0x115c, 0xa1e0];
    is_global || ip.is_unique_local() && !is_of_tailnet
}

/// Source: tailscale: net/captivedetection/captivedetection.go, `interfaceNameDoesNotNeedCaptiveDetection`.
fn is_virtual(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["lo", "tailscale", "tun", "tap", "docker", "kube", "wg", "ipsec"].iter().any(|prefix| match *prefix {
        "lo" => name == "lo",
        prefix => name.starts_with(prefix),
    })
}

/// The interface and gateway of a route that is up and leads over a router with a private address.
fn private_gateway(line: &str) -> Option<(&str, Ipv4Addr)> {
    const UP_BY_GATEWAY: u32 = 0x3;
    let mut fields = line.split_ascii_whitespace();
    let interface = fields.next()?;
    let gateway = u32::from_str_radix(fields.nth(1)?, 16).ok()?;
    let flags = u32::from_str_radix(fields.next()?, 16).ok()?;
    // The kernel writes the address as a number of its own byte order.
    let ip = Ipv4Addr::from(gateway.to_ne_bytes());
    (flags & UP_BY_GATEWAY == UP_BY_GATEWAY && ip.is_private()).then_some((interface, ip))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(addresses: &[(&str, &str)], routes: &str) -> Host {
        let own =
            |(interface, ip): &(&str, &str)| Own { interface: (*interface).into(), ip: ip.parse().unwrap() };
        Host::of(addresses.iter().map(own).collect(), routes)
    }

    fn route(interface: &str, gateway: [u8; 4], flags: &str) -> String {
        format!("{interface}\t00000000\t{:08X}\t{flags}\t0\t0\t0\t00000000\n", u32::from_ne_bytes(gateway))
    }

    #[test]
    fn loopback_link_local_and_the_tailnets_own_addresses_reach_nothing() {
        let families =
            |ips: &[&str]| host(&ips.iter().map(|ip| ("eth0", *ip)).collect::<Vec<_>>(), "").families();
        for nothing in ["127.0.0.1", "169.254.1.1", "::1", "fe80::1", "fd7a:115c:a1e0::1"] {
            assert_eq!(families(&[nothing]), Families::default(), "{nothing}");
        }
        assert_eq!(families(&["10.0.0.1"]), Families { v4: true, v6: false });
        assert_eq!(families(&["2001:db8::1"]), Families { v4: false, v6: true });
        assert_eq!(families(&["fd00::1", "192.0.2.1"]), Families { v4: true, v6: true });
    }

    #[test]
    fn the_gateway_is_the_first_private_one_of_a_route_that_is_up() {
        let heading = "Iface\tDestination\tGateway\tFlags\n";
        let routes = [
            heading,
            &route("eth1", [10, 0, 0, 1], "0002"),
            &route("eth1", [192, 0, 2, 1], "0003"),
            &route("eth0", [192, 168, 1, 1], "0003"),
        ]
        .concat();
        let found = host(&[("eth1", "10.0.0.2"), ("eth0", "192.168.1.7")], &routes).gateway().unwrap();
        assert_eq!(found, Gateway { ip: [192, 168, 1, 1].into(), own: [192, 168, 1, 7].into() });
        for routes in ["", heading, "x\nnonsense", &[heading, "eth0\t0\tZZ\t0003"].concat()] {
            assert!(host(&[("eth0", "192.168.1.7")], routes).gateway().is_none(), "{routes}");
        }
    }

    #[test]
    fn an_own_address_is_public_unless_it_is_one_of_a_private_network_or_the_port_is_another() {
        let addresses = ["203.0.113.9", "192.168.1.7", "100.64.0.9", "127.0.0.1"];
        let host = host(&addresses.map(|ip| ("eth0", ip)), "");
        let public: Vec<_> =
            ["203.0.113.9", "203.0.113.8", "192.168.1.7", "100.64.0.9", "127.0.0.1", "2001:db8::1"]
                .into_iter()
                .filter(|ip| host.is_public_at(SocketAddr::new(ip.parse().unwrap(), 7), Some(7)))
                .collect();
        assert_eq!(public, ["203.0.113.9"]);
        let seen = SocketAddr::from(([203, 0, 113, 9], 7));
        assert!(!host.is_public_at(seen, Some(8)) && !host.is_public_at(seen, None), "somebody changes it");
    }

    #[test]
    fn tunnels_and_bridges_of_containers_have_no_portal() {
        let addresses = ["lo", "eth0", "wg0", "docker0", "eth0", "wlan0", "lowpan0", "Tun1"];
        let found = host(&addresses.map(|name| (name, "192.0.2.1")), "").interfaces();
        assert_eq!(found, ["eth0", "wlan0", "lowpan0"]);
    }

    #[test]
    fn this_system_lists_its_addresses() {
        assert!(!Host::read().unwrap().addresses.is_empty());
    }
}
