//! Whether the host names of a map have addresses.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use tokio::task::JoinSet;
use wherry_client::lookup_both;

use super::check::Checked;
use super::finding::{Place, Rule};
use super::judge::{Way, bad_name, unreachable_kind, way};
use super::outline::{NodeOutline, Outline, Pen, RegionOutline};
use crate::remedy;

/// How long a name is asked for: resolvers ask a second server after five seconds.
const PATIENCE: Duration = Duration::from_secs(8);

/// Names that are asked for at a time.
const AT_ONCE: usize = 32;

/// What a name has: its addresses, or why none are known.
type Answer = io::Result<Vec<IpAddr>>;

/// Asks DNS for the host names for which clients ask, and writes down what is wrong with the answers.
pub async fn resolve(checked: &mut Checked) {
    let Some(map) = checked.outline.take() else { return };
    let asked =
        map.nodes().filter(|(_, node)| is_asked(&map, node)).map(|(_, node)| node.node.host_name.clone());
    let answers = ask(asked.collect()).await;
    let mut pen = Pen::default();
    for (region, node) in map.nodes() {
        if let Some(answer) = answers.get(&node.node.host_name).filter(|_| is_asked(&map, node)) {
            judge(&map, region, node, answer, &mut pen);
        }
    }
    checked.outline = Some(map);
    checked.add(pen);
}

fn is_asked(map: &Outline, node: &NodeOutline) -> bool {
    // What is no name has been said.
    way(&node.node).contains(&Way::Ask) && bad_name(map, &node.node.host_name).is_none()
}

async fn ask(mut names: Vec<String>) -> BTreeMap<String, Answer> {
    names.sort_unstable();
    names.dedup();
    let mut answers = BTreeMap::new();
    let mut under_way = JoinSet::new();
    loop {
        while under_way.len() < AT_ONCE
            && let Some(name) = names.pop()
        {
            under_way.spawn(async move {
                let answer = lookup(&name).await;
                (name, answer)
            });
        }
        match under_way.join_next().await {
            Some(Ok((name, answer))) => drop(answers.insert(name, answer)),
            // A resolver that breaks says nothing about the name.
            Some(Err(_)) => {}
            None => return answers,
        }
    }
}

async fn lookup(name: &str) -> io::Result<Vec<IpAddr>> {
    let mut addresses = lookup_both(name, PATIENCE).await?;
    addresses.sort_unstable();
    Ok(addresses)
}

fn judge(map: &Outline, region: &RegionOutline, one: &NodeOutline, answer: &Answer, pen: &mut Pen) {
    match answer {
        Err(err) if remedy::is_of_resolver(err) => unanswered(map, region, one, err, pen),
        _ => answered(map, region, one, answer, pen),
    }
}

/// Nobody could look the name up, so nothing is known of it.
fn unanswered(map: &Outline, region: &RegionOutline, one: &NodeOutline, err: &io::Error, pen: &mut Pen) {
    let (rule, field) = match way(&one.node) {
        [Way::Fixed(_), _] => (Rule::OtherFamily, "IPv6"),
        [_, Way::Fixed(_)] => (Rule::OtherFamily, "IPv4"),
        _ => (Rule::NameUnresolved, "HostName"),
    };
    pen.note(
        rule,
        map.in_node(region, one, field),
        format!("the name {} does not resolve from here ({err})", one.node.host_name),
        "a resolver that answers",
        format!("{} (without DNS here: --offline)", remedy::RESOLVER),
    );
}

fn answered(map: &Outline, region: &RegionOutline, one: &NodeOutline, answer: &Answer, pen: &mut Pen) {
    let [v4, v6] = way(&one.node);
    let name = &one.node.host_name;
    let addresses = answer.as_ref().map(Vec::as_slice).unwrap_or_default();
    let (field, has_other) = match (v4, v6) {
        (Way::Ask, Way::Fixed(_)) => ("IPv4", true),
        (Way::Fixed(_), Way::Ask) => ("IPv6", true),
        (Way::Off, _) => ("IPv6", false),
        _ => ("IPv4", false),
    };
    let is_wanted = |ip: &&IpAddr| match (v4, v6) {
        (Way::Ask, Way::Ask) => true,
        (Way::Ask, _) => ip.is_ipv4(),
        _ => ip.is_ipv6(),
    };
    let wanted: Vec<_> = addresses.iter().filter(is_wanted).collect();
    if wanted.is_empty() {
        let why = match answer {
            Ok(_) => format!("the name {name} has no {field} address"),
            Err(err) => format!("the name {name} does not resolve from here ({err})"),
        };
        let field_name = map.name(field);
        if has_other {
            pen.note(
                Rule::OtherFamily,
                map.in_node(region, one, field),
                format!("{field_name} is left out, so clients ask for it in vain: {why}"),
                format!("an address, or none to switch {field} off"),
                format!("write {}", map.line(field, "\"none\"")),
            );
        } else {
            pen.note(
                Rule::NameUnresolved,
                map.in_node(region, one, "HostName"),
                format!("{why}, and {field_name} gives none"),
                "a name that resolves for all clients, or the address in the map",
                format!(
                    "correct the name or its records, or write the address: {} (without DNS here: --offline)",
                    map.line(field, if field == "IPv4" { "\"203.0.113.7\"" } else { "\"2001:db8::7\"" })
                ),
            );
        }
    }
    for ip in wanted {
        if let Some(kind) = unreachable_kind(*ip) {
            pen.note(
                Rule::AddressPrivate,
                map.in_node(region, one, "HostName"),
                format!("the name {name} has the address {ip}, {kind}"),
                "an address that all clients reach",
                "correct the name's records, or write the public address into the map; if they are right, a proxy of this host gives \
                 another answer (fake-ip): check from another host",
            );
        }
    }
    for (way, field) in [(v4, "IPv4"), (v6, "IPv6")] {
        if let Way::Fixed(ip) = way {
            compare(map.in_node(region, one, field), ip, name, addresses, pen);
        }
    }
}

/// An address of the map beside those of the name in its family.
fn compare(place: Place, ip: IpAddr, name: &str, addresses: &[IpAddr], pen: &mut Pen) {
    let is_known = addresses.iter().any(|known| known.is_ipv4() == ip.is_ipv4());
    if is_known && !addresses.contains(&ip) {
        pen.note(
            Rule::AddressDiffers,
            place,
            format!("it is {ip}, but the name {name} has {}", list(addresses)),
            "an address of the name",
            "if the relay's address has changed, correct it; on a line whose address changes, remove the field",
        );
    }
}

fn list(addresses: &[IpAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::check::load;
    use super::super::source::{Origin, Source};
    use super::*;

    fn outlined(entry: &str) -> Outline {
        let node = format!("{{name: 900a, {entry}}}");
        let text = format!("regions:\n  900: {{regionid: 900, nodes: [{node}]}}\n");
        load(&Source { name: "map".to_owned(), origin: Origin::Stdin, text }).outline.unwrap()
    }

    #[test]
    fn what_is_no_name_is_not_asked_for() {
        let is_host_asked = |host: &str| {
            let map = outlined(&format!("hostname: '{host}'"));
            map.nodes().any(|(_, node)| is_asked(&map, node))
        };
        assert!(is_host_asked("relay.example") && is_host_asked("relay.example."));
        for host in ["", "relay..example", "релей.example", "300.0.113.7", "relay.example:443", "203.0.113.7"]
        {
            assert!(!is_host_asked(host), "{host}");
        }
    }

    #[test]
    fn the_address_to_write_is_of_the_family_that_is_missing() {
        for (off, line) in [("ipv4", "ipv6: \"2001:db8::7\""), ("ipv6", "ipv4: \"203.0.113.7\"")] {
            let map = outlined(&format!("hostname: relay.example, {off}: none"));
            let mut pen = Pen::default();
            map.nodes().for_each(|(region, node)| judge(&map, region, node, &Ok(Vec::new()), &mut pen));
            let [finding] = pen.findings.as_slice() else { panic!("{:?}", pen.findings) };
            assert!(finding.cure.contains(line), "{finding:?}");
        }
    }

    #[test]
    fn an_address_is_compared_with_those_of_the_name_in_its_own_family() {
        let known: Answer = Ok(["203.0.113.7", "2001:db8::7"].map(|ip| ip.parse().unwrap()).to_vec());
        let fields = |entry: &str| {
            let (map, mut pen) = (outlined(&format!("hostname: relay.example, {entry}")), Pen::default());
            map.nodes().for_each(|(region, node)| judge(&map, region, node, &known, &mut pen));
            let differing = pen.findings.into_iter().filter(|finding| finding.rule == Rule::AddressDiffers);
            differing.map(|finding| finding.place.field.unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(fields("ipv4: 203.0.113.99"), ["ipv4"]);
        assert_eq!(fields("ipv6: '2001:db8::99'"), ["ipv6"]);
        assert_eq!(fields("ipv6: '2001:db8::7'"), [""; 0]);
        assert_eq!(fields("ipv4: none"), [""; 0]);
    }

    #[test]
    fn an_address_that_a_proxy_makes_up_is_none_for_all_clients() {
        let (map, mut pen) = (outlined("hostname: relay.example"), Pen::default());
        let answer: Answer = Ok(vec!["198.18.0.5".parse().unwrap()]);
        map.nodes().for_each(|(region, node)| judge(&map, region, node, &answer, &mut pen));
        let [finding] = pen.findings.as_slice() else { panic!("{:?}", pen.findings) };
        assert!(finding.rule == Rule::AddressPrivate && finding.cure.contains("fake-ip"), "{finding:?}");
    }

    #[test]
    fn a_resolver_that_fails_is_not_blamed_on_the_name() {
        let cure = |words: &str| {
            let answer: Answer = Err(io::Error::other(words.to_owned()));
            let text = "regions:\n  900: {regionid: 900, nodes: [{name: 900a, hostname: relay.example}]}\n";
            let text = text.to_owned();
            let checked = load(&Source { name: "map".to_owned(), origin: Origin::Stdin, text });
            let (map, mut pen) = (checked.outline.unwrap(), Pen::default());
            map.nodes().for_each(|(region, node)| judge(&map, region, node, &answer, &mut pen));
            pen.findings.remove(0).cure
        };
        assert!(cure("Temporary failure in name resolution").contains("/etc/resolv.conf"));
        assert!(cure("Name or service not known").contains("correct the name"));
    }
}
