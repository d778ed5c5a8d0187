//! Why a figure is missing, and what to do.

use std::io;
use std::net::SocketAddr;

use serde::Serialize;
use wherry_client::{
    AttemptError, DialError, Endpoint, Family, HandshakeError, NodePublic, Pin, PinFailure, Step,
    TargetError, TlsError,
};

use crate::remedy::{self, Situation, Tool};

/// The kinds of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reason {
    /// No answer in time: filtered on the way, or nobody there.
    Timeout,
    /// The host is there and nothing listens on the port, or who is asked refuses.
    Refused,
    /// There is no way to the address from here.
    Unreachable,
    /// This host itself does not let it out, or the network between lets no such traffic pass.
    Blocked,
    /// The name does not resolve.
    NotResolved,
    /// The name has no address of the family.
    NoAddress,
    /// This host has no address of the family.
    NoFamily,
    /// The map says not to ask.
    SwitchedOff,
    /// The certificate is not the pinned one.
    Pin,
    /// The certificate is refused for another reason.
    Certificate,
    /// TLS fails.
    Tls,
    /// What answers is no relay.
    NotRelay,
    /// The relay works, but does not admit this key.
    NotAdmitted,
    /// The relay hung up or broke the protocol.
    Broken,
    /// The map entry cannot be used.
    BadEntry,
    /// Too little was asked or answered to tell.
    TooLittle,
    /// It was not needed.
    NotNeeded,
}

/// Why a figure is missing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "PascalCase")]
#[non_exhaustive]
pub struct Why {
    /// Which kind of reason.
    pub reason: Reason,
    /// What was found, in words.
    pub what: String,
    /// What to do; empty if there is nothing to be done.
    pub remedy: String,
}

impl Why {
    pub(super) fn new(reason: Reason, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { reason, what: what.into(), remedy: remedy.into() }
    }

    /// The map switches the family off for a node, or names no address of it.
    pub(super) fn off(family: Family) -> Self {
        let what = format!("the map switches {family} off for it");
        Self::new(Reason::SwitchedOff, what, "")
    }

    /// This host lacks the family.
    pub(super) fn no_family(family: Family) -> Self {
        let what = format!("this host has no {family} address to ask from");
        Self::new(Reason::NoFamily, what, "")
    }

    pub(super) fn not_resolved(host: &str, err: &io::Error) -> Self {
        let remedy = "check the spelling of the name and its A and AAAA records, and this host's resolver; or put the \
                      addresses into IPv4 and IPv6 of the map entry";
        Self::new(Reason::NotResolved, format!("the name {host:?} does not resolve: {err}"), remedy)
    }

    pub(super) fn no_address(host: &str, family: Family) -> Self {
        let (record, off) = match family {
            Family::V4 => ("an A", "IPv4"),
            Family::V6 => ("an AAAA", "IPv6"),
        };
        let remedy = format!("give it {record} record, or say {off}: none in the map entry");
        Self::new(Reason::NoAddress, format!("the name {host:?} has no {family} address"), remedy)
    }

    /// STUN without an answer.
    pub(super) fn stun(err: &io::Error, server: SocketAddr) -> Self {
        let port = server.port();
        let open = format!(
            "open {port}/udp in the relay's firewall and its provider's, or say the right port with STUNPort in the map \
             entry; a relay that cannot serve keeps silent, too"
        );
        match err.kind() {
            io::ErrorKind::TimedOut => {
                Self::new(Reason::Timeout, format!("no answer from {server}/udp"), open)
            }
            io::ErrorKind::ConnectionRefused => {
                let serve = "let the relay answer STUN there, or say the right port: STUNPort in the map entry, or here \
                             --stun-port PORT, or off where there is none; if it does answer there, a firewall rejects UDP";
                Self::new(
                    Reason::Refused,
                    format!("nothing listens for STUN on {server}/udp, or a firewall rejects it"),
                    serve,
                )
            }
            io::ErrorKind::PermissionDenied => Self::new(
                Reason::Blocked,
                format!("this host does not let a datagram out to {server}: {err}"),
                format!("let {port}/udp out in this host's own firewall"),
            ),
            _ => Self::new(
                Reason::Unreachable,
                format!("there is no way to {server} from here: {err}"),
                "check this host's network and its routes",
            ),
        }
    }

    /// A relay that could not be dialled.
    pub(super) fn dial(
        err: &DialError,
        endpoint: &Endpoint,
        key: Option<NodePublic>,
        seen_pin: Option<&Result<Pin, PinFailure>>,
    ) -> Self {
        let remedy = remedy::dial(err, &Situation { endpoint, tool: Tool::Netcheck { key }, seen_pin });
        Self::new(reason(err), err.to_string(), remedy)
    }

    /// A map entry that no client can dial.
    pub(super) fn bad_entry(err: &TargetError) -> Self {
        match err {
            TargetError::StunOnly { .. } => {
                Self::new(Reason::SwitchedOff, "the map says that it serves STUN only", "")
            }
            _ => Self::new(
                Reason::BadEntry,
                err.to_string(),
                "mend the map entry; wherry map check names its mistakes",
            ),
        }
    }
}

fn reason(err: &DialError) -> Reason {
    match err {
        DialError::Unreachable { attempts } => {
            attempts.last().map_or(Reason::NoFamily, |last| match &last.error {
                AttemptError::Lookup(_) => Reason::NotResolved,
                AttemptError::NoAddress => Reason::NoAddress,
                AttemptError::NoFamily => Reason::SwitchedOff,
                AttemptError::Connect(err) if err.kind() == io::ErrorKind::ConnectionRefused => {
                    Reason::Refused
                }
                AttemptError::Connect(err) if err.kind() == io::ErrorKind::PermissionDenied => {
                    Reason::Blocked
                }
                AttemptError::Connect(err) if err.kind() == io::ErrorKind::TimedOut => Reason::Timeout,
                AttemptError::Timeout { .. } => Reason::Timeout,
                _ => Reason::Unreachable,
            })
        }
        DialError::Timeout { step: Step::Tcp | Step::Dns, .. } => Reason::Timeout,
        DialError::Timeout { step: Step::Tls, .. } => Reason::Tls,
        DialError::Tls(TlsError::Pin(_)) => Reason::Pin,
        DialError::Tls(TlsError::Certificate { .. }) => Reason::Certificate,
        DialError::Tls(_) => Reason::Tls,
        DialError::Handshake(HandshakeError::Refused) => Reason::NotAdmitted,
        DialError::Handshake(HandshakeError::Ended | HandshakeError::Io(_)) => Reason::Broken,
        DialError::Handshake(_) => Reason::NotRelay,
        _ => Reason::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_refusal_and_a_closed_door_here_are_told_apart() {
        let server = "192.0.2.7:3478".parse().unwrap();
        let reason = |kind: io::ErrorKind| Why::stun(&kind.into(), server).reason;
        assert_eq!(reason(io::ErrorKind::TimedOut), Reason::Timeout);
        assert_eq!(reason(io::ErrorKind::ConnectionRefused), Reason::Refused);
        assert_eq!(reason(io::ErrorKind::PermissionDenied), Reason::Blocked);
        assert_eq!(reason(io::ErrorKind::NetworkUnreachable), Reason::Unreachable);
        let why = Why::stun(&io::ErrorKind::TimedOut.into(), server);
        assert!(why.what.contains("192.0.2.7:3478/udp") && why.remedy.contains("3478/udp"), "{why:?}");
    }
}
