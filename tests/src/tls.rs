//! The TLS client of the tests: takes any certificate, and keeps the chain for the test to judge.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::sync::Arc;

/// What a TLS client says in its hello.
#[derive(Debug, Clone)]
pub struct Hello {
    /// Server name; `None` sends no SNI, as Go does for an address.
    pub server_name: Option<String>,
    /// Protocols offered by ALPN; none sends no ALPN, as stock clients do.
    pub alpn: Vec<Vec<u8>>,
    /// Versions offered.
    pub versions: &'static [&'static SupportedProtocolVersion],
}

/// Both versions that a relay has to speak.
pub const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
/// Only TLS 1.2.
pub const ONLY_12: &[&SupportedProtocolVersion] = &[&TLS12];
/// Only TLS 1.3.
pub const ONLY_13: &[&SupportedProtocolVersion] = &[&TLS13];

impl Default for Hello {
    fn default() -> Self {
        Self { server_name: None, alpn: Vec::new(), versions: BOTH }
    }
}

impl Hello {
    pub(crate) fn config(&self) -> (Arc<ClientConfig>, ServerName<'static>) {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(self.versions)
            .expect("the provider speaks these versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
            .with_no_client_auth();
        config.alpn_protocols.clone_from(&self.alpn);
        config.enable_sni = self.server_name.is_some();
        config.resumption = rustls::client::Resumption::disabled();
        let name = self.server_name.clone().unwrap_or_else(|| "nobody.invalid".to_owned());
        (Arc::new(config), ServerName::try_from(name).expect("a test gives a valid name"))
    }
}

/// Trusts whoever holds the key of the certificate shown, whatever it says.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
