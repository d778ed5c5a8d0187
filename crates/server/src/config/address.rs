//! Names and addresses as they are written in settings.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use super::ValueError;

/// How clients name this relay: a DNS name or an IP address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a host is one or the other")]
pub enum Host {
    /// A DNS name: lower case, no dot at the end.
    Name(String),
    /// An IP address.
    Ip(IpAddr),
}

impl Host {
    /// Reads a name or an address, without port.
    ///
    /// # Errors
    /// Says what keeps `text` from being either.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        if text.is_empty() {
            return Err(ValueError::Empty);
        }
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return Ok(Self::Ip(ip));
        }
        if !text.is_ascii() {
            return Err(ValueError::NotAscii);
        }
        if text.contains("://") {
            return Err(ValueError::NameOfUrl);
        }
        if text.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
            return Err(ValueError::NameWithPort);
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        if is_dns_name(name) { Ok(Self::Name(name.to_ascii_lowercase())) } else { Err(ValueError::Name) }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(ip) => ip.fmt(f),
        }
    }
}

/// A TCP address to serve the relay on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "made by its users as well")]
pub struct ListenAddr {
    /// The address; port 0 takes a free port. See [`dual_stack`] for `[::]`.
    pub addr: SocketAddr,
    /// Whether it speaks TLS.
    pub tls: bool,
}

impl ListenAddr {
    /// Reads `[tls:|plain:][IP]:PORT`.
    ///
    /// # Errors
    /// Says what keeps `text` from being an address.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let (tls, rest) = match text.split_once(':') {
            Some(("plain", rest)) => (false, rest),
            Some(("tls", rest)) => (true, rest),
            _ => (true, text),
        };
        Ok(Self { addr: parse_addr(rest)?, tls })
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.tls { "" } else { "plain:" }, self.addr)
    }
}

/// Whether a socket on `addr` shall take IPv4 as well: it is `[::]` and no other of `all` asks for that port on IPv4.
///
/// `:PORT` in a setting becomes `[::]:PORT`, which is meant to be every address of the host.
#[must_use]
pub fn dual_stack<'a>(addr: &SocketAddr, all: impl IntoIterator<Item = &'a SocketAddr>) -> bool {
    let taken = |other: &SocketAddr| other.is_ipv4() && other.port() == addr.port() && addr.port() != 0;
    addr.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) && !all.into_iter().any(taken)
}

/// Whether `whole` is a wildcard and `part` one of the addresses it stands for, of the same port.
pub(super) fn covers(whole: &SocketAddr, part: &SocketAddr) -> bool {
    let family = whole.is_ipv6() || part.is_ipv4();
    let port = whole.port() == part.port() && whole.port() != 0;
    whole.ip().is_unspecified() && !part.ip().is_unspecified() && family && port
}

/// Whether only this host can reach `ip`.
pub(super) fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// `ip`, if clients can dial it: an address that stands for none, for all or for a group is no host's.
pub(super) fn of_a_host(ip: IpAddr) -> Result<IpAddr, ValueError> {
    let one = ip.to_canonical();
    if one.is_unspecified() || one.is_multicast() || one == IpAddr::V4(Ipv4Addr::BROADCAST) {
        Err(ValueError::NoHost)
    } else {
        Ok(ip)
    }
}

/// Reads a name or an address that clients can dial, without port.
pub(super) fn parse_hostname(text: &str) -> Result<Host, ValueError> {
    match Host::parse(text)? {
        Host::Ip(ip) => of_a_host(ip).map(Host::Ip),
        name @ Host::Name(_) => Ok(name),
    }
}

/// Reads `[IP]:PORT`; without an address it is every address, IPv6 and IPv4.
pub(super) fn parse_addr(text: &str) -> Result<SocketAddr, ValueError> {
    if text.is_empty() {
        return Err(ValueError::Empty);
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Err(ValueError::Brackets);
    }
    if text.parse::<Ipv4Addr>().is_ok() || text.ends_with(']') {
        return Err(ValueError::NoPort);
    }
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    if port.is_empty() {
        return Err(ValueError::NoPort);
    }
    if host.is_empty() && !text.contains(':') && !port.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(ValueError::Ip { text: text.to_owned() });
    }
    let ip = match host {
        "" => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ => parse_ip(host)?,
    };
    Ok(SocketAddr::new(ip, parse_port(port)?))
}

fn parse_ip(host: &str) -> Result<IpAddr, ValueError> {
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let ip = match bracketed {
        Some(inner) => inner.parse().map(IpAddr::V6).ok(),
        None => host.parse().map(IpAddr::V4).ok(),
    };
    if ip.is_none() && host.parse::<Ipv6Addr>().is_ok() {
        return Err(ValueError::Brackets);
    }
    ip.ok_or_else(|| ValueError::Ip { text: host.to_owned() })
}

fn parse_port(port: &str) -> Result<u16, ValueError> {
    // Rust's own parser takes a leading plus sign.
    if port.bytes().all(|byte| byte.is_ascii_digit()) {
        port.parse().map_err(|_| ValueError::Port)
    } else {
        Err(ValueError::Port)
    }
}

/// Letters, digits, hyphens and underscores in labels of 1 to 63, 253 in all, and not just a mistyped IPv4 address.
fn is_dns_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last_is_number =
        name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    name.len() <= 253 && name.split('.').all(label) && !last_is_number
}
