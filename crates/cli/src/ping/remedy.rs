//! What to do about each way a relay can fail, in one plain sentence.

use std::io;
use std::net::{IpAddr, SocketAddr};

use wherry_client::{
    AttemptError, CertificateFault, DialError, HandshakeError, Pin, PinFailure, Step, TlsError, UpgradeError,
};

use super::relay::Lost;
use super::report::Problem;
use crate::subject::Subject;

/// What else is known when a dial fails.
pub(super) struct Situation<'a> {
    pub(super) subject: &'a Subject,
    /// A key was given, so the node is no throw-away one.
    pub(super) has_key: bool,
    /// The pin of the certificate that was refused.
    pub(super) seen_pin: Option<Pin>,
}

/// Where to read on when this side cannot know more.
const LOG: &str = "the relay's own log says more (wherry: with WHERRY_LOG=debug in its environment)";

/// A failed dial.
pub(super) fn dial(err: &DialError, situation: &Situation<'_>) -> Problem {
    let port = situation.subject.endpoint.port();
    let remedy = match err {
        DialError::Unreachable { .. } if err.step() == Step::Dns => {
            "check the spelling of the name and its A and AAAA records, or use the relay's address".to_owned()
        }
        DialError::Unreachable { attempts } => tcp(attempts.last().map(|attempt| &attempt.error), port),
        DialError::Timeout { step: Step::Tcp, .. } => closed(port),
        DialError::Timeout { .. } => format!(
            "the relay, or a proxy before it, accepts connections but does not go on: it may be overloaded; {LOG}"
        ),
        DialError::Tls(err) => tls(err, situation),
        DialError::Handshake(HandshakeError::Upgrade(err)) => upgrade(err),
        DialError::Handshake(err) => handshake(err, situation.has_key),
        _ => LOG.to_owned(),
    };
    Problem { what: err.to_string(), remedy }
}

fn tcp(last: Option<&AttemptError>, port: u16) -> String {
    match last {
        Some(AttemptError::Connect(err)) if err.kind() == io::ErrorKind::ConnectionRefused => format!(
            "nothing listens on {port}/tcp there, or a firewall rejects it: check that the relay runs and on which port"
        ),
        Some(AttemptError::Connect(_)) => {
            "there is no way to that address from here: check this host's network, or try -4 or -6".to_owned()
        }
        Some(AttemptError::NoFamily) => {
            "the entry, or -4 or -6 here, leaves no address to dial: fill in IPv4 or IPv6 in the map entry"
                .to_owned()
        }
        _ => closed(port),
    }
}

fn closed(port: u16) -> String {
    format!("open {port}/tcp in the host's firewall and in the provider's, and check the address")
}

fn tls(err: &TlsError, situation: &Situation<'_>) -> String {
    let port = situation.subject.endpoint.port();
    match err {
        TlsError::Pin(failure) => pin(failure),
        TlsError::Certificate { fault, .. } => certificate(*fault, situation),
        TlsError::NotTls => format!(
            "port {port} speaks plain HTTP: let the relay serve TLS there (derper does so only on 443 or with \
             -certmode manual), or ping it by its http:// URL"
        ),
        TlsError::Ended(_) | TlsError::Protocol(_) => no_certificate(situation.subject.endpoint.host()),
        _ => "something on the path cuts TLS: try from another network, or another port".to_owned(),
    }
}

/// TLS that ends without a certificate. A relay chooses one by the name in the hello (SNI); for an address none is sent.
fn no_certificate(host: &str) -> String {
    let name = if host.parse::<IpAddr>().is_ok() {
        format!(
            "for the bare address {host}, which TLS sends no name for: ping it by a name that its certificate has"
        )
    } else {
        format!(
            "for the name sent to it, {host:?}: ping it by a name that its certificate has, or get it one for this name"
        )
    };
    format!("most likely the relay has no certificate {name}; {LOG}")
}

fn pin(failure: &PinFailure) -> String {
    match failure {
        PinFailure::OtherCertificate { found, .. } => format!(
            "if the relay's certificate was replaced, put \"{found}\" into CertName of the map entry; if not, \
             somebody else answers"
        ),
        PinFailure::SeveralCertificates { .. } => {
            "let the relay show its certificate alone, without the chain".to_owned()
        }
        PinFailure::Expired => {
            "make a new certificate on the relay and put its pin into the map entry".to_owned()
        }
        PinFailure::NotYetValid => "compare the clocks of the relay and of this host".to_owned(),
        PinFailure::OtherName { name } => {
            format!("make a certificate for {name} and put its pin into the map entry")
        }
        _ => "make a new certificate on the relay and put its pin into the map entry".to_owned(),
    }
}

fn certificate(fault: CertificateFault, situation: &Situation<'_>) -> String {
    match (fault, situation.seen_pin) {
        (CertificateFault::UnknownIssuer, Some(pin)) => format!(
            "if the certificate is self-signed, pin it: compare with the relay that it is \"{pin}\", then put that \
             into CertName of the map entry (here: --pin)"
        ),
        (CertificateFault::Expired, _) => {
            "renew the certificate, and have the relay read it (a reload or a restart)".to_owned()
        }
        (CertificateFault::NotYetValid, _) => "compare the clocks of the relay and of this host".to_owned(),
        (CertificateFault::OtherName, _) => format!(
            "ping it by a name that the certificate has, or put that name into CertName of the map entry, or get a \
             certificate for {:?}",
            situation.subject.endpoint.host()
        ),
        _ => "get a certificate from a known authority, or pin a self-signed one".to_owned(),
    }
}

fn upgrade(err: &UpgradeError) -> String {
    match err {
        UpgradeError::Status { status: 400, body } if body.contains("HTTPS") => {
            "that port speaks TLS: ping it by its https:// URL".to_owned()
        }
        UpgradeError::Status { status: 404, .. } => {
            "there is no relay under this path: check the URL, and that the relay is switched on".to_owned()
        }
        UpgradeError::Status { status: 502..=504, .. } => {
            "the proxy there does not reach the relay behind it: check that the relay runs and the proxy's target"
                .to_owned()
        }
        UpgradeError::Status { .. } | UpgradeError::WebSocket(_) => {
            "if a proxy stands before the relay, let it pass the headers Upgrade and Connection on /derp, \
             or try --websocket"
                .to_owned()
        }
        UpgradeError::NotHttp => "something else than a relay listens on that port: check host and port".to_owned(),
        _ => format!("the relay, or a proxy before it, hangs up on the request; {LOG}"),
    }
}

fn handshake(err: &HandshakeError, has_key: bool) -> String {
    match err {
        HandshakeError::Refused if has_key => {
            "it connects, but the relay does not admit this key: add it to the relay's admission list".to_owned()
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

/// A packet that did not come out.
pub(super) fn relay(lost: &Lost) -> Problem {
    let remedy = match lost {
        Lost::OverLimit => "the relay's limit is below one packet a second: raise it".to_owned(),
        Lost::Partner(err) => match err {
            DialError::Handshake(HandshakeError::Refused) => {
                "the relay takes one node from here and not a second one: check its limits".to_owned()
            }
            _ => "the relay takes one connection from here and not a second one: check its limits".to_owned(),
        },
        _ => format!(
            "the relay takes connections but passes no packet on: check its limits and its quota; {LOG}"
        ),
    };
    Problem { what: lost.to_string(), remedy }
}

/// STUN whose server has no address.
pub(super) fn stun_name(err: &io::Error) -> Problem {
    Problem {
        what: format!("the STUN server has no address: {err}"),
        remedy: match err.kind() {
            io::ErrorKind::NotFound => "leave out -4 or -6, or give the name such an address".to_owned(),
            _ => "check the spelling of the name and its A and AAAA records".to_owned(),
        },
    }
}

/// STUN without an answer.
pub(super) fn stun(err: &io::Error, server: SocketAddr, is_serving: bool) -> Problem {
    let what = match err.kind() {
        io::ErrorKind::TimedOut => format!("no STUN answer from {server}/udp"),
        io::ErrorKind::ConnectionRefused => format!("nothing listens on {server}/udp"),
        _ => format!("STUN to {server}/udp failed: {err}"),
    };
    let port = server.port();
    let remedy = if is_serving {
        format!(
            "open {port}/udp in the host's firewall and in the provider's, or say the right port with STUNPort in the \
             map entry (here: --stun-port)"
        )
    } else {
        "cure the problem above first: a relay that cannot serve keeps silent so that clients go elsewhere"
            .to_owned()
    };
    Problem { what, remedy }
}

#[cfg(test)]
mod tests {
    use wherry_client::Verify;

    use super::*;

    fn advice(url: &str, err: TlsError) -> String {
        let subject = Subject { endpoint: url.parse().unwrap(), stun: None };
        let subject = Subject { endpoint: subject.endpoint.with_verify(Verify::Nothing), ..subject };
        let situation = Situation { subject: &subject, has_key: false, seen_pin: None };
        dial(&DialError::Tls(err), &situation).remedy
    }

    #[test]
    fn tls_that_ends_without_a_certificate_points_at_the_name() {
        let ended = || TlsError::Ended(io::ErrorKind::UnexpectedEof.into());
        let by_name = advice("https://relay.example", ended());
        assert!(by_name.contains("for the name sent to it, \"relay.example\""), "{by_name}");
        let by_address = advice("https://[2001:db8::7]:8443", ended());
        assert!(by_address.contains("bare address 2001:db8::7"), "{by_address}");
        assert!([by_name, by_address].iter().all(|advice| advice.contains("WHERRY_LOG=debug")));
    }
}
