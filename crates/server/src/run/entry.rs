//! What a map has to say of this relay.

use std::sync::Arc;

use wherry_wire::derp_map::Entry;

use crate::admin::Addresses;
use crate::config::{Host, Settings};
use crate::tls::Certs;

/// The entry of a relay with these settings that clients reach as `host` on `tls_port`.
#[must_use]
pub fn entry(
    settings: &Settings,
    host: &Host,
    tls_port: u16,
    stun_port: Option<u16>,
    pin: Option<String>,
) -> Entry {
    let map = &settings.map;
    Entry {
        region_id: map.region_id,
        region_code: map.region_code.clone(),
        region_name: map.region_name.clone(),
        node_name: map.node_name.clone(),
        stun_port,
        cert_name: pin.unwrap_or_default(),
        ..Entry::at(&host.to_string(), tls_port)
    }
}

/// The entry of the relay that runs, whose pin changes with its certificate.
#[derive(Debug, Clone)]
pub(super) struct OwnEntry {
    /// Without the pin; none without a host name and a listener that speaks TLS.
    fixed: Option<Entry>,
    certs: Option<Arc<Certs>>,
}

impl OwnEntry {
    pub(super) fn new(settings: &Settings, addresses: &Addresses, certs: Option<Arc<Certs>>) -> Self {
        let stun_port = addresses.stun.first().map(std::net::SocketAddr::port);
        let place = settings.hostnames.first().zip(addresses.tls.first());
        let fixed = place.map(|(host, tls)| entry(settings, host, tls.port(), stun_port, None));
        Self { fixed, certs }
    }

    pub(super) fn now(&self) -> Option<Entry> {
        let pin = self.certs.as_ref().and_then(|certs| certs.pin());
        self.fixed.clone().map(|fixed| Entry { cert_name: pin.unwrap_or_default(), ..fixed })
    }
}
