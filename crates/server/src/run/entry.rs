//! What a map has to say of this relay.

use std::net::{IpAddr, SocketAddr};
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
        can_port_80: answers_on_port_80(settings, host),
        ..Entry::at(&host.to_string(), tls_port)
    }
}

/// Whether clients that look for a captive portal find the relay on port 80 of its host.
fn answers_on_port_80(settings: &Settings, host: &Host) -> bool {
    let is_local = |ip: IpAddr| ip.to_canonical().is_loopback();
    let is_host_local = matches!(host, Host::Ip(ip) if is_local(*ip));
    let plain = settings.listen.iter().filter(|listen| !listen.tls).map(|listen| listen.addr);
    let mut all = plain.chain(settings.http.iter().copied());
    all.any(|addr| addr.port() == 80 && (is_host_local || !is_local(addr.ip())))
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
        let stun_port = addresses.stun.first().map(SocketAddr::port);
        let place = settings.hostnames.first().zip(addresses.tls.first());
        let fixed = place.map(|(host, tls)| entry(settings, host, tls.port(), stun_port, None));
        Self { fixed, certs }
    }

    pub(super) fn now(&self) -> Option<Entry> {
        let pin = self.certs.as_ref().and_then(|certs| certs.pin());
        self.fixed.clone().map(|fixed| Entry { cert_name: pin.unwrap_or_default(), ..fixed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Flag, Sources, key, load};

    /// The entry of a relay with these flags at `host`, on 443 with STUN.
    fn entry_of(host: &str, flags: &[(&str, &str)]) -> Entry {
        let flag = |(name, value): &(&str, &str)| Flag {
            key: key(name).unwrap(),
            values: value.split(',').map(str::to_owned).collect(),
        };
        let flags = flags.iter().chain(&[("hostname", host), ("admit", "open")]).map(flag).collect();
        let env = Environment::of([("STATE_DIRECTORY", "/nowhere")]);
        let settings = load(&Sources { dev: true, env, flags, ..Sources::default() }).unwrap().settings;
        entry(&settings, &settings.hostnames[0], 443, Some(3478), None)
    }

    #[test]
    fn port_80_is_advertised_where_clients_find_the_relay_there() {
        let can = |host, flags: &[(&str, &str)]| entry_of(host, flags).can_port_80;
        assert!(can("192.0.2.7", &[("http", "0.0.0.0:80")]));
        assert!(can("relay.example", &[("http", ":80")]));
        assert!(can("192.0.2.7", &[("listen", "127.0.0.1:443,plain:192.0.2.7:80")]));
        assert!(can("127.0.0.9", &[("http", "127.0.0.9:80")]));
        assert!(!can("192.0.2.7", &[("http", "off")]));
        assert!(!can("192.0.2.7", &[("http", ":8080")]));
        assert!(!can("192.0.2.7", &[("http", "127.0.0.1:80")]), "nobody else gets there");
        assert!(!can("192.0.2.7", &[("listen", "127.0.0.1:80")]), "TLS is not what they speak");
    }
}
