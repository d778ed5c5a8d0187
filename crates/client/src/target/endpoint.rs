//! One place to dial, with all that a dial needs to know about it.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use rustls::pki_types::ServerName;
use thiserror::Error;

use crate::tls::{BadPin, Verify};

/// One relay to dial: where it is, how it is named, how its certificate is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// What reports call it: the node's name, else its host.
    pub(crate) label: String,
    pub(crate) scheme: Scheme,
    /// DNS name or address, without brackets: named in the TLS hello and in the `Host` header.
    pub(crate) host: String,
    /// `host` as TLS names it.
    pub(crate) server_name: ServerName<'static>,
    pub(crate) port: u16,
    /// Request target, e.g. `/derp`.
    pub(crate) path: String,
    pub(crate) verify: Verify,
    /// Where the addresses of each family come from.
    pub(crate) v4: Address,
    pub(crate) v6: Address,
    /// Looked up in place of `host`.
    pub(crate) dial_host: Option<String>,
    /// Name of the node this one stands in for.
    pub(crate) ideal_node: Option<String>,
}

/// Relays to try in order; the first that accepts a TCP connection is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub(crate) endpoints: Vec<Endpoint>,
    /// Time for the TCP connection to one of them, if shorter than the whole budget.
    pub(crate) per_endpoint: Option<Duration>,
    /// Whether both sides are to send in segments that pass everywhere.
    pub(crate) in_small_segments: bool,
}

/// How the relay is spoken to below HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

/// Where the addresses of one family come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Address {
    /// The host name's; or the host itself if it is an address of this family.
    OfHost,
    /// This one.
    Is(IpAddr),
    /// This family is not used.
    Off,
}

/// IPv4 or IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// Why something cannot be dialled at all.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The text is no URL.
    #[error("not a URL: {}", without_secrets(text))]
    NotUrl {
        /// The text given.
        text: String,
    },
    /// The URL has another scheme than `http` or `https`.
    #[error("a URL that can be dialled starts with https:// or http://, not {scheme}://")]
    Scheme {
        /// The scheme found; empty if there is none.
        scheme: String,
    },
    /// The URL has a user name or password.
    #[error("a URL with a user name or a password is not dialled")]
    UserName,
    /// The host is empty, or neither a DNS name nor an address.
    #[error("{}", if host.is_empty() { "the host name is empty".to_owned() } else { format!("not a host name: {host:?}") })]
    Host {
        /// The host found.
        host: String,
    },
    /// The host name of a node is an IPv6 address without brackets: stock clients put it into a URL, and fail.
    #[error(
        "the host name of node {node} is an IPv6 address without brackets, on which clients fail; write \"[{ip}]\""
    )]
    NoBrackets {
        /// The node's name.
        node: String,
        /// The address.
        ip: Ipv6Addr,
    },
    /// The port is outside 1 to 65535.
    #[error("not a port: {port}")]
    Port {
        /// The port found.
        port: i64,
    },
    /// `CertName` is a pin that cannot be read.
    #[error("the pin of node {node} cannot be used: {reason}")]
    Pin {
        /// The node's name.
        node: String,
        /// What is wrong with it.
        reason: BadPin,
    },
    /// `CertName` is neither a pin nor a DNS name or address.
    #[error("the certificate name of node {node} is no name: {cert_name:?}")]
    CertName {
        /// The node's name.
        node: String,
        /// The field's value.
        cert_name: String,
    },
    /// The node serves STUN only.
    #[error("node {node} serves only STUN, no relay")]
    StunOnly {
        /// The node's name.
        node: String,
    },
    /// The region has no node that relays.
    #[error("region {region} has no node that relays")]
    NoNode {
        /// The region's id.
        region: i64,
    },
}

impl Target {
    /// Exactly one endpoint, with the whole budget for its TCP connection.
    #[must_use]
    pub fn one(endpoint: Endpoint) -> Self {
        Self { endpoints: vec![endpoint], per_endpoint: None, in_small_segments: false }
    }

    /// The same with TCP segments both ways that pass wherever anything does.
    #[must_use]
    pub fn with_small_segments(self) -> Self {
        Self { in_small_segments: true, ..self }
    }

    /// The endpoints in the order they are tried.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }
}

impl Endpoint {
    /// What reports call it: the node's name in the map, else its host.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// DNS name or address (IPv6 without brackets).
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// TCP port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether TLS is spoken; else plain HTTP.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.scheme == Scheme::Https
    }

    /// The host as TLS names it.
    #[must_use]
    pub fn server_name(&self) -> &ServerName<'static> {
        &self.server_name
    }

    /// How its certificate is judged.
    #[must_use]
    pub fn verify(&self) -> &Verify {
        &self.verify
    }

    /// The same relay with another rule for its certificate.
    #[must_use]
    pub fn with_verify(self, verify: Verify) -> Self {
        Self { verify, ..self }
    }

    /// The same relay reached at another host or address (no port); TLS name and `Host` header stay.
    #[must_use]
    pub fn with_dial_host(self, host: impl Into<String>) -> Self {
        let (v4, v6) = (Address::OfHost, Address::OfHost);
        Self { dial_host: Some(host.into()), v4, v6, ..self }
    }

    /// The same relay by one family only.
    #[must_use]
    pub fn with_only(self, family: Family) -> Self {
        match family {
            Family::V4 => Self { v6: Address::Off, ..self },
            Family::V6 => Self { v4: Address::Off, ..self },
        }
    }

    /// The target of the request that asks for DERP.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The `Host` header: brackets around IPv6, the port unless it is the scheme's own.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = match &self.server_name {
            ServerName::IpAddress(ip) if matches!(IpAddr::from(*ip), IpAddr::V6(_)) => {
                format!("[{}]", self.host)
            }
            _ => self.host.clone(),
        };
        match (self.scheme, self.port) {
            (Scheme::Https, 443) | (Scheme::Http, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

/// A URL, or what was taken for one, for logs and people: without what may be a secret, its user and its query.
///
/// A password with a `/`, `?` or `#` ends the host for who reads the URL, and one without its scheme is none at all: what looks
/// like a user is left out with all that stands before the last `@`, be that in the path; where that may be in the query,
/// what follows is left out too.
#[must_use]
pub fn without_secrets(text: &str) -> String {
    let (scheme, rest) = text.split_at(scheme_len(text));
    let (user, public) = match rest.rsplit_once('@') {
        Some((before, _)) if is_user(before, !scheme.is_empty()) && may_be_query(before) => ("…", ""),
        Some((before, after)) if is_user(before, !scheme.is_empty()) => ("…@", after),
        _ => ("", rest),
    };
    match public.split_once(['?', '#']) {
        Some((public, _)) => format!("{scheme}{user}{public}?…"),
        None => format!("{scheme}{user}{public}"),
    }
}

/// The length of the scheme with its slashes, one of which may be missing where the scheme is well known.
fn scheme_len(text: &str) -> usize {
    let name = text.find(|any: char| !any.is_ascii_alphanumeric()).unwrap_or_default();
    let (name, rest) = text.split_at(name);
    let rest = rest.strip_prefix(':').unwrap_or(if name.is_empty() { rest } else { "" });
    let slashes = rest.len() - rest.trim_start_matches('/').len();
    let is_known = ["https", "http"].iter().any(|known| name.eq_ignore_ascii_case(known));
    let is_one =
        slashes > 1 || (is_known && text.get(name.len()..).is_some_and(|rest| rest.starts_with(':')));
    if is_one { text.len() - rest.len() + slashes } else { 0 }
}

/// Whether what stands before an `@` is a user, rather than a host and the beginning of a path: `cdn.example/gh/who/what@main`.
fn is_user(before: &str, has_scheme: bool) -> bool {
    let is_host = |host: &str| host.contains('.') && !host.contains('@');
    let is_path = before.split_once(['/', '?', '#']).is_some_and(|(host, _)| is_host(host));
    before.contains(':') || (has_scheme && !is_path)
}

/// Whether what stands before an `@` may be a host and the beginning of its query.
fn may_be_query(before: &str) -> bool {
    before
        .split_once(['?', '#'])
        .is_some_and(|(public, _)| public.split('/').next().is_some_and(|host| host.contains('.')))
}

/// `host` as TLS names it.
pub(super) fn server_name(host: &str) -> Result<ServerName<'static>, TargetError> {
    ServerName::try_from(host.to_owned()).map_err(|_| TargetError::Host { host: host.to_owned() })
}
