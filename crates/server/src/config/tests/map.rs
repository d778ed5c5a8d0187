//! The keys of the map that is served.

use super::*;

#[test]
fn the_map_takes_a_region_that_clients_can_use_and_maps_that_can_be_read() {
    let mut desk = Desk::new();
    let map = desk.write("map.yaml", "regions: {}");
    desk.flag("map.region_id", &["901"]);
    desk.flag("map.include", &[map.to_str().unwrap(), "https://maps.example/derpmap.json"]);
    let settings = desk.load().settings.map;
    assert_eq!((settings.region_id, settings.region_code.as_str(), settings.serve), (901, "wherry", true));
    let url = Include::Url("https://maps.example/derpmap.json".to_owned());
    assert_eq!(settings.include, [Include::File(map), url]);
    desk.flag("map.region_id", &["65536"]);
    desk.flag("map.region_name", &[" "]);
    let none = desk.dir.path().join("none");
    let secret = "https://me:word@maps.example/m?a";
    desk.flag("map.include", &["ftp://maps.example", secret, none.to_str().unwrap()]);
    desk.flag("map.refresh", &["1s"]);
    let problems = desk.problems();
    let expected = [
        "map.region_id = \"65536\" (flag --map-region-id): must be from 1 to 65535;",
        "map.region_name = \" \" (flag --map-region-name): empty;",
        "map.include = \"ftp://maps.example\" (flag --map-include): not one of the allowed words;",
        "map.include = \"https://…@maps.example/m?…\" (flag --map-include): a URL without user name and password",
        "map.refresh = \"1s\" (flag --map-refresh): must be from 10s to 168h;",
    ];
    assert!(
        problems.iter().zip(expected).all(|(problem, start)| problem.starts_with(start)),
        "{problems:#?}"
    );
    desk.flag("map.include", &[none.to_str().unwrap()]);
    assert!(desk.problems()[2].starts_with("map.include = \"none\" (flag --map-include): No such file"));
    let state = desk.dir.path().join("state");
    let kept = Include::File(none.clone()).kept_in(&state);
    std::fs::create_dir_all(kept.parent().unwrap()).unwrap();
    std::fs::write(kept, "{}").unwrap();
    desk.flag("state", &[state.to_str().unwrap()]);
    let problems = desk.problems();
    assert!(
        !problems.iter().any(|problem| problem.contains("map.include")),
        "it was read before: {problems:#?}"
    );
}

#[test]
fn the_map_takes_addresses_of_their_family_and_ports_that_can_be_dialled() {
    let mut desk = Desk::new();
    desk.flag("map.ipv4", &["192.0.2.7"]);
    desk.flag("map.ipv6", &["[2001:DB8::7]"]);
    desk.flag("map.port", &["12345"]);
    let map = desk.load().settings.map;
    assert_eq!((map.ipv4.as_deref(), map.ipv6.as_deref()), (Some("192.0.2.7"), Some("2001:db8::7")));
    assert_eq!((map.port, map.stun_port), (Some(12345), None));
    desk.flag("map.ipv4", &["2001:db8::7"]);
    desk.flag("map.ipv6", &["192.0.2.7"]);
    desk.flag("map.port", &["0"]);
    desk.flag("map.stun_port", &["off"]);
    let problems = desk.problems();
    let expected = [
        "map.ipv4 = \"2001:db8::7\" (flag --map-ipv4): not an IPv4 address; allowed: an IPv4 address without",
        "map.ipv6 = \"192.0.2.7\" (flag --map-ipv6): not an IPv6 address; allowed: an IPv6 address without",
        "map.port = \"0\" (flag --map-port): must be from 1 to 65535; allowed: 1 to 65535, or auto",
        "map.stun_port = \"off\" (flag --map-stun-port): not a number; allowed: 1 to 65535, or auto",
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    assert!(
        problems.iter().zip(expected).all(|(problem, start)| problem.starts_with(start)),
        "{problems:#?}"
    );
}

#[test]
fn what_no_host_has_and_what_is_no_word_does_not_get_into_the_map() {
    for (key, given, why) in [
        ("hostname", "0.0.0.0", "no host has this address; allowed: a DNS name or an IP address"),
        ("hostname", "[ff02::1]", "no host has this address; allowed: a DNS name or an IP address"),
        (
            "map.ipv4",
            "0.0.0.0",
            "no host has this address; allowed: an IPv4 address without port, none, or auto",
        ),
        ("map.ipv4", "255.255.255.255", "no host has this address; allowed: an IPv4 address"),
        ("map.ipv4", "224.0.0.1", "no host has this address; allowed: an IPv4 address"),
        ("map.ipv6", "[::]", "no host has this address; allowed: an IPv6 address"),
        ("map.ipv6", "::ffff:0.0.0.0", "no host has this address; allowed: an IPv6 address"),
        ("map.region_code", "New York", "not one word; allowed: a short word, such as nyc"),
        ("map.region_code", "nyc\u{200b}", "not one word; allowed: a short word, such as nyc"),
        (
            "map.node_name",
            "900 a",
            "not one word; allowed: a word that no other node of the map has, or auto",
        ),
    ] {
        let mut desk = Desk::new();
        desk.flag(key, &[given]);
        let problems = desk.problems();
        let [problem] = problems.as_slice() else { panic!("{given}: {problems:#?}") };
        assert!(problem.starts_with(&format!("{key} = {given:?} (")) && problem.contains(why), "{problem}");
    }
    let mut desk = Desk::new();
    for (key, given) in
        [("map.ipv4", "127.0.0.1"), ("map.region_code", "上海-1"), ("map.region_name", "New York")]
    {
        desk.flag(key, &[given]);
    }
    assert_eq!(desk.load().settings.map.region_code, "上海-1");
}

#[test]
fn a_map_in_which_nobody_finds_the_relay_is_refused() {
    let found = |host, ipv4, ipv6| {
        let mut desk = Desk::new();
        desk.flag("hostname", &[host]);
        desk.flag("map.ipv4", &[ipv4]);
        desk.flag("map.ipv6", &[ipv6]);
        load(&desk.sources).err().map(|problems| problems.to_string())
    };
    let neither =
        "there is no way by IPv6 either, so nobody would find this relay; give one of the two an address";
    for (host, ipv6) in [("relay.example", "none"), ("192.0.2.7", "auto")] {
        let expected = format!("map.ipv4 = \"none\" (flag --map-ipv4): {neither}");
        assert_eq!(found(host, "none", ipv6), Some(expected), "{host}");
    }
    assert!(found("2001:db8::7", "auto", "none").is_some_and(|text| text.starts_with("map.ipv6 = ")));
    assert_eq!(found("192.0.2.7", "none", "2001:db8::7"), None);
    assert_eq!(found("relay.example", "none", "auto"), None);
}
