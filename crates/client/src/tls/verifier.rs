//! The rule by which a relay's certificate is judged, as a rustls verifier.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};

use super::issuer::Doubt;
use super::pin::Pin;
use super::trust::Trust;

/// How a relay's certificate is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verify {
    /// A chain to a trusted root, valid for the host name; for an address, valid for that address.
    Host,
    /// A chain to a trusted root, valid for this other name; the hello still names the host.
    Name(ServerName<'static>),
    /// Exactly the pinned certificate, no chain.
    Pin(Pin),
    /// Any certificate. For tests: whoever is on the path can read who talks to whom and can cut or fake the relay
    /// (packets between peers stay sealed).
    Nothing,
}

/// One rule with what it needs.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) rule: Verify,
    pub(super) trust: Trust,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let by_name = |name| {
            let judged =
                self.trust.by_name.verify_server_cert(end_entity, intermediates, name, ocsp_response, now);
            judged.map_err(|err| match self.doubt(&err, end_entity, intermediates, now) {
                Some(doubt) => refusal(doubt),
                None => err,
            })
        };
        match &self.rule {
            Verify::Host => by_name(server_name),
            Verify::Name(other) => by_name(other),
            Verify::Pin(pin) => match pin.check(end_entity, intermediates, server_name, now) {
                Ok(()) => Ok(ServerCertVerified::assertion()),
                Err(failure) => Err(CertificateError::Other(OtherError(Arc::new(failure))).into()),
            },
            Verify::Nothing => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, &self.trust.provider.signature_verification_algorithms)
            .map_err(|err| of_signature(err, cert))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, &self.trust.provider.signature_verification_algorithms)
            .map_err(|err| of_signature(err, cert))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl Verifier {
    /// What the certificates tell beyond the library's word.
    fn doubt(
        &self,
        err: &Error,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Option<Doubt> {
        use CertificateError::{BadSignature, Expired, ExpiredContext};
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        match err {
            Error::InvalidCertificate(Expired | ExpiredContext { .. }) => {
                Doubt::of_expired(leaf, others, now)
            }
            Error::InvalidCertificate(BadSignature) => {
                Doubt::of_weak_issuer(others).or_else(|| Doubt::of_signature(leaf, others))
            }
            _ if !leads_nowhere(err) => None,
            _ if self.trust.has_store => Doubt::of(leaf, others),
            _ => Doubt::of(leaf, others).map(Doubt::without_store),
        }
    }
}

fn refusal(doubt: Doubt) -> Error {
    CertificateError::Other(OtherError(Arc::new(doubt))).into()
}

/// A signature of the handshake that does not count, though whoever made it may have the certificate's key.
fn of_signature(err: Error, leaf: &CertificateDer<'_>) -> Error {
    match err {
        Error::InvalidCertificate(CertificateError::BadSignature) => {
            Doubt::of_weak_key(leaf).map_or(err, refusal)
        }
        err => err,
    }
}

/// Whether no trusted root stands for a certificate.
fn leads_nowhere(err: &Error) -> bool {
    match err {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => true,
        // webpki's word for a self-signed authority that is shown as the relay's own certificate.
        Error::InvalidCertificate(CertificateError::Other(other)) => {
            other.to_string().contains("CaUsedAsEndEntity")
        }
        _ => false,
    }
}
