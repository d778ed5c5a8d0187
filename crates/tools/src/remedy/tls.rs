//! TLS: certificates, pins, and handshakes that end before there is one.

use std::net::IpAddr;

use wherry_client::{CertificateFault, Objection, PinFailure, TlsError};

use super::situation::{LOG, Situation, Tool};

/// What to do about TLS that failed.
pub(super) fn tls(err: &TlsError, situation: &Situation<'_>) -> String {
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
        TlsError::Ended(_) => ended(situation.endpoint.host()),
        TlsError::Protocol(_) => objection(err.objection().unwrap_or(Objection::Other), situation),
        _ => "something on the path cuts TLS: try from another network, or another port".to_owned(),
    }
}

/// A proxy that lets nobody in who does not show a certificate.
pub(super) const WITHOUT_CERTIFICATE: &str = "the server there asks for a certificate of the client, and clients have none: let it do without for \
                                   this host name (nginx: ssl_verify_client off; Caddy: no client_auth)";

/// A connection that ends with the hello: what answers a hello itself says why not.
fn ended(host: &str) -> String {
    let name = if is_address(host) {
        format!("for the bare address {host}, which TLS sends no name for")
    } else {
        format!("for the name sent to it, {host:?}")
    };
    format!(
        "most likely a TCP proxy answers there (nginx stream, HAProxy, an SNI router) that does not reach the relay behind it, or \
         has no way {name}: check that the relay runs, and the proxy's target and names; {PROXY_PROTOCOL}; {LOG}"
    )
}

/// Relays do not understand it, and neither do servers that are not told to.
const PROXY_PROTOCOL: &str = "if a proxy speaks the PROXY protocol to the relay, switch that off (nginx: proxy_protocol off; HAProxy: no \
                              send-proxy)";

/// A handshake that one of the two sides ended with a word.
fn objection(objection: Objection, situation: &Situation<'_>) -> String {
    match objection {
        Objection::Version => "the server there speaks neither TLS 1.3 nor 1.2, and no client speaks less: let it speak both (nginx: \
                               ssl_protocols TLSv1.2 TLSv1.3)"
            .to_owned(),
        Objection::Algorithms => format!(
            "stock clients may work all the same: this tool speaks TLS 1.3 and 1.2 with modern ciphers alone, programs written in Go \
             know more; let the server there speak TLS 1.3 with the usual curves (nginx: ssl_protocols TLSv1.2 TLSv1.3; no \
             ssl_ecdh_curve), then every client works; if it does, it has no certificate {}; {LOG}",
            for_name(situation.endpoint.host())
        ),
        Objection::Name => {
            format!("most likely the relay has no certificate {}; {LOG}", for_name(situation.endpoint.host()))
        }
        Objection::Hello => format!(
            "most likely something puts bytes of its own before TLS: {PROXY_PROTOCOL}; if no proxy stands there, something on the \
             path changes TLS: try from another network; {LOG}"
        ),
        _ => format!("the server there, or something on the path, breaks TLS: try from another network; {LOG}"),
    }
}

/// A relay chooses its certificate by the name in the hello (SNI); for an address none is sent.
fn for_name(host: &str) -> String {
    if is_address(host) {
        format!("for the bare address {host}, which TLS sends no name for: name it as its certificate does")
    } else {
        format!(
            "for the name sent to it, {host:?}: name it as its certificate does, or get it one for this name"
        )
    }
}

fn is_address(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok()
}

/// Of a certificate that no pin cures, what is to be done about it before it is pinned.
fn before_pin(situation: &Situation<'_>) -> Option<String> {
    let refused = situation.seen_pin?.as_ref().err()?;
    Some(format!("pinned, it would be refused too ({refused}): {}", pinned(refused)))
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

/// Who issued a certificate is not trusted.
const UNKNOWN_AUTHORITY: &str = "make that authority known to the hosts of all clients (its root certificate into their store), or let \
                                 the relay serve one self-signed certificate alone and pin that, or get one from a known authority";

/// How a pin is taken back.
const UNPIN: &str = "take the pin out (CertName of the map entry; here: --pin)";

/// What to do about a certificate that is refused.
pub fn certificate(fault: CertificateFault, situation: &Situation<'_>) -> String {
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
        (CertificateFault::UnknownIssuer, _) => UNKNOWN_AUTHORITY.to_owned(),
        (CertificateFault::NoStore, _) => format!(
            "give this host its store first (apt-get install ca-certificates, apk add ca-certificates), or correct SSL_CERT_FILE \
             and SSL_CERT_DIR if they are set; if the certificate is refused still: {UNKNOWN_AUTHORITY}"
        ),
        (CertificateFault::OtherKey, _) => {
            "if that authority was made anew under its old name, put its new root certificate in place of the old one into the stores \
             of all clients, and of this host; if it was not, let the relay, or the proxy before it, show its present certificate \
             with the chain that was issued with it (fullchain.pem)"
                .to_owned()
        }
        (CertificateFault::IssuerExpired, _) => {
            "let the relay, or the proxy before it, serve the chain as its authority issues it now (renew, and serve fullchain.pem), \
             not a kept copy of the issuer's certificate; if that authority is your own, renew the issuer's certificate and serve \
             that behind the relay's"
                .to_owned()
        }
        (CertificateFault::WeakKey, _) => {
            "stock clients may work all the same; make a new key, ECDSA P-256 or RSA with 2048 bits or more, and have the certificate issued for that (certbot: --key-type \
             ecdsa); an issuer of your own needs such a key too"
                .to_owned()
        }
        (CertificateFault::Expired, _) => {
            "renew the certificate, and have the relay read it (a reload or a restart)".to_owned()
        }
        (CertificateFault::NotYetValid, _) => NOT_YET.to_owned(),
        (CertificateFault::OtherName, _) => format!(
            "name it as its certificate does, or put that name into CertName of the map entry (of a wildcard one that it covers: \
             derp.example.com for *.example.com), or get a certificate for {:?}",
            situation.endpoint.host()
        ),
        (CertificateFault::NotForServers, _) => {
            "get a certificate for TLS servers (extended key usage serverAuth), or pin a self-signed one".to_owned()
        }
        _ => "get a certificate from a known authority, or pin a self-signed one".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::super::dial::tests::advice;
    use super::*;

    /// Whether the name in the hello is what the server misses is not to be known: there may be a proxy without a relay.
    #[test]
    fn tls_that_ends_without_a_word_points_at_a_proxy_and_its_names() {
        let ended = || TlsError::Ended(io::ErrorKind::UnexpectedEof.into());
        let by_name = advice("https://relay.example", Tool::Bench, ended());
        assert!(by_name.contains("for the name sent to it, \"relay.example\""), "{by_name}");
        let by_address = advice("https://[2001:db8::7]:8443", Tool::Ping { key: None }, ended());
        assert!(by_address.contains("bare address 2001:db8::7"), "{by_address}");
        for advice in [by_name, by_address] {
            assert!(advice.contains("TCP proxy") && advice.contains("WHERRY_LOG=debug"), "{advice}");
        }
    }
}
