//! The same words as a map, for tools that ask all nodes of one.

use std::net::IpAddr;

use wherry_client::{Endpoint, Family, Verify};
use wherry_wire::derp_map::{DerpMap, Node, Region};

use super::args::{StunPort, SubjectFlags};
use super::entry::alone;
use super::read::{Read, dialled, read};
use super::wrong::BadQuestion;

/// A map that was named, or made of a single relay.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) map: DerpMap,
    /// Nobody named the port of STUN: it is where most relays have it.
    pub(crate) stun_is_guess: bool,
}

/// The map that the words name, or one of the single relay they name.
pub(crate) fn map(words: &str) -> Result<Named, BadQuestion> {
    match read(words)? {
        Read::Map(written) => {
            written.check(usable)?;
            Ok(Named { map: written.map, stun_is_guess: false })
        }
        Read::Endpoint(endpoint) if endpoint.is_tls() && leads_to_derp(words) => {
            Ok(Named { map: of_endpoint(&endpoint), stun_is_guess: true })
        }
        Read::Endpoint(_) => Err(BadQuestion::NotOfMaps { url: words.to_owned() }),
    }
}

/// Whether any node of the map can be used.
pub(crate) fn usable(map: &DerpMap) -> Result<(), BadQuestion> {
    let nodes: Vec<_> = map.live_regions().flat_map(|(_, region)| &region.nodes).map(dialled).collect();
    if nodes.iter().any(Result::is_ok) {
        return Ok(());
    }
    let why = nodes.into_iter().find_map(Result::err);
    Err(why.unwrap_or(BadQuestion::NoRelay))
}

/// Whether the URL has the path that every client asks for, or none.
pub(crate) fn leads_to_derp(words: &str) -> bool {
    let host_and_path = words.split_once("://").map_or(words, |(_, rest)| rest);
    matches!(host_and_path.split_once('/'), None | Some((_, "" | "derp")))
}

fn of_endpoint(endpoint: &Endpoint) -> DerpMap {
    let host = endpoint.host().to_owned();
    // An address has no other family: nobody need ask.
    let (ipv4, ipv6, host_name) = match host.parse() {
        Ok(IpAddr::V4(_)) => (host.as_str(), OFF, host.clone()),
        Ok(IpAddr::V6(_)) => (OFF, host.as_str(), format!("[{host}]")),
        Err(_) => ("", "", host.clone()),
    };
    let node = Node {
        ipv4: ipv4.to_owned(),
        ipv6: ipv6.to_owned(),
        name: host.clone(),
        host_name,
        derp_port: i64::from(endpoint.port()),
        insecure_for_tests: *endpoint.verify() == Verify::Nothing,
        ..Node::default()
    };
    alone(Region { region_code: host.clone(), region_name: host, nodes: vec![node], ..Region::default() })
}

/// Flags win over the entries.
pub(crate) fn adjust(map: &mut DerpMap, flags: &SubjectFlags) {
    let nodes = map.regions.values_mut().flatten().flat_map(|region| &mut region.nodes);
    for node in nodes {
        if let Some(pin) = flags.pin {
            node.cert_name = pin.to_string();
        } else if flags.insecure {
            // A name would be enforced though verification is off.
            node.cert_name = String::new();
            node.insecure_for_tests = true;
        }
        match flags.family() {
            Some(Family::V4) => node.ipv6 = OFF.to_owned(),
            Some(Family::V6) => node.ipv4 = OFF.to_owned(),
            None => {}
        }
        match flags.stun_port {
            Some(StunPort::Off) => node.stun_port = -1,
            Some(StunPort::At(port)) => node.stun_port = i64::from(port),
            None => {}
        }
    }
}

/// What a map says of a family that a node does not have.
const OFF: &str = "none";

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    const PIN: &str = "sha256-raw:0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a";

    #[derive(clap::Parser)]
    struct Line {
        relay: String,
        #[command(flatten)]
        flags: SubjectFlags,
    }

    fn node(words: &[&str]) -> Node {
        let line = Line::try_parse_from([&["netcheck"], words].concat()).unwrap();
        let mut map = map(&line.relay).unwrap().map;
        adjust(&mut map, &line.flags);
        let mut nodes: Vec<_> = map.live_regions().flat_map(|(_, region)| region.nodes.clone()).collect();
        assert_eq!(nodes.len(), 1);
        nodes.remove(0)
    }

    #[test]
    fn one_relay_is_a_map_of_one_region() {
        let found = node(&["relay.example:8443"]);
        assert_eq!(
            (found.host_name.as_str(), found.derp_port, found.region_id),
            ("relay.example", 8443, 900)
        );
        assert_eq!((found.ipv4, found.ipv6), (String::new(), String::new()));
        let six = node(&["https://[2001:db8::7]:8443/derp"]);
        assert_eq!((six.ipv4, six.ipv6), ("none".into(), "2001:db8::7".into()));
        assert_eq!(six.host_name, "[2001:db8::7]");
        let four = node(&["192.0.2.7"]);
        assert_eq!((four.ipv4, four.ipv6), ("192.0.2.7".into(), "none".into()));
        let entry = r#"{"Name":"901a","RegionID":901,"HostName":"192.0.2.7"}"#;
        assert_eq!((node(&[entry]).name, node(&[entry]).region_id), ("901a".into(), 901));
    }

    #[test]
    fn flags_change_every_node() {
        assert_eq!(node(&["relay.example", "--pin", PIN]).cert_name, PIN);
        let pinned = format!(r#"{{"HostName":"192.0.2.7","CertName":"{PIN}"}}"#);
        let insecure = node(&[&pinned, "--insecure"]);
        assert_eq!((insecure.cert_name.as_str(), insecure.insecure_for_tests), ("", true));
        let only = node(&["relay.example", "-6", "--stun-port", "off"]);
        assert_eq!((only.ipv4.as_str(), only.ipv6.as_str(), only.stun_port), ("none", "", -1));
        assert_eq!(node(&["relay.example", "-4", "--stun-port", "99"]).stun_port, 99);
    }

    #[test]
    fn what_no_map_can_say_is_refused() {
        for url in ["http://relay.example", "https://relay.example/other"] {
            assert!(matches!(map(url), Err(BadQuestion::NotOfMaps { .. })), "{url}");
        }
        assert!(matches!(map(r#"{"Regions":{"900":{"Nodes":[]}}}"#), Err(BadQuestion::NoRelay)));
    }
}
