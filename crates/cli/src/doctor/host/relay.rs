//! The relay of these settings as clients have it.

use std::net::SocketAddr;

use wherry_server::clock::Clock;
use wherry_server::config::{CertSetting, Settings};
use wherry_server::{run, tls};
use wherry_tools::doctor::{Diagnosis, Mark, Part};

use crate::subject::{self, Subject};

/// Where a proxy has TLS, which speaks it for a relay that does not.
const HTTPS: u16 = 443;

/// What a client of the relay would dial, by the entry that the relay prints. `is_judged`: it is said otherwise which
/// certificate is good.
///
/// # Errors
/// Why nobody knows, for people.
pub(super) fn subject(settings: &Settings, is_judged: bool) -> Result<Subject, String> {
    if !settings.derp {
        return Err("derp is false, so it is none".to_owned());
    }
    let Some(host) = settings.hostnames.first() else {
        return Err("hostname is not set, so nobody knows what to dial; name it: wherry doctor https://HOST"
            .to_owned());
    };
    let tls = settings.listen.iter().find(|listen| listen.tls);
    let port = tls.map_or(HTTPS, |listen| listen.addr.port());
    if port == 0 && settings.map.port.is_none() {
        return Err("listen is on port 0; name it by the port it has: wherry doctor HOST:PORT".to_owned());
    }
    // One on port 0 is known to the map alone.
    let stun = settings.stun.iter().map(SocketAddr::port);
    let stun = stun.max().filter(|port| *port != 0 || settings.map.stun_port.is_some());
    let entry = run::entry(settings, host, Some(port), stun, pin(settings, is_judged)?);
    let map = entry.map(|entry| entry.map()).unwrap_or_default();
    let node = subject::nodes(&map).next().ok_or("it has no entry in a map")?;
    subject::of_node(node).map_err(|err| err.to_string())
}

/// The pin of a certificate that the relay issued itself.
///
/// # Errors
/// It is self-signed, but this user cannot know it: judged by its name, it would be a bad one.
fn pin(settings: &Settings, is_judged: bool) -> Result<Option<String>, String> {
    let Some(cert) = &settings.cert else { return Ok(None) };
    let is_needed = matches!(cert, CertSetting::SelfSigned { .. }) && !is_judged;
    match tls::pin(cert, &settings.hostnames, Clock::start()) {
        Ok(pin) => Ok(pin),
        Err(err) if is_needed => Err(format!(
            "the pin of its self-signed certificate is not known here ({err}); run as the relay's user or root, or give --pin"
        )),
        Err(_) => Ok(None),
    }
}

/// A relay was asked from its own host: STUN that is not reached from there may be reached from elsewhere, and the entry is made of
/// the settings.
pub(in crate::doctor) fn asked_at_home(diagnosis: &mut Diagnosis) {
    for finding in diagnosis.findings.iter_mut().filter(|finding| finding.is_fault()) {
        let more = match finding.part {
            // A warning says so already.
            Part::Stun if finding.mark == Mark::Error => {
                "; ask from another network too: behind a router that does not turn packets around, a host does not reach \
                 its own address outside"
            }
            Part::Families => "; where the settings name the address, map.ipv4 and map.ipv6 do",
            _ => continue,
        };
        if let Some(remedy) = &mut finding.remedy {
            remedy.push_str(more);
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
        let subject = subject(&load(&sources).unwrap().settings, true)?;
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
    fn what_the_settings_say_of_the_map_wins_over_what_they_say_of_the_listeners() {
        let routed = "hostname = \"r.example\"\nlisten = \":0\"\nself_signed = true\nstun = \":3479\"\n[map]\nport = 8443\nstun_port = 3478";
        assert_eq!(subject_of(routed), Ok(("r.example".to_owned(), 8443, Some(3478))));
    }

    #[test]
    fn a_self_signed_relay_is_not_judged_by_name_where_its_pin_cannot_be_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = "admit = \"open\"\nstate = \"/nonexistent\"\nhostname = \"r.example\"\nself_signed = true";
        std::fs::write(file.path(), text).unwrap();
        let sources = Sources { file: Some(file.path().to_owned()), ..Sources::default() };
        let settings = load(&sources).unwrap().settings;
        let why = subject(&settings, false).unwrap_err();
        assert!(why.contains("as the relay's user or root, or give --pin"), "{why}");
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
