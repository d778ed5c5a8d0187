//! What stands against a TLS handshake, where no certificate does.

use rustls::{AlertDescription, Error, PeerIncompatible};

/// What the relay's alert says, or this side's TLS library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Objection {
    /// The relay speaks neither TLS 1.3 nor 1.2.
    Version,
    /// There is no cipher, curve or kind of signature that both sides know.
    Algorithms,
    /// The relay has no certificate for the name in the hello.
    Name,
    /// The relay takes what it got for no hello, as where something stands before it.
    Hello,
    /// Anything else.
    Other,
}

impl Objection {
    /// The words of alerts are those of the servers in use: rustls denies access where it has no certificate for a name, and Go
    /// calls that an internal error.
    pub(super) fn of(err: &Error) -> Self {
        use AlertDescription as Alert;
        use PeerIncompatible as Peer;
        match err {
            Error::AlertReceived(Alert::ProtocolVersion)
            | Error::PeerIncompatible(
                Peer::ServerDoesNotSupportTls12Or13 | Peer::ServerTlsVersionIsDisabledByOurConfig,
            ) => Self::Version,
            Error::AlertReceived(Alert::HandshakeFailure | Alert::InsufficientSecurity)
            | Error::PeerIncompatible(
                Peer::NoCipherSuitesInCommon | Peer::NoKxGroupsInCommon | Peer::NoSignatureSchemesInCommon,
            ) => Self::Algorithms,
            Error::AlertReceived(Alert::UnrecognisedName | Alert::AccessDenied | Alert::InternalError) => {
                Self::Name
            }
            Error::AlertReceived(Alert::DecodeError | Alert::UnexpectedMessage) => Self::Hello,
            _ => Self::Other,
        }
    }
}
