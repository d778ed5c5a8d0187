//! The settings of the map that the relay serves.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use wherry_client::{Endpoint, TargetError};

use super::{
    Host, Include, MapSettings,
    address::of_a_host,
    file_error::FileError,
    ledger::Ledger,
    limits,
    problem::{Conflict, ValueError},
    register_map as keys, value,
};

/// What the map says of a family by which a node cannot be reached.
const OFF: &str = "none";

impl Ledger {
    pub(super) fn map(&mut self, host: Option<&Host>, state_dir: Option<&Path>) -> Option<MapSettings> {
        let serve = self.one(&keys::MAP_SERVE, value::parse_switch);
        let region_id = self.one(&keys::MAP_ID, |text| value::parse_count(text, &limits::REGION_ID));
        let region_code = self.one(&keys::MAP_CODE, parse_word);
        let region_name = self.one(&keys::MAP_NAME, parse_text);
        let node_name = self.one(&keys::MAP_NODE, |text| value::parse_or(text, "auto", parse_word));
        let ipv4 = self.one(&keys::MAP_IPV4, |text| value::parse_or(text, "auto", parse_ipv4));
        let ipv6 = self.one(&keys::MAP_IPV6, |text| value::parse_or(text, "auto", parse_ipv6));
        if let (Some(ipv4), Some(ipv6)) = (&ipv4, &ipv6) {
            self.can_be_found(host, ipv4.as_deref(), ipv6.as_deref());
        }
        let port = self.one(&keys::MAP_PORT, |text| value::parse_or(text, "auto", parse_port));
        let stun_port = self.one(&keys::MAP_STUN_PORT, |text| value::parse_or(text, "auto", parse_port));
        let include = self.many(&keys::MAP_INCLUDE, parse_include);
        for include in include.iter().flatten() {
            // What was read before is served, and the relay says what is wrong.
            let is_kept = state_dir.is_some_and(|dir| include.kept_in(dir).is_file());
            if let (Include::File(path), false) = (include, is_kept) {
                self.file(&keys::MAP_INCLUDE, include, FileError::check_file(path));
            }
        }
        let without = self.many(&keys::MAP_WITHOUT, parse_text);
        let refresh = self.one(&keys::MAP_REFRESH, |text| value::parse_duration(text, &limits::REFRESH));
        Some(MapSettings {
            serve: serve?,
            region_id: region_id?.try_into().ok()?,
            region_code: region_code?,
            region_name: region_name?,
            node_name: node_name?,
            ipv4: ipv4?,
            ipv6: ipv6?,
            port: port?,
            stun_port: stun_port?,
            include: include?,
            without: without?,
            refresh: refresh?,
        })
    }

    /// Notes if neither family is left to reach `host` by.
    fn can_be_found(&mut self, host: Option<&Host>, ipv4: Option<&str>, ipv6: Option<&str>) {
        let is_off = |written: Option<&str>, is_other: fn(&IpAddr) -> bool| match (written, host) {
            (Some(written), _) => written == OFF,
            (None, Some(Host::Ip(ip))) => is_other(ip),
            (None, _) => false,
        };
        if !is_off(ipv4, IpAddr::is_ipv6) || !is_off(ipv6, IpAddr::is_ipv4) {
            return;
        }
        let (key, other) = match ipv4 {
            Some(_) => (&keys::MAP_IPV4, "IPv6"),
            None => (&keys::MAP_IPV6, "IPv4"),
        };
        self.conflict(key, Conflict::NoAddress { other });
    }
}

fn parse_ipv4(text: &str) -> Result<String, ValueError> {
    match text.parse::<Ipv4Addr>() {
        Ok(ip) => of_a_host(ip.into()).map(|ip| ip.to_string()),
        Err(_) if text == OFF => Ok(text.to_owned()),
        Err(_) => Err(ValueError::Family { family: "IPv4" }),
    }
}

fn parse_ipv6(text: &str) -> Result<String, ValueError> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    match bare.parse::<Ipv6Addr>() {
        Ok(ip) => of_a_host(ip.into()).map(|ip| ip.to_string()),
        Err(_) if text == OFF => Ok(text.to_owned()),
        Err(_) => Err(ValueError::Family { family: "IPv6" }),
    }
}

fn parse_port(text: &str) -> Result<u16, ValueError> {
    let port = value::parse_count(text, &limits::PORT)?;
    u16::try_from(port).map_err(|_| ValueError::Number)
}

fn parse_text(text: &str) -> Result<String, ValueError> {
    if text.trim().is_empty() { Err(ValueError::Empty) } else { Ok(text.to_owned()) }
}

/// As `wherry map check` has it: letters and digits of any script, and the signs of ASCII.
fn parse_word(text: &str) -> Result<String, ValueError> {
    let is_of_words = |one: char| one.is_alphanumeric() || one.is_ascii_graphic();
    match parse_text(text)? {
        word if word.chars().all(is_of_words) => Ok(word),
        _ => Err(ValueError::NotOneWord),
    }
}

fn parse_include(text: &str) -> Result<Include, ValueError> {
    // With a slash too few it is no file either.
    let is_url = text.contains("://") || ["https:", "http:"].iter().any(|scheme| text.starts_with(scheme));
    if !is_url {
        return value::parse_path(text).map(Include::File);
    }
    match text.parse::<Endpoint>() {
        Ok(_) => Ok(Include::Url(text.to_owned())),
        Err(TargetError::UserName) => Err(ValueError::UserName),
        Err(TargetError::Scheme { .. }) => Err(value::unknown_word(text, &["https://", "http://"])),
        Err(_) => Err(ValueError::Url),
    }
}
