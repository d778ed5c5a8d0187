use super::*;
use crate::tls::BadPin;

const PIN: &str = "sha256-raw:0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a";

fn node(name: &str) -> Node {
    Node { name: name.into(), host_name: "relay.example".into(), ..Node::default() }
}

fn verify_of(cert_name: &str, insecure_for_tests: bool) -> Result<Verify, TargetError> {
    Endpoint::node(&Node { cert_name: cert_name.into(), insecure_for_tests, ..node("900a") })
        .map(|node| node.verify)
}

#[test]
fn an_entry_without_port_is_dialled_on_443_by_tls_at_the_derp_path() {
    let target = Target::node(&node("900a")).unwrap();
    let [endpoint] = target.endpoints() else { panic!("{target:?}") };
    assert_eq!((endpoint.label(), endpoint.host(), endpoint.port()), ("900a", "relay.example", 443));
    assert!(endpoint.is_tls());
    assert_eq!(endpoint.path, "/derp");
    assert_eq!(endpoint.authority(), "relay.example");
    assert_eq!(target.per_endpoint, Some(Duration::from_millis(1500)));
}

#[test]
fn address_fields_are_used_looked_up_or_switched_off() {
    let addresses = |ipv4: &str, ipv6: &str| {
        let node = Endpoint::node(&Node { ipv4: ipv4.into(), ipv6: ipv6.into(), ..node("900a") }).unwrap();
        (node.v4, node.v6)
    };
    let (v4, v6): (IpAddr, IpAddr) = ("192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap());
    assert_eq!(addresses("", ""), (Address::OfHost, Address::OfHost));
    assert_eq!(addresses("192.0.2.7", "2001:db8::7"), (Address::Is(v4), Address::Is(v6)));
    assert_eq!(addresses("none", "none"), (Address::Off, Address::Off));
    assert_eq!(addresses("2001:db8::7", "192.0.2.7"), (Address::Off, Address::Off));
}

#[test]
fn the_certificate_name_is_a_rule_that_insecure_does_not_soften() {
    let pin = Verify::Pin(PIN.parse().unwrap());
    let name = Verify::Name(ServerName::try_from("other.example").unwrap());
    for insecure in [false, true] {
        assert_eq!(verify_of(PIN, insecure), Ok(pin.clone()));
        assert_eq!(verify_of("other.example", insecure), Ok(name.clone()));
        assert_eq!(verify_of("relay.example", insecure), Ok(Verify::Host));
    }
    assert_eq!(verify_of("", false), Ok(Verify::Host));
    assert_eq!(verify_of("", true), Ok(Verify::Nothing));
}

#[test]
fn a_pin_that_cannot_be_read_is_an_error_and_never_another_rule() {
    let err = |reason| Err(TargetError::Pin { node: "900a".into(), reason });
    assert_eq!(verify_of("sha256-raw:", true), err(BadPin::Length { found: 0 }));
    assert_eq!(verify_of(&PIN[..70], true), err(BadPin::Length { found: 59 }));
    assert_eq!(verify_of(&PIN.replace("0a", "0A"), true), err(BadPin::Digit));
    assert_eq!(verify_of(&PIN.replace("sha256-raw", "SHA256-RAW"), true), err(BadPin::Prefix));
    assert_eq!(verify_of(&PIN.replace("-raw", ""), true), err(BadPin::Prefix));
    assert!(matches!(verify_of("not a name", true), Err(TargetError::CertName { .. })));
}

#[test]
fn a_region_is_its_relaying_nodes_in_order_and_tells_whom_they_stand_in_for() {
    let stun = Node { stun_only: true, ..node("900s") };
    let region = |nodes| Region { region_id: 900, nodes, ..Region::default() };
    let labels = |region: &Region| -> Vec<(String, Option<String>)> {
        let target = Target::region(region).unwrap();
        target.endpoints.into_iter().map(|endpoint| (endpoint.label, endpoint.ideal_node)).collect()
    };
    let plain = region(vec![node("900a"), stun.clone(), node("900b")]);
    assert_eq!(labels(&plain), [("900a".into(), None), ("900b".into(), Some("900a".into()))]);
    let stun_first = region(vec![stun.clone(), node("900a")]);
    assert_eq!(labels(&stun_first), [("900a".into(), Some("900s".into()))]);
    assert_eq!(Target::region(&region(vec![stun.clone()])), Err(TargetError::NoNode { region: 900 }));
    assert_eq!(Target::node(&stun), Err(TargetError::StunOnly { node: "900s".into() }));
}

#[test]
fn ports_that_are_none_are_errors() {
    for port in [-1, 65_536] {
        let err = Endpoint::node(&Node { derp_port: port, ..node("900a") }).unwrap_err();
        assert_eq!(err, TargetError::Port { port });
    }
}

#[test]
fn an_ipv6_host_name_has_brackets_as_stock_clients_want_it() {
    let named = |host_name: &str| Endpoint::node(&Node { host_name: host_name.into(), ..node("a") });
    let ip = "2001:db8::7".parse().unwrap();
    assert_eq!(named("2001:db8::7"), Err(TargetError::NoBrackets { node: "a".into(), ip }));
    assert_eq!(named("[2001:db8::7]").unwrap().host, "2001:db8::7");
}
