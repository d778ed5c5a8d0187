//! What to do about what fails after the dial: a packet, STUN.

use std::io;
use std::net::SocketAddr;

use wherry_client::{DialError, HandshakeError};

use super::relay::Lost;
use super::report::Problem;
use wherry_tools::remedy::LOG;

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
pub(super) fn stun(err: &io::Error, server: SocketAddr) -> Problem {
    let port = server.port();
    let remedy = match err.kind() {
        io::ErrorKind::ConnectionRefused => "let the relay answer STUN there".to_owned(),
        _ => format!("open {port}/udp in the host's firewall and in the provider's"),
    };
    let or = "or say the right port with STUNPort in the map entry (here: --stun-port)";
    Problem { what: no_stun(err, server), remedy: format!("{remedy}, {or}") }
}

/// No STUN answer where nobody said that there is one.
pub(super) fn guessed_stun(err: &io::Error, server: SocketAddr) -> String {
    format!(
        "{}, where most relays have it; if this one has STUN, test it with --stun-port PORT or with its map entry, else \
         say --stun-port off",
        no_stun(err, server)
    )
}

/// No STUN answer from a relay that does not work either.
pub(super) fn silent_stun(err: &io::Error, server: SocketAddr) -> String {
    format!("{}; a relay that cannot serve keeps silent, so mend the rest first", no_stun(err, server))
}

/// STUN that was not asked, because it is not known where.
pub(super) fn unasked_stun(err: &io::Error) -> String {
    format!("STUN was not asked: its server has no address: {err}")
}

fn no_stun(err: &io::Error, server: SocketAddr) -> String {
    match err.kind() {
        io::ErrorKind::TimedOut => format!("no STUN answer from {server}/udp"),
        io::ErrorKind::ConnectionRefused => format!("nothing listens for STUN on {server}/udp"),
        _ => format!("STUN to {server}/udp failed: {err}"),
    }
}
