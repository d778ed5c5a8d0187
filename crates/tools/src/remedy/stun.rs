//! STUN that does not answer.

use std::io;
use std::net::SocketAddr;

use super::OWN_NETWORK;
use crate::hindrance::Hindrance;

/// What came in place of an answer.
pub(crate) fn no_answer(server: SocketAddr, err: &io::Error) -> String {
    match err.kind() {
        io::ErrorKind::ConnectionRefused => {
            format!("STUN is refused at {server}/udp: nothing listens there, or a firewall rejects it")
        }
        _ if is_rejected(err) => {
            format!(
                "STUN is rejected at {server}/udp: a firewall forbids it, or nobody has that address ({err})"
            )
        }
        _ => format!("no answer to STUN from {server}/udp: {err}"),
    }
}

/// What to do about it.
pub(crate) fn stun(port: u16, err: &io::Error) -> String {
    match err.kind() {
        // A host says so where no container has published the port, too.
        io::ErrorKind::ConnectionRefused => format!(
            "let the relay answer STUN on {port}/udp (wherry: stun; derper: -stun), and publish it from the container (docker run -p \
             {port}:{port}/udp); if it does answer there, let the firewall take it in"
        ),
        io::ErrorKind::InvalidData => format!(
            "another program has {port}/udp there: stop it; or give the relay another port (wherry: stun = \":3479\"; derper: -stun-port \
             3479), open that, and write it into STUNPort"
        ),
        _ if is_rejected(err) => format!(
            "check that the address is the relay's, then open {port}/udp in the host's firewall and in the provider's; {OWN_NETWORK}"
        ),
        _ => format!(
            "open {port}/udp in the host's firewall and in the provider's, and publish it from the container (docker run -p \
             {port}:{port}/udp)"
        ),
    }
}

/// Whether somebody on the way says that there is none.
fn is_rejected(err: &io::Error) -> bool {
    Hindrance::of_connect(err) == Hindrance::Rejected
}
