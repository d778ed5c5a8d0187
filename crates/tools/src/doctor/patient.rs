//! Who is examined.

use std::net::IpAddr;

use wherry_client::{Endpoint, NodePrivate, Pin};
use wherry_wire::derp_map::DerpMap;

/// A relay, and what the one who asks knows of it.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_structs, reason = "callers write it as a literal")]
pub struct Patient {
    /// The relay, with the rule for its certificate that clients have.
    pub endpoint: Endpoint,
    /// The region of a map that was asked about, with this node alone; none if the relay was named in another way.
    pub map: Option<DerpMap>,
    /// UDP port of STUN, if it is to be asked.
    pub stun_port: Option<u16>,
    /// Where STUN is, if not where TCP goes.
    pub stun_ip: Option<IpAddr>,
    /// Where STUN is asked for if TCP reaches nothing and the name is not to be resolved: an address of the map.
    pub ip: Option<IpAddr>,
    /// Nobody named the port: it is the usual one.
    pub stun_is_guess: bool,
    /// A node that the relay admits, for what is behind the admission.
    pub key: Option<NodePrivate>,
    /// It runs on this host, as is known from its settings.
    pub is_here: bool,
    /// It is meant that anybody may use it.
    pub is_open: bool,
}

impl Patient {
    /// What the map that was asked about has of it, with this pin and this port of STUN, if any.
    pub(super) fn corrected(&self, pin: Option<Pin>, stun_port: Option<u16>) -> Option<DerpMap> {
        let mut map = self.map.clone()?;
        for node in map.regions.values_mut().flatten().flat_map(|region| &mut region.nodes) {
            if let Some(pin) = pin {
                node.cert_name = pin.to_string();
            }
            if let Some(port) = stun_port {
                node.stun_port = port.into();
            }
        }
        Some(map)
    }

    /// Whether the map that was asked about says that it answers no STUN.
    pub(super) fn is_without_stun(&self) -> bool {
        let mut nodes = self.map.iter().flat_map(DerpMap::live_regions).flat_map(|(_, region)| &region.nodes);
        nodes.any(|node| node.stun_udp_port().is_none())
    }
}
