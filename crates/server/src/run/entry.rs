//! What a map has to say of this relay.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use wherry_wire::derp_map::Entry;

use crate::admin::Addresses;
use crate::config::{Host, Settings};
use crate::tls::Certs;

/// The entry of a relay with these settings at `host`, which listens on `tls_port` and answers STUN on `stun_port`, if on
/// any; what the settings say of the map wins. None if nobody says where TLS is spoken, or if DERP is not: clients would make
/// it their home, as its STUN answers.
#[must_use]
pub fn entry(
    settings: &Settings,
    host: &Host,
    tls_port: Option<u16>,
    stun_port: Option<u16>,
    pin: Option<String>,
) -> Option<Entry> {
    let map = &settings.map;
    if !settings.derp {
        return None;
    }
    Some(Entry {
        region_id: map.region_id,
        region_code: map.region_code.clone(),
        region_name: map.region_name.clone(),
        node_name: map.node_name.clone(),
        ipv4: map.ipv4.clone(),
        ipv6: map.ipv6.clone(),
        stun_port: stun_port.map(|own| map.stun_port.unwrap_or(own)),
        cert_name: pin.unwrap_or_default(),
        // Who publishes one port as another is not known to publish port 80 as itself.
        can_port_80: map.port.is_none() && answers_on_port_80(settings, host),
        ..Entry::at(&host.to_string(), map.port.or(tls_port)?)
    })
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
    /// Without the pin; none without a host name, or without a place where TLS is spoken.
    fixed: Option<Entry>,
    certs: Option<Arc<Certs>>,
}

impl OwnEntry {
    pub(super) fn new(settings: &Settings, addresses: &Addresses, certs: Option<Arc<Certs>>) -> Self {
        let port = |addrs: &[SocketAddr]| addrs.first().map(SocketAddr::port);
        let (tls, stun) = (port(&addresses.tls), port(&addresses.stun));
        let fixed = settings.hostnames.first().and_then(|host| entry(settings, host, tls, stun, None));
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

    /// Settings of a relay at `host` with these flags.
    fn settings(host: &str, flags: &[(&str, &str)]) -> Settings {
        let flag = |(name, value): &(&str, &str)| Flag {
            key: key(name).unwrap(),
            values: value.split(',').map(str::to_owned).collect(),
        };
        let flags = flags.iter().chain(&[("hostname", host), ("admit", "open")]).map(flag).collect();
        let env = Environment::of([("STATE_DIRECTORY", "/nowhere")]);
        load(&Sources { dev: true, env, flags, ..Sources::default() }).unwrap().settings
    }

    /// The entry of one that listens on 443 and answers STUN.
    fn entry_of(host: &str, flags: &[(&str, &str)]) -> Entry {
        let settings = settings(host, flags);
        entry(&settings, &settings.hostnames[0], Some(443), Some(3478), None).unwrap()
    }

    #[test]
    fn port_80_is_advertised_where_clients_find_the_relay_there() {
        let can = |host, flags: &[(&str, &str)]| entry_of(host, flags).can_port_80;
        assert!(can("192.0.2.7", &[("http", "0.0.0.0:80")]));
        assert!(can("relay.example", &[("http", ":80")]));
        assert!(can("192.0.2.7", &[("listen", "127.0.0.1:443,plain:192.0.2.7:80")]));
        assert!(can("127.0.0.9", &[("http", "127.0.0.9:80")]));
        assert!(!can("192.0.2.7", &[("http", ":80"), ("map.port", "8443")]), "who knows what is published");
        assert!(!can("192.0.2.7", &[("http", "off")]));
        assert!(!can("192.0.2.7", &[("http", ":8080")]));
        assert!(!can("192.0.2.7", &[("http", "127.0.0.1:80")]), "nobody else gets there");
        assert!(!can("192.0.2.7", &[("listen", "127.0.0.1:80")]), "TLS is not what they speak");
    }

    #[test]
    fn what_the_relay_cannot_know_is_taken_from_the_settings() {
        let said = [
            ("map.ipv6", "2001:db8::7"),
            ("map.port", "12345"),
            ("map.stun_port", "12346"),
            ("map.region_id", "901"),
        ];
        let map = entry_of("192.0.2.7", &said).map();
        let node = map.regions[&901].as_ref().unwrap().nodes[0].clone();
        let found = (&*node.ipv4, &*node.ipv6, node.derp_port, node.stun_port);
        assert_eq!(found, ("192.0.2.7", "2001:db8::7", 12345, 12346));
    }

    #[test]
    fn a_host_that_relays_nothing_has_no_entry() {
        let settings = settings("relay.example", &[("derp", "false")]);
        assert_eq!(entry(&settings, &settings.hostnames[0], Some(443), Some(3478), None), None);
    }

    #[test]
    fn without_tls_and_without_a_public_port_there_is_no_entry() {
        let behind_a_proxy = [("listen", "plain:127.0.0.1:8080"), ("map.port", "443")];
        let at = |flags| {
            let settings = settings("relay.example", flags);
            entry(&settings, &settings.hostnames[0], None, None, None)
        };
        assert_eq!(at(&behind_a_proxy[..1]), None);
        let entry = at(&behind_a_proxy).unwrap();
        assert_eq!((entry.derp_port, entry.stun_port, &*entry.cert_name), (443, None, ""));
    }
}
