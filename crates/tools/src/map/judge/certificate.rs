//! How clients are to judge a node's certificate.

use wherry_client::{BadPin, Pin};

use super::address::literal;
use crate::map::finding::Rule;
use crate::map::outline::{NodeOutline, Outline, Pen, RegionOutline};

pub(super) fn judge(map: &Outline, region: &RegionOutline, one: &NodeOutline, pen: &mut Pen) {
    let node = &one.node;
    let cert_name = node.cert_name.as_str();
    let place = |field| map.in_node(region, one, field);
    if looks_like_pin(cert_name) {
        if let Err(bad) = cert_name.parse::<Pin>() {
            let found = match bad {
                BadPin::Length { found } => format!("it is a pin with {found} digits"),
                bad => format!("it is {cert_name:?}: {bad}"),
            };
            pen.note(
                Rule::PinBad,
                place("CertName"),
                found,
                "sha256-raw: and 64 hex digits in lower case",
                cure_of_pin(cert_name),
            );
        }
    } else if !cert_name.is_empty() && !is_name(cert_name) {
        pen.note(
            Rule::CertNameBad,
            place("CertName"),
            format!("it is {cert_name:?}"),
            "a DNS name, an address, or a pin: sha256-raw: and 64 hex digits",
            match is_digest(cert_name).then(|| pin_of(cert_name)).flatten() {
                Some(cure) => cure,
                None => "correct it, or remove it if the certificate is for the host name".to_owned(),
            },
        );
    }
    if node.insecure_for_tests {
        let (found, cure) = match cert_name.is_empty() {
            true => (
                "certificates are not verified: whoever is on the path can stand in for the relay",
                "pin the certificate instead: wherry map entry with the relay's address prints the pin",
            ),
            false => ("it is set beside a certificate name, which clients check all the same", "remove it"),
        };
        pen.note(
            Rule::Insecure,
            place("InsecureForTests"),
            found,
            "false or nothing, outside of tests",
            cure,
        );
    } else if cert_name.is_empty() && !node.stun_only && literal(&node.host_name).is_some() {
        pen.note(
            Rule::BareAddress,
            place("HostName"),
            "the host name is an address, and no certificate is pinned: clients want one for this address from an authority \
             they know",
            "such a certificate, or a pin in CertName",
            "wherry map check --probe shows whether it has one; wherry map entry prints the pin",
        );
    }
}

/// A DNS name has no colon; an address has, but not after these letters.
fn looks_like_pin(cert_name: &str) -> bool {
    cert_name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("sha")) && cert_name.contains(':')
}

/// Whether it may be what is behind a pin's prefix, as other programs write it.
fn is_digest(cert_name: &str) -> bool {
    cert_name.chars().all(|any| any.is_ascii_hexdigit() || any == ':' || any == ' ')
}

/// What to write, where the pin can be made out.
fn cure_of_pin(cert_name: &str) -> String {
    let digits = cert_name
        .rsplit_once("sha256-raw:")
        .map_or_else(|| cert_name.split_once(':').map_or("", |(_, rest)| rest), |(_, rest)| rest);
    pin_of(digits).unwrap_or_else(|| "wherry map entry with the relay's address prints the pin".to_owned())
}

/// The pin with the hex digits of a text, if it has so many.
fn pin_of(text: &str) -> Option<String> {
    let digits = text.chars().filter(char::is_ascii_hexdigit).map(|any| any.to_ascii_lowercase());
    let pin: Pin = Pin::PREFIX.chars().chain(digits).collect::<String>().parse().ok()?;
    Some(format!("write {pin}, if the digits are those of the certificate's SHA-256"))
}

fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    literal(text).is_some() || text.split('.').all(label)
}
