//! The relay of these settings as clients have it.

use std::net::SocketAddr;

use wherry_client::{Endpoint, Pin, Verify};
use wherry_server::clock::Clock;
use wherry_server::config::{Host, Settings};
use wherry_server::tls;
use wherry_tools::doctor::{Diagnosis, Part};

use crate::subject::{Stun, Subject};

/// Where a proxy has TLS, which speaks it for a relay that does not.
const HTTPS: u16 = 443;

/// What a client of the relay would dial.
///
/// # Errors
/// Why nobody knows, for people.
pub(super) fn subject(settings: &Settings) -> Result<Subject, String> {
    if !settings.derp {
        return Err("derp is false, so it is none".to_owned());
    }
    let Some(host) = settings.hostnames.first() else {
        return Err("hostname is not set, so nobody knows what to dial; name it: wherry doctor https://HOST"
            .to_owned());
    };
    let tls = settings.listen.iter().find(|listen| listen.tls);
    let port = tls.map_or(HTTPS, |listen| listen.addr.port());
    if port == 0 {
        return Err("listen is on port 0; name it by the port it has: wherry doctor HOST:PORT".to_owned());
    }
    let host = match host {
        Host::Ip(ip) => SocketAddr::new(*ip, port).to_string(),
        Host::Name(name) => format!("{name}:{port}"),
    };
    let endpoint: Endpoint = format!("https://{host}").parse().map_err(|err| format!("{err}"))?;
    let stun = settings.stun.iter().map(SocketAddr::port).find(|port| *port != 0).map(Stun::at);
    Ok(Subject { endpoint: pinned(endpoint, settings), stun })
}

/// By its pin, if the relay's certificate is issued by itself.
fn pinned(endpoint: Endpoint, settings: &Settings) -> Endpoint {
    let cert = settings.cert.as_ref();
    let pin = cert.and_then(|cert| tls::pin(cert, &settings.hostnames, Clock::start()).ok().flatten());
    match pin.and_then(|pin| pin.parse::<Pin>().ok()) {
        Some(pin) => endpoint.with_verify(Verify::Pin(pin)),
        None => endpoint,
    }
}

/// A relay was asked from its own host: what is not reached from there may be reached from elsewhere.
pub(in crate::doctor) fn asked_at_home(diagnosis: &mut Diagnosis) {
    for finding in diagnosis.findings.iter_mut().filter(|finding| finding.is_fault()) {
        if let (Part::Port | Part::Stun, Some(remedy)) = (finding.part, &mut finding.remedy) {
            remedy.push_str(
                "; ask from another network too: behind a router that does not turn packets around, a host does not reach \
                 its own address outside",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wherry_server::config::{Sources, load};

    fn subject_of(text: &str) -> Result<(String, u16, Option<u16>), String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("admit = \"open\"\nstate = \"/nonexistent\"\n{text}")).unwrap();
        let sources = Sources { file: Some(file.path().to_owned()), ..Sources::default() };
        let subject = subject(&load(&sources).unwrap().settings)?;
        let endpoint = subject.endpoint;
        Ok((endpoint.host().to_owned(), endpoint.port(), subject.stun.map(|stun| stun.port)))
    }

    #[test]
    fn clients_dial_the_first_hostname_and_the_port_that_speaks_tls() {
        let own = "hostname = [\"r.example\", \"s.example\"]\nlisten = [\"plain::80\", \":8443\"]\nself_signed = true\nstun = \":3479\"";
        assert_eq!(subject_of(own), Ok(("r.example".to_owned(), 8443, Some(3479))));
        let six = "hostname = \"2001:db8::7\"\nself_signed = true\nstun = \"off\"";
        assert_eq!(subject_of(six), Ok(("2001:db8::7".to_owned(), 443, None)));
        let proxied =
            "hostname = \"r.example\"\nlisten = \"plain:127.0.0.1:8080\"\nhttp = \"off\"\nstun = \":3478\"";
        assert_eq!(subject_of(proxied), Ok(("r.example".to_owned(), 443, Some(3478))));
    }

    #[test]
    fn what_nobody_can_dial_is_said_with_the_reason() {
        for (text, word) in [
            ("listen = \"plain:127.0.0.1:8080\"", "hostname is not set"),
            ("hostname = \"r.example\"\nlisten = \":0\"\nself_signed = true", "port 0"),
            ("hostname = \"r.example\"\nderp = false\nself_signed = true", "derp is false"),
        ] {
            let why = subject_of(text).unwrap_err();
            assert!(why.contains(word), "{why}");
        }
    }
}
