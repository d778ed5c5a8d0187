//! The TLS handshake with one relay, and what it showed.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{AlertDescription, CertificateError, ClientConfig, ClientConnection, Error, ProtocolVersion};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use wherry_wire::derp::meta_cert;
use wherry_wire::key::NodePublic;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::issuer::Doubt;
use super::objection::Objection;
use super::pin::{Pin, PinFailure};
use super::trust::Trust;
use super::verifier::{Verifier, Verify};
use crate::clock;

/// A TCP stream with TLS over it.
pub(crate) type TlsStream = tokio_rustls::client::TlsStream<TcpStream>;

/// What a TLS handshake showed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TlsReport {
    /// Whether it is TLS 1.3; else 1.2.
    pub is_tls13: bool,
    /// The certificates in the order sent (DER), the relay's own first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The relay's key as its meta certificate tells it; never under TLS 1.2, where anybody can read and fake it.
    pub meta_key: Option<NodePublic>,
}

/// Why there is no TLS with the relay.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The certificate does not satisfy the pin of the map entry.
    #[error(transparent)]
    Pin(PinFailure),
    /// The certificate does not satisfy the rule for it.
    #[error("the relay's certificate is refused: {}", fault.words(reason))]
    Certificate {
        /// What kind of fault it has.
        fault: CertificateFault,
        /// The fault in the words of the TLS library.
        reason: CertificateError,
    },
    /// Something answers that does not speak TLS; often plain HTTP.
    #[error("what answers there does not speak TLS")]
    NotTls,
    /// The connection ended within the handshake.
    #[error("the connection ended during the TLS handshake")]
    Ended(#[source] io::Error),
    /// The relay refused with an alert, or broke the protocol.
    #[error("the TLS handshake failed: {0}")]
    Protocol(Error),
    /// The server demands a certificate of the client, which relays do not and clients do not have.
    #[error("what answers there demands a certificate of the client")]
    ClientCertificate,
    /// Reading or writing failed.
    #[error("the connection broke during the TLS handshake")]
    Io(#[source] io::Error),
}

/// What is wrong with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CertificateFault {
    /// It is self-signed, and not pinned.
    SelfSigned,
    /// It leads to no trusted root, and the certificate of its issuer is not shown with it: the chain is not whole, or a root
    /// that is not trusted issued it itself.
    IssuerMissing,
    /// It leads to an authority that is not trusted.
    UnknownIssuer,
    /// It leads to an authority that is not trusted, on a host that has nobody to trust.
    NoStore,
    /// It leads to an authority that is trusted by another key.
    OtherKey,
    /// Its key, or that of an issuer that is shown with it, is too short.
    WeakKey,
    /// It, or one on the way to its root, has expired.
    Expired,
    /// It has not expired, but one that is shown with it has, and is needed.
    IssuerExpired,
    /// It, or one on the way to its root, is not valid yet.
    NotYetValid,
    /// It is for other names.
    OtherName,
    /// It is for something else than servers, clients as a rule.
    NotForServers,
    /// Anything else: revoked, malformed.
    Other,
}

/// Performs the handshake over `tcp`, for `host` as the hello names it, under `rule`; how long it took, from the hello on.
///
/// Cancelled, the connection is closed.
pub(crate) async fn secure(
    tcp: TcpStream,
    host: ServerName<'static>,
    rule: &Verify,
    trust: &Trust,
) -> Result<(TlsStream, TlsReport, Duration), TlsError> {
    let config = config(rule, trust).map_err(TlsError::Protocol)?;
    // This makes the keys of the hello, which is no time of the relay's.
    let handshake = TlsConnector::from(config).connect(host, tcp);
    let start = clock::now();
    let stream = handshake.await.map_err(TlsError::of)?;
    let took = clock::now() - start;
    let report = TlsReport::of(stream.get_ref().1);
    Ok((stream, report, took))
}

/// What a client that judges certificates by name would say of `chain`, the relay's own certificate first, for this host;
/// `now` is since 1970. Who has the key is not asked.
///
/// # Errors
/// [`TlsError::Certificate`]: it would refuse it.
pub fn judge(
    trust: &Trust,
    chain: &[CertificateDer<'_>],
    host: &ServerName<'_>,
    now: Duration,
) -> Result<(), TlsError> {
    let Some((leaf, others)) = chain.split_first() else { return Ok(()) };
    let verifier = Verifier { rule: Verify::Host, trust: trust.clone() };
    let judged = verifier.verify_server_cert(leaf, others, host, &[], UnixTime::since_unix_epoch(now));
    judged.map(drop).map_err(|err| TlsError::of_library(&err))
}

/// No resumption and no ALPN: relays expect neither.
fn config(rule: &Verify, trust: &Trust) -> Result<Arc<ClientConfig>, Error> {
    let verifier = Verifier { rule: rule.clone(), trust: trust.clone() };
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&trust.provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

impl TlsReport {
    fn of(session: &ClientConnection) -> Self {
        let is_tls13 = session.protocol_version() == Some(ProtocolVersion::TLSv1_3);
        let chain: Vec<_> = session
            .peer_certificates()
            .unwrap_or_default()
            .iter()
            .map(|cert| cert.clone().into_owned())
            .collect();
        let meta_key = if is_tls13 { chain.iter().find_map(meta_key) } else { None };
        Self { is_tls13, chain, meta_key }
    }

    /// The pin of the relay's certificate, if it issued itself and is shown alone: where it is accepted by its name, that
    /// very certificate is among those trusted there.
    #[must_use]
    pub fn self_signed(&self) -> Option<Pin> {
        let (leaf, others) = self.chain.split_first()?;
        (Doubt::of(leaf, others) == Some(Doubt::SelfSigned)).then(|| Pin::of(leaf))
    }
}

/// The key a meta certificate tells; none for any other certificate and for protocol version 0.
fn meta_key(certificate: &CertificateDer<'_>) -> Option<NodePublic> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let name = parsed.subject().iter_common_name().next()?.as_str().ok()?;
    meta_cert::parse(name, parsed.raw_serial()).map(|(key, _)| key)
}

impl CertificateFault {
    /// The fault in plain words; in the TLS library's where there is no better.
    fn words(self, reason: &CertificateError) -> String {
        match self {
            Self::SelfSigned
            | Self::IssuerMissing
            | Self::UnknownIssuer
            | Self::NoStore
            | Self::OtherKey
            | Self::WeakKey
            | Self::IssuerExpired => doubt(reason).map_or_else(
                || "no authority that this host trusts has issued it".to_owned(),
                ToString::to_string,
            ),
            Self::Expired => "it, or one it depends on, has expired".to_owned(),
            Self::NotYetValid => "it, or one it depends on, is not valid yet".to_owned(),
            Self::NotForServers => "it is not for TLS servers".to_owned(),
            Self::OtherName | Self::Other => reason.to_string(),
        }
    }

    fn of(reason: &CertificateError) -> Self {
        match doubt(reason) {
            Some(Doubt::SelfSigned) => return Self::SelfSigned,
            Some(Doubt::IssuerMissing { .. }) => return Self::IssuerMissing,
            Some(Doubt::UnknownAuthority { .. }) => return Self::UnknownIssuer,
            Some(Doubt::NoStore { .. }) => return Self::NoStore,
            Some(Doubt::OtherKey { .. }) => return Self::OtherKey,
            Some(Doubt::WeakKey { .. }) => return Self::WeakKey,
            Some(Doubt::IssuerExpired { .. }) => return Self::IssuerExpired,
            None => {}
        }
        match reason {
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotYetValid,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::OtherName
            }
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                Self::NotForServers
            }
            _ => Self::Other,
        }
    }
}

/// What this crate's own verifier found out about the issuer.
fn doubt(reason: &CertificateError) -> Option<&Doubt> {
    match reason {
        CertificateError::Other(other) => other.0.downcast_ref(),
        _ => None,
    }
}

/// What this crate's own verifier had to say, if it was asked.
fn pin_failure(reason: &CertificateError) -> Option<PinFailure> {
    match reason {
        CertificateError::Other(other) => other.0.downcast_ref::<PinFailure>().cloned(),
        _ => None,
    }
}

/// Whether an alert complains about the certificate that a client did not show.
fn is_of_client(alert: AlertDescription) -> bool {
    matches!(alert, AlertDescription::CertificateRequired | AlertDescription::BadCertificate)
}

impl TlsError {
    /// What a stream met later that is a part of the handshake all the same: under TLS 1.3 a client has done its part when the
    /// server looks for its certificate.
    pub(crate) fn belated(err: &io::Error) -> Option<Self> {
        match err.get_ref()?.downcast_ref()? {
            Error::AlertReceived(alert) if is_of_client(*alert) => Some(Self::ClientCertificate),
            _ => None,
        }
    }

    /// What stands against the handshake, if it is not the certificate.
    #[must_use]
    pub fn objection(&self) -> Option<Objection> {
        if let Self::Protocol(err) = self { Some(Objection::of(err)) } else { None }
    }

    /// Sorts what tokio-rustls reports; it wraps rustls' errors into I/O errors.
    fn of(err: io::Error) -> Self {
        let Some(inner) = err.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
            return match err.kind() {
                io::ErrorKind::UnexpectedEof => Self::Ended(err),
                _ => Self::Io(err),
            };
        };
        Self::of_library(inner)
    }

    fn of_library(err: &Error) -> Self {
        match err {
            Error::InvalidCertificate(reason) => match pin_failure(reason) {
                Some(failure) => Self::Pin(failure),
                None => Self::Certificate { fault: CertificateFault::of(reason), reason: reason.clone() },
            },
            Error::InvalidMessage(_) => Self::NotTls,
            Error::AlertReceived(alert) if is_of_client(*alert) => Self::ClientCertificate,
            other => Self::Protocol(other.clone()),
        }
    }
}

#[cfg(test)]
#[path = "secure_tests.rs"]
mod tests;
