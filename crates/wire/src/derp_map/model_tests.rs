use super::*;

fn node() -> Node {
    Node::default()
}

#[test]
fn empty_addresses_ask_dns_and_odd_ones_switch_off() {
    assert_eq!(node().ipv4_address(), Address::Dns);
    assert_eq!(node().ipv6_address(), Address::Dns);
    let node = Node { ipv4: "192.0.2.7".into(), ipv6: "2001:db8::7".into(), ..node() };
    assert_eq!(node.ipv4_address(), Address::Fixed(Ipv4Addr::new(192, 0, 2, 7)));
    assert_eq!(node.ipv6_address(), Address::Fixed("2001:db8::7".parse().unwrap()));
    for text in ["none", "2001:db8::7", "192.0.2", " 192.0.2.7"] {
        assert_eq!(Node { ipv4: text.into(), ..Node::default() }.ipv4_address(), Address::Off, "{text}");
    }
    assert_eq!(Node { ipv6: "192.0.2.7".into(), ..Node::default() }.ipv6_address(), Address::Off);
}

#[test]
fn ports_have_defaults_and_limits() {
    let ports = |stun_port, derp_port| {
        let node = Node { stun_port, derp_port, ..node() };
        (node.stun_udp_port(), node.derp_tcp_port())
    };
    assert_eq!(ports(0, 0), (Some(3478), Some(443)));
    assert_eq!(ports(1, 8443), (Some(1), Some(8443)));
    assert_eq!(ports(65_535, 65_535), (Some(65_535), Some(65_535)));
    assert_eq!(ports(65_536, 65_536), (None, None));
    assert_eq!(ports(-1, -1), (None, None));
}

#[test]
fn null_regions_are_not_live() {
    let region = Region { region_id: 900, ..Region::default() };
    let regions = [(1, None), (900, Some(region.clone()))].into();
    let map = DerpMap { regions, ..DerpMap::default() };
    assert_eq!(map.live_regions().collect::<Vec<_>>(), [(900, &region)]);
}
