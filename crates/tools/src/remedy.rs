//! What to do about each way a dial can fail, in one plain sentence; for every tool that dials.

use std::io;
use std::net::{IpAddr, SocketAddr};

use wherry_client::{
    Attempt, AttemptError, CertificateFault, DialError, Endpoint, HandshakeError, Pin, PinFailure, Step,
    TlsError, UpgradeError,
};

use crate::hindrance::Hindrance;

/// What else is known when a dial fails.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "callers write it as a literal")]
pub struct Situation<'a> {
    /// What was dialled.
    pub endpoint: &'a Endpoint,
    /// Who dialled.
    pub tool: Tool,
    /// The pin of the certificate that was refused, or why it is refused under that pin too.
    pub seen_pin: Option<&'a Result<Pin, DialError>>,
}

/// Who dials: not all have the same flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tool {
    /// `wherry ping`.
    Ping {
        /// A key was given, so the node is no throw-away one.
        has_key: bool,
    },
    /// `wherry netcheck`.
    Netcheck {
        /// As for [`Ping`](Self::Ping).
        has_key: bool,
    },
    /// `wherry bench`.
    Bench,
    /// `wherry doctor`.
    Doctor {
        /// As for [`Ping`](Self::Ping).
        has_key: bool,
    },
    /// `wherry map entry`.
    Map,
}

impl Tool {
    /// Whether it has -4 and -6.
    const fn has_families(self) -> bool {
        match self {
            Self::Ping { .. } | Self::Netcheck { .. } | Self::Doctor { .. } => true,
            Self::Bench | Self::Map => false,
        }
    }

    /// Whether it dials a relay without TLS: a map has no such entry.
    const fn takes_http(self) -> bool {
        match self {
            Self::Ping { .. } | Self::Doctor { .. } | Self::Bench => true,
            Self::Netcheck { .. } | Self::Map => false,
        }
    }
}

/// Where to read on when this side cannot know more.
pub const LOG: &str = "the relay's own log says more (wherry: with WHERRY_LOG=debug in its environment)";

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
        DialError::Timeout { .. } => format!(
            "the relay, or a proxy before it, accepts connections but does not go on: it may be overloaded; {LOG}"
        ),
        DialError::Tls(err) => tls(err, situation),
        DialError::Handshake(HandshakeError::Upgrade(err)) => upgrade(err, situation),
        DialError::Handshake(err) => handshake(err, situation.tool),
        _ => LOG.to_owned(),
    }
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

fn tls(err: &TlsError, situation: &Situation<'_>) -> String {
    let port = situation.endpoint.port();
    match err {
        TlsError::Pin(failure) => pin(failure, situation),
        TlsError::Certificate { fault, .. } => certificate(*fault, situation),
        TlsError::NotTls => {
            let or = if situation.tool.takes_http() { ", or name it by its http:// URL" } else { "" };
            let derper =
                if port == 443 { "" } else { " (derper does so only on 443 or with -certmode manual)" };
            format!(
                "another program has port {port}, or it speaks plain HTTP: check the port, and let the relay serve TLS \
                 there{derper}{or}"
            )
        }
        TlsError::ClientCertificate => WITHOUT_CERTIFICATE.to_owned(),
        TlsError::Ended(_) | TlsError::Protocol(_) => no_certificate(situation.endpoint.host()),
        _ => "something on the path cuts TLS: try from another network, or another port".to_owned(),
    }
}

/// A proxy that lets nobody in who does not show a certificate.
const WITHOUT_CERTIFICATE: &str = "the server there asks for a certificate of the client, and clients have none: let it do without for \
                                   this host name (nginx: ssl_verify_client off; Caddy: no client_auth)";

/// TLS that ends without a certificate. A relay chooses one by the name in the hello (SNI); for an address none is sent.
fn no_certificate(host: &str) -> String {
    let name = if host.parse::<IpAddr>().is_ok() {
        format!("for the bare address {host}, which TLS sends no name for: name it as its certificate does")
    } else {
        format!(
            "for the name sent to it, {host:?}: name it as its certificate does, or get it one for this name"
        )
    };
    format!("most likely the relay has no certificate {name}; {LOG}")
}

/// Of a certificate that no pin cures, what is to be done about it before it is pinned.
fn before_pin(situation: &Situation<'_>) -> Option<String> {
    let refused = situation.seen_pin?.as_ref().err()?;
    let remedy = dial(refused, &Situation { seen_pin: None, ..*situation });
    Some(format!("pinned, it would be refused too ({refused}): {remedy}"))
}

fn pin(failure: &PinFailure, situation: &Situation<'_>) -> String {
    match (failure, before_pin(situation)) {
        (PinFailure::OtherCertificate { .. }, Some(before)) => {
            format!("if the relay's certificate was replaced: {before}; if not, somebody else answers")
        }
        (failure, _) => pinned(failure),
    }
}

fn pinned(failure: &PinFailure) -> String {
    match failure {
        PinFailure::OtherCertificate { found, .. } => format!(
            "if the relay's certificate was replaced, put \"{found}\" into CertName of the map entry; if not, \
             somebody else answers"
        ),
        PinFailure::SeveralCertificates { .. } => format!(
            "a pin is for one self-signed certificate that is shown alone: let the relay show such a one; or, if these are from \
             an authority, {UNPIN}, and make that authority known to the hosts of all clients unless they know it"
        ),
        PinFailure::Issued { .. } => format!(
            "{UNPIN}: a certificate from an authority is judged by its name, and is another one after each renewal"
        ),
        PinFailure::Expired => {
            "make a new certificate on the relay and put its pin into the map entry".to_owned()
        }
        PinFailure::NotYetValid => NOT_YET.to_owned(),
        PinFailure::OtherName { name } => {
            format!("make a certificate for {name} and put its pin into the map entry")
        }
        _ => "make a new certificate on the relay and put its pin into the map entry".to_owned(),
    }
}

/// A certificate whose time has not come.
const NOT_YET: &str = "if a clock is wrong, this host's or that of whoever issued it, set it; else wait, or let the relay show \
                       one that is valid already";

/// How a pin is taken back.
const UNPIN: &str = "take the pin out (CertName of the map entry; here: --pin)";

fn certificate(fault: CertificateFault, situation: &Situation<'_>) -> String {
    if let (CertificateFault::SelfSigned, Some(before)) = (fault, before_pin(situation)) {
        return before;
    }
    match (fault, situation.seen_pin) {
        (CertificateFault::SelfSigned, Some(Ok(pin))) => format!(
            "pin it: compare with the relay that it is \"{pin}\", then put that \
             into CertName of the map entry (here: --pin)"
        ),
        (CertificateFault::SelfSigned, None) if situation.tool == Tool::Bench => {
            "if the certificate is self-signed, give its --pin, which the relay prints and `wherry ping` shows, or \
             --insecure"
                .to_owned()
        }
        (CertificateFault::IssuerMissing, _) => {
            "let the relay, or the proxy before it, serve the whole chain (fullchain.pem in place of cert.pem: its certificate, then \
             that of the issuer); if the issuer is a root of your own, make it known to the hosts of all clients; do not pin it: \
             after a renewal it is another one"
                .to_owned()
        }
        (CertificateFault::UnknownIssuer, _) => {
            "make that authority known to the hosts of all clients (its root certificate into their store), or let the relay serve \
             one self-signed certificate alone and pin that, or get one from a known authority"
                .to_owned()
        }
        (CertificateFault::Expired, _) => {
            "renew the certificate, and have the relay read it (a reload or a restart)".to_owned()
        }
        (CertificateFault::NotYetValid, _) => NOT_YET.to_owned(),
        (CertificateFault::OtherName, _) => format!(
            "name it as its certificate does, or put that name into CertName of the map entry, or get a \
             certificate for {:?}",
            situation.endpoint.host()
        ),
        _ => "get a certificate from a known authority, or pin a self-signed one".to_owned(),
    }
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
    match err {
        HandshakeError::Refused if tool == Tool::Bench => {
            "a load takes a relay that admits any key: start it with --admit open while it is measured".to_owned()
        }
        HandshakeError::Refused
            if matches!(
                tool,
                Tool::Ping { has_key: true } | Tool::Netcheck { has_key: true } | Tool::Doctor { has_key: true }
            ) =>
        {
            "it connects, but the relay does not admit this key: add it to the relay's admission list; a derper with -verify-clients has \
             none, it asks the tailscaled of its host: start that again if it is dead (systemctl restart tailscaled), and let it be in \
             the tailnet of this node"
                .to_owned()
        }
        HandshakeError::Refused => {
            "it connects, but admission is closed to this throw-away key: that may be as intended; to test the rest, \
             give an admitted node's key with --key FILE"
                .to_owned()
        }
        HandshakeError::Ended | HandshakeError::Io(_) => {
            format!("the relay, or a proxy before it, hangs up; {LOG}")
        }
        _ => "what answers there is no DERP relay, or a broken one: check host, port and path".to_owned(),
    }
}

#[cfg(test)]
#[path = "remedy_tests.rs"]
mod tests;
