//! Certificates made here, files on disk, and handshakes of a real TLS client in memory.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, ServerConnection, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use wherry_wire::key::NodePublic;

use crate::clock::Clock;
use crate::config::{CertSetting, Host};
use crate::tls::self_signed::set_dates;
use crate::tls::{Certs, TlsError, server_config};

pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An authority with an intermediate, for leaves of any names and dates.
pub(super) struct Authority {
    pub(super) root: CertificateDer<'static>,
    pub(super) between: CertificateDer<'static>,
    pub(super) between_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

pub(super) struct Leaf {
    pub(super) cert: String,
    pub(super) key: String,
    pub(super) der: CertificateDer<'static>,
}

impl Authority {
    pub(super) fn new() -> Self {
        let ca = |name: &str| {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            (params, KeyPair::generate().unwrap())
        };
        let (root_params, root_key) = ca("test root");
        let root = root_params.self_signed(&root_key).unwrap();
        let (params, key) = ca("test intermediate");
        let between = params.signed_by(&key, &Issuer::new(root_params, root_key)).unwrap();
        Self {
            root: root.der().clone(),
            between: between.der().clone(),
            between_pem: between.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    pub(super) fn leaf(&self, names: &[&str]) -> Leaf {
        self.leaf_until(names, 60)
    }

    /// A leaf that began to be valid 90 days ago and ends `days` from now.
    pub(super) fn leaf_until(&self, names: &[&str], days: i32) -> Leaf {
        let now = Clock::start().wall();
        let span = DAY * days.unsigned_abs();
        self.leaf_between(names, now - 90 * DAY, if days < 0 { now - span } else { now + span })
    }

    pub(super) fn leaf_between(&self, names: &[&str], from: SystemTime, to: SystemTime) -> Leaf {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names
            .iter()
            .map(|name| match name.parse() {
                Ok(ip) => SanType::IpAddress(ip),
                Err(_) => SanType::DnsName((*name).try_into().unwrap()),
            })
            .collect();
        set_dates(&mut params, from, to);
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        Leaf { cert: cert.pem(), key: key.serialize_pem(), der: cert.der().clone() }
    }
}

pub(super) fn put(folder: &Path, name: &str, parts: &[&str]) {
    fs::write(folder.join(name), parts.concat()).unwrap();
}

pub(super) fn server_key() -> NodePublic {
    NodePublic::from_bytes([7; 32])
}

pub(super) fn open(setting: &CertSetting, host: &str) -> Result<Arc<Certs>, TlsError> {
    Certs::open(setting, &[Host::parse(host).unwrap()], &server_key(), Clock::start())
}

pub(super) fn open_folder(folder: &Path, host: &str) -> Result<Arc<Certs>, TlsError> {
    open(&CertSetting::Dir(folder.to_owned()), host)
}

/// A client that believes everything and remembers the chain it saw.
#[derive(Debug, Default)]
pub(super) struct Believer {
    pub(super) chain: Mutex<Vec<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Believer {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = [leaf].into_iter().chain(rest).map(|cert| cert.clone().into_owned()).collect();
        *self.chain.lock().unwrap() = chain;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

pub(super) fn client(
    version: &'static rustls::SupportedProtocolVersion,
    alpn: &[&str],
) -> (ClientConfig, Arc<Believer>) {
    let believer = Arc::new(Believer::default());
    let verifier: Arc<dyn ServerCertVerifier> = Arc::clone(&believer) as _;
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    (config, believer)
}

/// Both ends of a finished handshake.
pub(super) type Ends = (ClientConnection, ServerConnection);

pub(super) fn handshake(certs: &Arc<Certs>, config: ClientConfig, name: &str) -> Result<Ends, io::Error> {
    let resolver: Arc<dyn rustls::server::ResolvesServerCert> = Arc::clone(certs) as _;
    let mut server = ServerConnection::new(server_config(resolver).unwrap()).unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let pass = |bytes: Vec<u8>, to: &mut dyn FnMut(&mut dyn io::Read) -> io::Result<usize>| {
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            to(&mut rest)?;
        }
        io::Result::Ok(())
    };
    while client.is_handshaking() || server.is_handshaking() || client.wants_write() || server.wants_write() {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes)?;
        }
        pass(bytes, &mut |mut read| server.read_tls(&mut read))?;
        server.process_new_packets().map_err(io::Error::other)?;
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes)?;
        }
        pass(bytes, &mut |mut read| client.read_tls(&mut read))?;
        client.process_new_packets().map_err(io::Error::other)?;
    }
    Ok((client, server))
}

/// The chain a TLS 1.3 client gets that asks for `name`; for an address clients send no name.
pub(super) fn chain(certs: &Arc<Certs>, name: &str) -> Option<Vec<CertificateDer<'static>>> {
    let (config, believer) = client(&rustls::version::TLS13, &[]);
    handshake(certs, config, name).ok()?;
    let chain = believer.chain.lock().unwrap().clone();
    Some(chain)
}

pub(super) fn leaf_for(certs: &Arc<Certs>, name: &str) -> Option<CertificateDer<'static>> {
    Some(chain(certs, name)?[0].clone())
}

pub(super) fn is_meta(cert: &CertificateDer<'_>) -> bool {
    use x509_parser::prelude::{FromDer as _, X509Certificate};
    let name = X509Certificate::from_der(cert).unwrap().1.subject().to_string();
    name == format!("CN=derpkey{}", server_key().hex())
}
