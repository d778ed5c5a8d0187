//! The bridge in the middle, public hosts on it, and clients behind routers.

use super::host::Host;
use super::router::{Nat, rules};
use std::net::{Ipv4Addr, Ipv6Addr};

/// The bridge that everything public is plugged into.
#[derive(Debug)]
pub(crate) struct Internet {
    scenario: &'static str,
    bridge: Host,
}

impl Internet {
    /// An internet without hosts, for one scenario.
    ///
    /// # Errors
    /// A command failed.
    pub(crate) fn new(scenario: &'static str) -> Result<Self, String> {
        let bridge = Host::new(scenario, "internet")?;
        bridge.ip("link add bridge type bridge mcast_snooping 0")?;
        bridge.ip("link set bridge up")?;
        Ok(Self { scenario, bridge })
    }

    /// A host at `203.0.113.N` and `2001:db8::N`.
    ///
    /// # Errors
    /// A command failed.
    pub(crate) fn public(&self, name: &str, number: u8) -> Result<Host, String> {
        let mut host = self.plugged(name)?;
        let (v4, v6) = (public_v4(number), public_v6(number));
        host.ip(&format!("addr add {v4}/24 dev eth0"))?;
        host.ip(&format!("addr add {v6}/64 dev eth0 nodad"))?;
        (host.v4, host.v6) = (Some(v4), Some(v6));
        Ok(host)
    }

    /// A client whose router, at `203.0.113.N` or `2001:db8::N`, does `nat`.
    ///
    /// # Errors
    /// A command failed.
    pub(crate) fn behind(&self, name: &str, number: u8, nat: Nat) -> Result<Behind, String> {
        let router = self.plugged(&format!("{name}-router"))?;
        router.forward()?;
        router.nft(&rules(nat))?;
        let mut client = Host::new(self.scenario, name)?;
        router.ip(&format!("link add lan0 type veth peer name eth0 netns {}", client.namespace))?;
        router.ip("link set lan0 up")?;
        client.ip("link set eth0 up")?;
        if nat == Nat::V6Only {
            let (inner, outer) = (lan_v6(number), public_v6(number));
            router.ip(&format!("addr add {outer}/64 dev eth0 nodad"))?;
            router.ip(&format!("addr add {}/64 dev lan0 nodad", inner.router))?;
            client.ip(&format!("addr add {}/64 dev eth0 nodad", inner.client))?;
            client.ip(&format!("-6 route add default via {}", inner.router))?;
            client.v6 = Some(inner.client);
        } else {
            router.ip(&format!("addr add {}/24 dev eth0", public_v4(number)))?;
            router.ip(&format!("addr add 192.168.{number}.1/24 dev lan0"))?;
            let inner = Ipv4Addr::new(192, 168, number, 2);
            client.ip(&format!("addr add {inner}/24 dev eth0"))?;
            client.ip(&format!("route add default via 192.168.{number}.1"))?;
            client.v4 = Some(inner);
        }
        Ok(Behind { client, router, outer: public_v4(number) })
    }

    /// Tells a public host the way to the clients behind a router without NAT.
    ///
    /// # Errors
    /// The command failed.
    pub(crate) fn teach(&self, host: &Host, number: u8) -> Result<(), String> {
        host.ip(&format!("-6 route add {}/64 via {}", lan_v6(number).net, public_v6(number)))
    }

    fn plugged(&self, name: &str) -> Result<Host, String> {
        let host = Host::new(self.scenario, name)?;
        host.ip(&format!("link add eth0 type veth peer name {name} netns {}", self.bridge.namespace))?;
        self.bridge.ip(&format!("link set {name} master bridge up"))?;
        host.ip("link set eth0 up")?;
        Ok(host)
    }
}

/// A client and the router before it.
#[derive(Debug)]
pub(crate) struct Behind {
    /// The client.
    pub(crate) client: Host,
    /// Its router.
    pub(crate) router: Host,
    /// The router's public IPv4 address, unless it has IPv6 alone.
    pub(crate) outer: Ipv4Addr,
}

struct Lan {
    net: Ipv6Addr,
    router: Ipv6Addr,
    client: Ipv6Addr,
}

const fn public_v4(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(203, 0, 113, number)
}

fn public_v6(number: u8) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(number))
}

fn lan_v6(number: u8) -> Lan {
    let at = |last| Ipv6Addr::new(0x2001, 0xdb8, 0, u16::from(number), 0, 0, 0, last);
    Lan { net: at(0), router: at(1), client: at(2) }
}
