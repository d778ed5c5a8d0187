use std::time::Duration;

use wherry_client::{CertificateFault, NodePrivate, Pin, PinFailure, TlsError};
use wherry_wire::derp::HandshakeError as WireError;

use super::super::tls::certificate;
use super::*;

#[test]
fn a_resolver_that_fails_and_a_name_that_is_unknown_are_told_apart() {
    let said = |words: &str| {
        let error = AttemptError::Lookup(io::Error::other(words.to_owned()));
        name(&[Attempt { label: String::new(), at: String::new(), error }])
    };
    let prefix = "failed to lookup address information: ";
    for words in ["Temporary failure in name resolution", "Try again"] {
        assert!(said(&format!("{prefix}{words}")).contains("/etc/resolv.conf"), "{words}");
    }
    assert!(is_of_resolver(&io::ErrorKind::TimedOut.into()));
    for words in ["Name or service not known", "Name does not resolve", "No address associated with hostname"]
    {
        assert!(said(&format!("{prefix}{words}")).contains("spelling"), "{words}");
    }
}

pub(in crate::remedy) fn advice(url: &str, tool: Tool, err: TlsError) -> String {
    let endpoint = url.parse().unwrap();
    dial(&DialError::Tls(err), &Situation { endpoint: &endpoint, tool, seen_pin: None })
}

#[test]
fn a_family_that_nobody_has_is_not_advised() {
    let no_way = |at: &[&str]| {
        let attempt = |at: &&str| Attempt {
            label: String::new(),
            at: (*at).to_owned(),
            error: AttemptError::Connect(io::ErrorKind::NetworkUnreachable.into()),
        };
        tcp(&at.iter().map(attempt).collect::<Vec<_>>(), 443, Tool::Doctor { key: None })
    };
    let (four, six) = ("192.0.2.7:443", "[2001:db8::7]:443");
    let said = no_way(&[six]);
    assert!(said.contains("by IPv6 alone") && !said.contains("try -4"), "{said}");
    assert!(no_way(&[four]).contains("by IPv4 alone"));
    assert!(no_way(&[four, six]).contains("nor by IPv6"));
}

#[test]
fn a_key_that_is_refused_may_be_so_by_a_list_or_by_a_tailscaled() {
    let key = Some(NodePrivate::generate([7; 32]).public());
    for tool in [Tool::Ping { key }, Tool::Doctor { key }] {
        let said = handshake(&HandshakeError::Refused, tool);
        assert!(said.contains("admission list") && said.contains("restart tailscaled"), "{said}");
    }
    assert!(handshake(&HandshakeError::Refused, Tool::Doctor { key: None }).contains("--key FILE"));
}

#[test]
fn a_private_address_that_is_not_reached_is_told_as_such() {
    let said = |host: &str, number| {
        let endpoint = format!("https://{host}").parse().unwrap();
        let error = AttemptError::Connect(io::Error::from(number));
        let err = DialError::Unreachable {
            attempts: vec![Attempt { label: String::new(), at: String::new(), error }],
        };
        dial(&err, &Situation { endpoint: &endpoint, tool: Tool::Doctor { key: None }, seen_pin: None })
    };
    let no_way = io::ErrorKind::NetworkUnreachable;
    assert!(said("10.0.0.7", no_way).starts_with("10.0.0.7 is a private address"));
    assert!(said("100.64.0.7", no_way).contains("a tailnet or a carrier's"));
    assert!(!said("10.0.0.7", io::ErrorKind::ConnectionRefused).contains("private"), "somebody is there");
    assert!(!said("203.0.113.7", no_way).contains("private"));
}

/// What a tool would refuse is not advised.
#[test]
fn advice_names_what_the_tool_takes() {
    let tools = [
        (Tool::Ping { key: None }, true, true),
        (Tool::Doctor { key: None }, true, true),
        (Tool::Netcheck { key: None }, true, false),
        (Tool::Bench, false, true),
        (Tool::Map, false, false),
    ];
    for (tool, has_families, takes_http) in tools {
        for last in [AttemptError::Connect(io::ErrorKind::NetworkUnreachable.into()), AttemptError::NoFamily]
        {
            let attempts = [Attempt { label: String::new(), at: String::new(), error: last }];
            assert_eq!(tcp(&attempts, 443, tool).contains("-4 or -6"), has_families, "{tool:?}");
        }
        let plain = advice("https://relay.example", tool, TlsError::NotTls);
        assert_eq!(plain.contains("http:// URL"), takes_http, "{tool:?}");
    }
}

#[test]
fn each_answer_in_place_of_an_upgrade_has_its_own_advice() {
    let https = "Client sent an HTTP request to an HTTPS server.";
    for (url, status, body, word) in [
        ("https://relay.example", 426, "DERP requires connection upgrade", "Upgrade and Connection"),
        ("https://relay.example", 400, https, "plain HTTP to a TLS listener"),
        ("http://relay.example", 400, https, "https:// URL"),
        ("https://relay.example", 400, "No required SSL certificate was sent", "certificate of the client"),
        ("https://relay.example", 200, "", "web server answers"),
        ("https://relay.example", 302, "", "follow no redirect"),
        ("https://relay.example", 401, "", "log-in"),
        ("https://relay.example", 429, "", "limits requests"),
        ("https://relay.example", 502, "502 Bad Gateway", "does not reach the relay"),
        ("https://relay.example", 502, "", "proxy_ssl_name NAME"),
        ("https://relay.example", 503, "", "limit_req"),
        ("https://relay.example", 400, https, "proxy_ssl_name NAME"),
        ("https://relay.example", 400, "", "keeps the request from it"),
    ] {
        let endpoint = url.parse().unwrap();
        let situation = Situation { endpoint: &endpoint, tool: Tool::Doctor { key: None }, seen_pin: None };
        let said = refusal(status, body, &situation);
        assert!(said.contains(word), "{status}: {said}");
    }
}

const PIN: &str = "sha256-raw:0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a";

/// What doctor says of a relay on this port.
fn said_at(port: u16, err: &DialError, seen_pin: Option<&Result<Pin, PinFailure>>) -> String {
    let endpoint = format!("https://relay.example:{port}").parse().unwrap();
    dial(err, &Situation { endpoint: &endpoint, tool: Tool::Doctor { key: None }, seen_pin })
}

fn attempted(error: AttemptError) -> DialError {
    DialError::Unreachable { attempts: vec![Attempt { label: String::new(), at: String::new(), error }] }
}

#[test]
fn each_way_a_step_fails_has_its_own_advice() {
    let late = |step| DialError::Timeout { step, limit: Duration::from_secs(5) };
    let connect = |kind: io::ErrorKind| attempted(AttemptError::Connect(kind.into()));
    let shaken = |err: HandshakeError| DialError::Handshake(err);
    let upgrade = |err: UpgradeError| shaken(HandshakeError::Upgrade(err));
    for (err, words) in [
        (late(Step::Dns), "/etc/resolv.conf"),
        (late(Step::Tcp), "open 443/tcp in the host's firewall"),
        (late(Step::Tls), "does not go on: it may be overloaded"),
        (connect(io::ErrorKind::ConnectionRefused), "nothing listens on 443/tcp there"),
        (connect(io::ErrorKind::HostUnreachable), "or nobody has that address"),
        (connect(io::ErrorKind::PermissionDenied), "this host does not let the connection out"),
        (connect(io::ErrorKind::NetworkUnreachable), "there is no way to that address from here"),
        (attempted(AttemptError::Timeout { limit: Duration::ZERO }), "open 443/tcp in the host's firewall"),
        (attempted(AttemptError::NoFamily), "leaves no address to dial: fill in IPv4 or IPv6"),
        (
            DialError::Tls(TlsError::Io(io::ErrorKind::ConnectionReset.into())),
            "something on the path cuts TLS",
        ),
        (DialError::Tls(TlsError::ClientCertificate), "ssl_verify_client off"),
        (upgrade(UpgradeError::NotHttp), "something else than a relay listens"),
        (upgrade(UpgradeError::Ended), "hangs up on the request"),
        (shaken(HandshakeError::Ended), "hangs up; "),
        (shaken(HandshakeError::Io(io::ErrorKind::BrokenPipe.into())), "hangs up; "),
        (shaken(HandshakeError::Protocol(WireError::WrongMagic)), "what answers there is no DERP relay"),
    ] {
        let said = said_at(443, &err, None);
        assert!(said.contains(words), "{err:?}: {said}");
    }
    let derper =
        |port| said_at(port, &DialError::Tls(TlsError::NotTls), None).contains("derper does so only");
    assert_eq!([derper(443), derper(8443)], [false, true]);
}

#[test]
fn each_fault_of_a_pinned_certificate_has_its_own_advice() {
    let pin: Pin = PIN.parse().unwrap();
    for (failure, words) in [
        (PinFailure::NoIdentity, "make a new certificate on the relay"),
        (PinFailure::SeveralCertificates { count: 2 }, "let the relay show such a one"),
        (PinFailure::OtherCertificate { found: pin, wanted: pin }, "was replaced, put \"sha256-raw:0a"),
        (PinFailure::Issued { issuer: "CA".to_owned() }, "is another one after each renewal"),
        (PinFailure::Expired, "make a new certificate on the relay"),
        (PinFailure::NotYetValid, "one that is valid already"),
        (PinFailure::OtherName { name: "x.example".to_owned() }, "make a certificate for x.example"),
    ] {
        let said = said_at(443, &DialError::Tls(TlsError::Pin(failure.clone())), None);
        assert!(said.contains(words), "{failure:?}: {said}");
    }
    let refused = Err(PinFailure::Expired);
    let other = DialError::Tls(TlsError::Pin(PinFailure::OtherCertificate { found: pin, wanted: pin }));
    let said = said_at(443, &other, Some(&refused));
    assert!(said.contains("was replaced: pinned, it would be refused too"), "{said}");
    assert!(said.contains("make a new certificate") && said.ends_with("somebody else answers"), "{said}");
}

#[test]
fn each_fault_of_a_certificate_has_its_own_advice() {
    let endpoint = "https://relay.example".parse().unwrap();
    let said = |fault, tool, seen_pin: Option<&Result<Pin, PinFailure>>| {
        certificate(fault, &Situation { endpoint: &endpoint, tool, seen_pin })
    };
    let doctor = Tool::Doctor { key: None };
    for (fault, words) in [
        (CertificateFault::SelfSigned, "or pin a self-signed one"),
        (CertificateFault::IssuerMissing, "serve the whole chain (fullchain.pem"),
        (CertificateFault::UnknownIssuer, "make that authority known to the hosts of all clients"),
        (CertificateFault::WeakKey, "ECDSA P-256 or RSA with 2048 bits"),
        (CertificateFault::NoStore, "apt-get install ca-certificates"),
        (CertificateFault::OtherKey, "its new root certificate in place of the old one"),
        (CertificateFault::NotForServers, "extended key usage serverAuth"),
        (CertificateFault::IssuerExpired, "not a kept copy of the issuer's certificate"),
        (CertificateFault::Expired, "renew the certificate"),
        (CertificateFault::NotYetValid, "one that is valid already"),
        (CertificateFault::OtherName, "name it as its certificate does"),
        (CertificateFault::Other, "from a known authority"),
    ] {
        let said = said(fault, doctor, None);
        assert!(said.contains(words), "{fault:?}: {said}");
    }
    let shown = Ok(PIN.parse().unwrap());
    let pinned = said(CertificateFault::SelfSigned, doctor, Some(&shown));
    assert!(pinned.contains(PIN) && pinned.contains("compare with the relay"), "{pinned}");
    let bench = said(CertificateFault::SelfSigned, Tool::Bench, None);
    assert!(bench.contains("--insecure"), "{bench}");
    let refused = Err(PinFailure::Expired);
    let before = said(CertificateFault::SelfSigned, doctor, Some(&refused));
    assert!(before.starts_with("pinned, it would be refused too"), "{before}");
}

#[test]
fn answers_of_one_kind_have_one_advice() {
    let endpoint: Endpoint = "https://relay.example".parse().unwrap();
    let said = |status, tool| refusal(status, "", &Situation { endpoint: &endpoint, tool, seen_pin: None });
    let doctor = Tool::Doctor { key: None };
    for (statuses, words) in [
        (&[200, 204, 299][..], "a web server answers"),
        (&[301, 302, 303, 307, 308], "clients follow no redirect"),
        (&[401, 403, 407], "asks for a log-in"),
        (&[404], "no relay under this path"),
        (&[502, 503, 504], "does not reach the relay"),
        (&[400, 405, 500], "keeps the request from it"),
    ] {
        for status in statuses {
            assert!(said(*status, doctor).contains(words), "{status}: {}", said(*status, doctor));
        }
    }
    let websocket = |tool| said(426, tool).contains("--websocket");
    assert_eq!([websocket(Tool::Ping { key: None }), websocket(doctor)], [true, false]);
}

#[test]
fn a_key_that_is_refused_is_to_be_admitted_and_a_throw_away_one_to_be_replaced() {
    let said = |tool| handshake(&HandshakeError::Refused, tool);
    let with = |key| [Tool::Ping { key }, Tool::Netcheck { key }, Tool::Doctor { key }];
    let key = NodePrivate::generate([7; 32]).public();
    for tool in with(Some(key)) {
        assert!(said(tool).contains(&format!("does not admit {key}: add that line")), "{tool:?}");
    }
    for tool in with(None).into_iter().chain([Tool::Map]) {
        assert!(said(tool).contains("admission is closed to this throw-away key"), "{tool:?}");
    }
    assert!(said(Tool::Bench).contains("--admit open"));
}
