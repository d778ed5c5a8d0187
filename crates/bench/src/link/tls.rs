//! One TLS client over bytes of the caller: no socket, no buffers of its own.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, UnbufferedClientConnection};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use std::sync::Arc;

/// TLS 1.3 with AES-128-GCM preferred and the key exchanges a stock client offers, no resumption.
///
/// The relay's certificate was judged by the first connection. Those of the load ask only that it is still the same:
/// judging it thousands of times would cost the generator's core, and what they carry is noise under throw-away keys.
///
/// # Errors
/// rustls does not know the version.
pub(super) fn config(leaf: CertificateDer<'static>) -> Result<Arc<ClientConfig>, Error> {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites = vec![
        aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256,
        aws_lc_rs::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384,
    ];
    let provider = Arc::new(provider);
    let verifier = Arc::new(SameLeaf { leaf, provider: Arc::clone(&provider) });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// A TLS client connection.
pub(super) struct Tls {
    conn: UnbufferedClientConnection,
    /// Application data may be sent.
    pub(super) is_ready: bool,
    /// The peer has said that nothing more comes.
    pub(super) is_closed: bool,
}

impl Tls {
    /// A client whose hello comes with the first [`Tls::feed`].
    ///
    /// # Errors
    /// rustls refuses the configuration.
    pub(super) fn new(config: &Arc<ClientConfig>, name: ServerName<'static>) -> Result<Self, Error> {
        let conn = UnbufferedClientConnection::new(Arc::clone(config), name)?;
        Ok(Self { conn, is_ready: false, is_closed: false })
    }

    /// Takes what came in: appends plaintext to `plain` and records that must go out to `out`.
    /// Returns how many bytes of `input` are used up; the rest must come again at the front.
    ///
    /// # Errors
    /// The peer broke the protocol.
    pub(super) fn feed(
        &mut self,
        input: &mut [u8],
        plain: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<usize, Error> {
        let mut used = 0;
        let mut goes_on = true;
        while goes_on {
            let rest = input.get_mut(used..).unwrap_or_default();
            let UnbufferedStatus { mut discard, state, .. } = self.conn.process_tls_records(rest);
            match state? {
                ConnectionState::ReadTraffic(mut traffic) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record?;
                        discard += record.discard;
                        plain.extend_from_slice(record.payload);
                    }
                }
                ConnectionState::EncodeTlsData(mut data) => {
                    append(out, |space| data.encode(space).map_err(|err| too_small_to_encode(&err)))?;
                }
                ConnectionState::TransmitTlsData(data) => data.done(),
                ConnectionState::WriteTraffic(_) => {
                    self.is_ready = true;
                    goes_on = false;
                }
                ConnectionState::PeerClosed | ConnectionState::Closed => {
                    self.is_closed = true;
                    goes_on = false;
                }
                _ => goes_on = false,
            }
            used += discard;
        }
        Ok(used)
    }

    /// Appends `plain` as records to `out`.
    ///
    /// # Errors
    /// The handshake is not over, or the connection is.
    pub(super) fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        match self.conn.process_tls_records(&mut []).state? {
            ConnectionState::WriteTraffic(mut traffic) => {
                append(out, |space| traffic.encrypt(plain, space).map_err(|err| too_small_to_encrypt(&err)))
            }
            state => Err(Error::General(format!("cannot send in state {state:?}"))),
        }
    }
}

/// Calls `fill` with space at the end of `out`, a second time with as much as it asked for.
fn append(
    out: &mut Vec<u8>,
    mut fill: impl FnMut(&mut [u8]) -> Result<usize, Option<usize>>,
) -> Result<(), Error> {
    let start = out.len();
    let mut filled = fill(&mut []);
    if let Err(Some(needed)) = filled {
        out.resize(start + needed, 0);
        filled = fill(out.get_mut(start..).unwrap_or_default());
    }
    out.truncate(start + filled.unwrap_or(0));
    filled.map(|_| ()).map_err(|_| Error::General("nothing to send in this state".to_owned()))
}

const fn too_small_to_encode(err: &EncodeError) -> Option<usize> {
    match err {
        EncodeError::InsufficientSize(size) => Some(size.required_size),
        EncodeError::AlreadyEncoded => None,
    }
}

const fn too_small_to_encrypt(err: &EncryptError) -> Option<usize> {
    match err {
        EncryptError::InsufficientSize(size) => Some(size.required_size),
        EncryptError::EncryptExhausted => None,
    }
}

/// Accepts the one certificate that was judged before.
#[derive(Debug)]
struct SameLeaf {
    leaf: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for SameLeaf {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *leaf != self.leaf {
            return Err(Error::General("the relay shows another certificate than at first".to_owned()));
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
