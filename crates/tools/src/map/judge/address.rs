//! Host names and addresses of a node.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use wherry_wire::derp_map::{Address, Node};

use crate::map::finding::Rule;
use crate::map::outline::{NodeOutline, Outline, Pen, RegionOutline};
use crate::map::read::{is_placeholder, plain};

/// How clients come to an address of a node in one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::map) enum Way {
    /// By this address.
    Fixed(IpAddr),
    /// By asking for the host name.
    Ask,
    /// Not at all.
    Off,
}

/// The ways of a node by IPv4 and IPv6.
pub(in crate::map) fn way(node: &Node) -> [Way; 2] {
    let host = literal(&node.host_name);
    let asked = |is_family: fn(&IpAddr) -> bool| match host {
        Some(ip) if is_family(&ip) => Way::Fixed(ip),
        Some(_) => Way::Off,
        None => Way::Ask,
    };
    let v4 = match node.ipv4_address() {
        Address::Dns => asked(IpAddr::is_ipv4),
        Address::Fixed(ip) => Way::Fixed(ip.into()),
        Address::Off => Way::Off,
    };
    let v6 = match node.ipv6_address() {
        Address::Dns => asked(IpAddr::is_ipv6),
        Address::Fixed(ip) => Way::Fixed(ip.into()),
        Address::Off => Way::Off,
    };
    [v4, v6]
}

/// The host name as an address, with or without brackets.
pub(super) fn literal(host: &str) -> Option<IpAddr> {
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.unwrap_or(host).parse().ok()
}

pub(super) fn judge(map: &Outline, region: &RegionOutline, one: &NodeOutline, pen: &mut Pen) {
    host(map, region, one, pen);
    let node = &one.node;
    let before = pen.findings.len();
    family(map, region, one, "IPv4", &node.ipv4, pen);
    family(map, region, one, "IPv6", &node.ipv6, pen);
    let are_right = pen.findings.len() == before;
    let ways = way(node);
    if are_right && ways == [Way::Off, Way::Off] && !node.host_name.is_empty() {
        let field = if literal(&node.host_name).is_some_and(|ip| ip.is_ipv6()) { "IPv6" } else { "IPv4" };
        pen.note(
            Rule::NoAddress,
            map.in_node(region, one, field),
            "both families are switched off, so nobody reaches the node",
            "an address in IPv4 or IPv6, or one of them left out so that the name is asked for",
            "write the node's public address",
        );
    }
    private(map, region, one, ways, pen);
    let named = literal(&node.host_name);
    for (field, way) in [("IPv4", ways[0]), ("IPv6", ways[1])] {
        if let (Way::Fixed(ip), Some(named)) = (way, named)
            && ip != named
            && ip.is_ipv4() == named.is_ipv4()
        {
            pen.note(
                Rule::AddressDiffers,
                map.in_node(region, one, field),
                format!("it is {ip}, but the host name is the address {named}; clients dial {ip}"),
                named.to_string(),
                "write the same address in both",
            );
        }
    }
}

fn host(map: &Outline, region: &RegionOutline, one: &NodeOutline, pen: &mut Pen) {
    let host = one.node.host_name.as_str();
    let place = map.in_node(region, one, "HostName");
    if host.is_empty() {
        let name = map.name("HostName");
        return pen.note(
            Rule::HostNameMissing,
            place,
            format!("the node has no {name}"),
            "a DNS name or an IP address: clients name it in TLS, whatever the address fields say",
            match way(&one.node) {
                // The certificate is asked for by that.
                [Way::Fixed(ip), _] => {
                    format!("write its name, or {}", map.line("HostName", &format!("\"{ip}\"")))
                }
                [_, Way::Fixed(ip)] => {
                    format!("write its name, or {}", map.line("HostName", &format!("\"[{ip}]\"")))
                }
                _ => format!("write {}", map.line("HostName", "\"derp.example.com\"")),
            },
        );
    }
    if let Some(ip) = literal(host) {
        if let Some(kind) = no_host_kind(ip) {
            let expected = "a DNS name, or an IP address that a host has";
            let cure = "write the relay's name or public address";
            pen.note(Rule::HostNameBad, place, format!("it is {host:?}, {kind}"), expected, cure);
        } else if ip.is_ipv6() && !host.starts_with('[') {
            let found = format!("it is {host:?}: clients put it into a URL and fail on the colons");
            let cure = format!("write {}", map.line("HostName", &format!("\"[{ip}]\"")));
            pen.note(Rule::HostNameBad, place, found, "an IPv6 address in brackets", cure);
        }
        return;
    }
    let Some((found, cure)) = bad_name(map, host) else { return };
    pen.note(Rule::HostNameBad, place, found, "a DNS name or an IP address, and nothing else", cure);
}

/// What is wrong with a host name, and what to write.
pub(in crate::map) fn bad_name(map: &Outline, host: &str) -> Option<(String, String)> {
    let write = |field: &str, value: &str| map.line(field, value);
    if let Some(plain) = plain(host) {
        let cure = format!("write {}", write("HostName", &format!("{plain:?}")));
        return Some((format!("it is {host:?}, in signs of a full-width keyboard"), cure));
    }
    if let Some((_, rest)) = host.split_once("://") {
        let bare = rest.split(['/', ':']).next().unwrap_or_default();
        return Some((
            format!("it is {host:?}, a URL"),
            format!("write {}", write("HostName", &format!("{bare:?}"))),
        ));
    }
    if let Some((bare, port)) = host.rsplit_once(':')
        && !bare.is_empty()
        && port.parse::<u16>().is_ok()
    {
        let both = format!("{} and {}", write("HostName", &format!("{bare:?}")), write("DERPPort", port));
        return Some((format!("it is {host:?}, with a port"), format!("write {both}")));
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let is_name = host.len() <= 253 && host.strip_suffix('.').unwrap_or(host).split('.').all(label);
    let looks_like_address = host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if looks_like_address {
        return Some((format!("it is {host:?}, which is no address"), "correct the address".to_owned()));
    }
    if !is_name && is_placeholder(host) {
        let cure = "write the relay's name or public address".to_owned();
        return Some((format!("it is {host:?}, a placeholder that nobody filled in"), cure));
    }
    (!is_name).then(|| (format!("it is {host:?}"), "correct the name".to_owned()))
}

fn family(
    map: &Outline,
    region: &RegionOutline,
    one: &NodeOutline,
    field: &'static str,
    text: &str,
    pen: &mut Pen,
) {
    let (v4, v6) = (text.parse::<Ipv4Addr>(), text.parse::<Ipv6Addr>());
    if let (Ok(ip), "IPv6") = (&v6, field)
        && let Some(v4) = ip.to_ipv4_mapped().filter(|v4| no_host_kind((*v4).into()).is_none())
    {
        let found = format!("it is {text:?}, an IPv4 address written as IPv6: clients fail to dial it");
        let place = map.in_node(region, one, field);
        let cure =
            format!("write {}, and here an address of IPv6 or none", map.line("IPv4", &format!("\"{v4}\"")));
        return pen.note(Rule::AddressBad, place, found, "an address of IPv6", cure);
    }
    let right: Option<IpAddr> =
        if field == "IPv4" { v4.ok().map(Into::into) } else { v6.ok().map(Into::into) };
    let no_host = right.and_then(no_host_kind);
    if text.is_empty() || text == "none" || (right.is_some() && no_host.is_none()) {
        return;
    }
    let ascii = plain(text).and_then(|plain| plain.parse::<IpAddr>().ok());
    let (found, cure) = match text.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(_) if let Some(kind) = no_host => {
            (format!("it is {text:?}, {kind}"), "write the relay's public address".to_owned())
        }
        Ok(ip) if (field == "IPv4") == ip.is_ipv4() => (
            format!("it is {text:?}, with brackets"),
            format!("write {}", map.line(field, &format!("\"{ip}\""))),
        ),
        Ok(ip) => {
            let other = if ip.is_ipv4() { "IPv4" } else { "IPv6" };
            let cure = format!("move it to {}", map.name(other));
            (format!("it is {text:?}, an {other} address: clients take it for {field} switched off"), cure)
        }
        Err(_) => {
            let none = map.line(field, "\"none\"");
            let (what, cure) = match ascii {
                Some(ip) => (
                    "in signs of a full-width keyboard",
                    format!("write {}", map.line(field, &format!("\"{ip}\""))),
                ),
                None if is_placeholder(text) => (
                    "a placeholder that nobody filled in",
                    format!("write the relay's {field} address, or {none} if it has none"),
                ),
                None => match bare(text).filter(|ip| (field == "IPv4") == ip.is_ipv4()) {
                    Some(ip) => (
                        "with more than the address",
                        format!("write {}", map.line(field, &format!("\"{ip}\""))),
                    ),
                    None => ("no address", format!("correct it, or write {none} if that is meant")),
                },
            };
            (format!("it is {text:?}, {what}: clients take it for {field} switched off"), cure)
        }
    };
    let expected =
        format!("an {field} address without port, or none to switch {field} off, or nothing to ask DNS");
    pen.note(Rule::AddressBad, map.in_node(region, one, field), found, expected, cure);
}

/// The address that stands before a port or the length of a prefix.
fn bare(text: &str) -> Option<IpAddr> {
    let before_length = text.split_once('/').and_then(|(ip, _)| ip.parse().ok());
    let before_port = || text.parse::<SocketAddr>().ok().map(|addr| addr.ip());
    before_length.or_else(before_port)
}

fn private(map: &Outline, region: &RegionOutline, one: &NodeOutline, ways: [Way; 2], pen: &mut Pen) {
    let host = one.node.host_name.trim_end_matches('.').to_ascii_lowercase();
    if host == "localhost" || host.ends_with(".localhost") {
        pen.note(
            Rule::AddressPrivate,
            map.in_node(region, one, "HostName"),
            format!("{host} is each client's own host"),
            "a name that is the relay's for all clients",
            "write the relay's name or public address",
        );
    }
    for (field, way) in [("IPv4", ways[0]), ("IPv6", ways[1])] {
        let Way::Fixed(ip) = way else { continue };
        // What no host can have is an error, and said already.
        let Some(kind) = unreachable_kind(ip).filter(|_| no_host_kind(ip).is_none()) else { continue };
        let field = if one.has(field) { field } else { "HostName" };
        pen.note(
            Rule::AddressPrivate,
            map.in_node(region, one, field),
            format!("{ip} is {kind}"),
            "an address that all clients reach",
            "write the relay's public address, unless all clients are in that network",
        );
    }
}

/// Why the internet does not reach an address.
pub(in crate::map) fn unreachable_kind(ip: IpAddr) -> Option<&'static str> {
    if let Some(kind) = no_host_kind(ip) {
        return Some(kind);
    }
    let v4 = match ip {
        IpAddr::V4(ip) => ip,
        IpAddr::V6(ip) if ip.is_loopback() => return Some("this host itself (loopback)"),
        IpAddr::V6(ip) if ip.is_unique_local() => return Some("an address of a private network"),
        IpAddr::V6(ip) if ip.is_unicast_link_local() => return Some("an address of one link alone"),
        IpAddr::V6(ip) => ip.to_ipv4_mapped()?,
    };
    match v4.octets() {
        _ if v4.is_loopback() => Some("this host itself (loopback)"),
        _ if v4.is_private() => Some("an address of a private network"),
        _ if v4.is_link_local() => Some("an address of one link alone"),
        [100, 64..=127, ..] => Some("an address of a tailnet or a carrier's network (100.64.0.0/10)"),
        [198, 18..=19, ..] => Some("an address that a proxy makes up, or a laboratory has (198.18.0.0/15)"),
        _ => None,
    }
}

/// Why no host can have an address.
fn no_host_kind(ip: IpAddr) -> Option<&'static str> {
    match ip.to_canonical() {
        ip if ip.is_unspecified() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) => Some("no address of any host"),
        ip if ip.is_multicast() => Some("a group's address (multicast)"),
        _ => None,
    }
}
