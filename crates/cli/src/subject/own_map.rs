//! What a relay says of itself where the question says nothing: on which port it answers STUN.

use std::time::Duration;

use tokio::time::timeout;
use wherry_client::{Dialer, Endpoint};
use wherry_tools::map;
use wherry_wire::derp_map::{DerpMap, Node};

use super::read::{Stun, Subject};

/// Takes the port from the map that the relay serves, if nobody named one and the relay answers within `limit`.
pub(crate) async fn take_stun_port(subject: &mut Subject, dialer: &Dialer, limit: Duration) {
    if !subject.stun.is_some_and(|stun| stun.is_guess) {
        return;
    }
    if let Some(node) = node(&subject.endpoint, dialer, limit).await {
        subject.stun = node.stun_udp_port().map(Stun::at);
    }
}

/// The same for a relay as a map of its own.
pub(crate) async fn take_stun_ports(map: &mut DerpMap, dialer: &Dialer, limit: Duration) {
    for known in map.regions.values_mut().flatten().flat_map(|region| &mut region.nodes) {
        let Ok(endpoint) = Endpoint::node(known) else { continue };
        if let Some(node) = node(&endpoint, dialer, limit).await {
            known.stun_port = node.stun_port;
        }
    }
}

/// The relay's node in its own map. Whom the question does not trust, nobody believes here either.
async fn node(endpoint: &Endpoint, dialer: &Dialer, limit: Duration) -> Option<Node> {
    if !endpoint.is_tls() {
        return None;
    }
    let asked = timeout(limit, map::own_map(dialer, endpoint, endpoint.verify())).await;
    asked.ok()?.at_its_place().cloned()
}
