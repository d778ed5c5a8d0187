//! Names and addresses that only examples have.

use std::net::IpAddr;

use super::address::{Way, literal, way};
use crate::map::finding::{Place, Rule};
use crate::map::outline::{NodeOutline, Outline, Pen, RegionOutline};
use crate::map::read::is_placeholder;

/// One note for all: a map of an example has them in each node.
pub(super) fn judge(map: &Outline, pen: &mut Pen) {
    let mut all = map.nodes().flat_map(|(region, one)| of_node(map, region, one));
    let Some((place, found)) = all.next() else { return };
    let more = match all.count() {
        0 => String::new(),
        more => format!("; the map has {more} more such"),
    };
    pen.note(
        Rule::Example,
        place,
        format!("{found}{more}"),
        "a name or an address that is the relay's",
        "write the relay's own; nothing, if this is a laboratory",
    );
}

fn of_node(map: &Outline, region: &RegionOutline, one: &NodeOutline) -> Vec<(Place, String)> {
    let (node, place) = (&one.node, |field| map.in_node(region, one, field));
    let mut found = Vec::new();
    if literal(&node.host_name).is_none() && is_of_examples(&node.host_name) {
        found.push((place("HostName"), format!("{} is a name of examples", node.host_name)));
    }
    for (field, way) in ["IPv4", "IPv6"].into_iter().zip(way(node)) {
        if let Way::Fixed(ip) = way
            && is_documentation(ip)
        {
            let field = if one.has(field) { field } else { "HostName" };
            found.push((
                place(field),
                format!("{ip} is an address of examples, which no host on the internet has"),
            ));
        }
    }
    found
}

/// Source: RFC 2606. What has `example` last is nobody's, which the look-up of the name says.
fn is_of_examples(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let is_reserved =
        |name: &str| host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    ["example.com", "example.net", "example.org"].into_iter().any(is_reserved)
        || (is_name && is_placeholder(&host))
}

/// Source: RFC 5737, RFC 3849 and RFC 9637.
fn is_documentation(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => matches!(ip.octets(), [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _]),
        IpAddr::V6(ip) => {
            matches!(ip.segments(), [0x2001, 0xdb8, ..]) || matches!(ip.segments(), [0x3fff, 0..=0xfff, ..])
        }
    }
}
