//! The relay of these settings as clients have it.

use std::net::SocketAddr;

use wherry_client::{Endpoint, Pin, Verify};
use wherry_server::clock::Clock;
use wherry_server::config::{Host, Settings};
use wherry_server::tls;

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
