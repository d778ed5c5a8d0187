//! The door: what to do about a failed dial, step by step.

use std::io;
use std::net::{IpAddr, SocketAddr};

use wherry_client::{Attempt, AttemptError, DialError, Endpoint, HandshakeError, Step, UpgradeError};

use super::situation::{LOG, Situation, Tool};
use super::tls::{WITHOUT_CERTIFICATE, tls};
use crate::hindrance::Hindrance;

/// What to do about a failed dial.
#[must_use]
pub fn dial(err: &DialError, situation: &Situation<'_>) -> String {
    let port = situation.endpoint.port();
    match err {
        DialError::Timeout { step: Step::Dns, .. } => RESOLVER.to_owned(),
        DialError::Unreachable { attempts } if err.step() == Step::Dns => name(attempts),
        DialError::Unreachable { attempts } => {
            let is_lost = Hindrance::of(attempts)
                .is_some_and(|met| matches!(met, Hindrance::Rejected | Hindrance::Silent | Hindrance::NoWay));
            let within = within(situation.endpoint).filter(|_| is_lost);
            within.unwrap_or_default() + &tcp(attempts, port, situation.tool)
        }
        DialError::Timeout { step: Step::Tcp, .. } => {
            within(situation.endpoint).unwrap_or_default() + &closed(port)
        }
        DialError::Timeout { step, .. } => stuck(*step, situation.tool),
        DialError::Tls(err) => tls(err, situation),
        DialError::Handshake(HandshakeError::Upgrade(err)) => upgrade(err, situation),
        DialError::Handshake(err) => handshake(err, situation.tool),
        _ => LOG.to_owned(),
    }
}

/// Nothing but small packets arrives, and nobody is told: what is too large for a line on the way vanishes there.
pub const LARGE_LOST: &str = "in small packets it works, so large ones are lost on the way, at a line that takes less than its ends think \
                              (PPPoE, a tunnel, a VPN, with ICMP filtered): lower the MTU on the relay's host until it works (ip \
                              link set dev eth0 mtu 1280), or clamp MSS in the router before that line (nft: tcp flags syn tcp \
                              option maxseg size set rt mtu), or let ICMP pass; if other servers hang from here too, do it at this \
                              end";

/// After TCP; doctor and ping have looked whether small packets pass.
fn stuck(step: Step, tool: Tool) -> String {
    let has_looked = matches!(tool, Tool::Ping { .. } | Tool::Doctor { .. });
    let or = match step {
        Step::Tls if !has_looked => ", or large packets are lost on the way (wherry doctor tells)",
        _ => "",
    };
    format!(
        "the relay, or a proxy before it, accepts connections but does not go on: it may be overloaded, or have as many files open \
         as it may{or}; {LOG}"
    )
}

/// The resolver fails, whatever the name is.
pub(crate) const RESOLVER: &str = "the name servers that this host asks (/etc/resolv.conf) do not answer, or fail: check whether other \
                        names resolve here (getent hosts NAME); if they do, those that have the records of this name fail; \
                        until then use the relay's address";

fn name(attempts: &[Attempt]) -> String {
    let is_failing =
        |attempt: &Attempt| matches!(&attempt.error, AttemptError::Lookup(err) if is_of_resolver(err));
    match attempts.iter().any(is_failing) {
        true => RESOLVER.to_owned(),
        false => {
            "check the spelling of the name and its A and AAAA records, or use the relay's address".to_owned()
        }
    }
}

/// Whether it is the resolver that fails, rather than the name that is unknown: the words of the C library, glibc's and musl's,
/// are all that is left of its error.
pub(crate) fn is_of_resolver(err: &io::Error) -> bool {
    let words = err.to_string();
    err.kind() == io::ErrorKind::TimedOut
        || ["Temporary failure", "Try again", "Non-recoverable", "Unrecoverable"]
            .iter()
            .any(|one| words.contains(one))
}

/// What is to be thought of first where the address is none of the internet.
fn within(endpoint: &Endpoint) -> Option<String> {
    let ip: IpAddr = endpoint.host().parse().ok()?;
    let kind = match ip.to_canonical() {
        IpAddr::V4(v4) if v4.is_private() => "a private address",
        IpAddr::V4(v4) if matches!(v4.octets(), [100, 64..=127, ..]) => {
            "an address of a tailnet or a carrier's network (100.64.0.0/10)"
        }
        IpAddr::V6(v6) if v6.is_unique_local() => "a private address",
        _ => return None,
    };
    Some(format!(
        "{ip} is {kind}, which only hosts in that network reach: name the relay by its public one, or ask from within; if this host is \
         in there: "
    ))
}

fn tcp(attempts: &[Attempt], port: u16, tool: Tool) -> String {
    let or = |words: &'static str| if tool.has_families() { words } else { "" };
    match Hindrance::of(attempts) {
        Some(Hindrance::Refused) => format!(
            "nothing listens on {port}/tcp there, or a firewall rejects it: check that the relay runs and on which port"
        ),
        Some(Hindrance::Rejected) => format!(
            "a firewall rejects {port}/tcp, or nobody has that address: check that the address is the relay's, then open the port \
             in the host's firewall and in the provider's; {OWN_NETWORK}"
        ),
        Some(Hindrance::Forbidden) => {
            format!(
                "this host does not let the connection out: check its own firewall{}",
                or(", or try -4 or -6")
            )
        }
        Some(Hindrance::NoWay) => no_way(attempts, tool),
        Some(Hindrance::Silent) => closed(port),
        None if attempts.iter().any(|attempt| matches!(attempt.error, AttemptError::NoFamily)) => format!(
            "the entry{} leaves no address to dial: fill in IPv4 or IPv6 in the map entry",
            or(", or -4 or -6 here,")
        ),
        None => closed(port),
    }
}

/// This host has no way to any of the addresses.
fn no_way(attempts: &[Attempt], tool: Tool) -> String {
    let tried: Vec<SocketAddr> = attempts.iter().filter_map(|attempt| attempt.at.parse().ok()).collect();
    let (has, lacks, flag) = match tried.as_slice() {
        [] => {
            let or = if tool.has_families() { ", or try -4 or -6" } else { "" };
            return format!("there is no way to that address from here: check this host's network{or}");
        }
        all if all.iter().all(SocketAddr::is_ipv6) => ("IPv6", "IPv4", "-6"),
        all if all.iter().all(SocketAddr::is_ipv4) => ("IPv4", "IPv6", "-4"),
        _ => {
            return "this host has no way to any of these addresses, by IPv4 nor by IPv6: check its network"
                .to_owned();
        }
    };
    let or = if tool.has_families() { format!("; if {flag} was given, leave it out") } else { String::new() };
    format!(
        "the relay was tried by {has} alone, to which this host has no way: check this host's {has}, or give the relay an {lacks} \
         address as well{or}"
    )
}

/// Who else may say that nobody is there.
pub(crate) const OWN_NETWORK: &str =
    "if other addresses are not reached from here either, this host's network or router is the cause";

fn closed(port: u16) -> String {
    format!("open {port}/tcp in the host's firewall and in the provider's, and check the address")
}

fn upgrade(err: &UpgradeError, situation: &Situation<'_>) -> String {
    match err {
        UpgradeError::Status { status, body, .. } => refusal(*status, body, situation),
        UpgradeError::WebSocket(_) => not_upgraded(situation.tool),
        UpgradeError::NotHttp => {
            "something else than a relay listens on that port: check host and port".to_owned()
        }
        _ => format!("the relay, or a proxy before it, hangs up on the request; {LOG}"),
    }
}

/// An answer by HTTP in place of the upgrade.
fn refusal(status: u16, body: &str, situation: &Situation<'_>) -> String {
    match status {
        400 if body.contains("HTTPS") && situation.endpoint.is_tls() => {
            "the proxy there speaks plain HTTP to a TLS listener: let it speak HTTPS to the relay and send its name (nginx: \
             proxy_pass https://…; proxy_ssl_server_name on; proxy_ssl_name NAME), or give the relay a listener without TLS for it \
             (wherry: listen = \"plain:127.0.0.1:8080\")"
                .to_owned()
        }
        400 if body.contains("HTTPS") => {
            "that port speaks TLS: name it by its https:// URL, or leave out http://".to_owned()
        }
        400 if body.contains("SSL certificate") => {
            WITHOUT_CERTIFICATE.to_owned()
        }
        200..=299 => {
            "a web server answers there in place of a relay: check host and port; if a proxy stands before the relay, let it know \
             this host name and pass /derp on to the relay"
                .to_owned()
        }
        301..=303 | 307 | 308 => {
            "clients follow no redirect: let the server there pass /derp on to the relay itself, or name the relay as it is reached \
             without one"
                .to_owned()
        }
        401 | 403 | 407 => {
            "something before the relay asks for a log-in, or forbids: let it pass /derp for everybody, the relay has its own \
             admission"
                .to_owned()
        }
        404 => "there is no relay under this path: check the URL, and that the relay is switched on".to_owned(),
        426 => not_upgraded(situation.tool),
        429 => "something before the relay limits requests: raise its limit, or lift it for /derp".to_owned(),
        502..=504 => {
            let or = if status == 503 { "; or it limits requests (nginx: limit_req, limit_conn): lift that for /derp" } else { "" };
            format!(
                "the proxy there does not reach the relay behind it: check that the relay runs, the proxy's target and, if it speaks \
                 TLS to the relay, that it sends the relay's name (nginx: proxy_ssl_server_name on; proxy_ssl_name NAME){or}"
            )
        }
        _ => format!(
            "what answers there is no relay, or a proxy that keeps the request from it: check host and port, and what the proxy \
             does with /derp; {LOG}"
        ),
    }
}

/// The relay got a request of which a proxy took the upgrade out.
fn not_upgraded(tool: Tool) -> String {
    let or = if matches!(tool, Tool::Ping { .. }) { ", or try --websocket" } else { "" };
    format!("if a proxy stands before the relay, let it pass the headers Upgrade and Connection on /derp{or}")
}

fn handshake(err: &HandshakeError, tool: Tool) -> String {
    match (err, tool.key()) {
        (HandshakeError::Refused, _) if tool == Tool::Bench => {
            "a load takes a relay that admits any key: start it with --admit open while it is measured".to_owned()
        }
        (HandshakeError::Refused, Some(key)) => {
            format!(
                "it connects, but the relay does not admit {key}: add that line to the relay's admission list; a derper with \
                 -verify-clients has none, it asks the tailscaled of its host: start that again if it is dead (systemctl restart \
                 tailscaled), and let it be in the tailnet of this node"
            )
        }
        (HandshakeError::Refused, None) => {
            "it connects, but admission is closed to this throw-away key: that may be as intended; to test the rest, \
             give an admitted node's key with --key FILE"
                .to_owned()
        }
        (HandshakeError::Ended | HandshakeError::Io(_), _) => {
            format!("the relay, or a proxy before it, hangs up; {LOG}")
        }
        _ => "what answers there is no DERP relay, or a broken one: check host, port and path".to_owned(),
    }
}

#[cfg(test)]
#[path = "dial_tests.rs"]
pub(super) mod tests;
