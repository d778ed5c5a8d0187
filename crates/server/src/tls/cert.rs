//! What a certificate says, and a certificate together with its key.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::SigningKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::time::ASN1Time;

use super::error::TlsError;
use super::self_signed::pin;
use crate::config::Host;

/// A chain and the key that the first certificate of it was issued for.
#[derive(Debug)]
pub(super) struct Pair {
    /// The file the leaf came from, for messages.
    pub(super) path: PathBuf,
    /// Leaf first.
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: Arc<dyn SigningKey>,
    /// What the leaf says.
    pub(super) facts: Facts,
}

impl Pair {
    /// The pin of a leaf that stands alone and was issued by itself: it can be trusted in no other way.
    pub(super) fn pin(&self) -> Option<String> {
        match self.chain.as_slice() {
            [leaf] if self.facts.is_self_issued() => Some(pin(leaf)),
            _ => None,
        }
    }
}

/// The parts of a certificate that matter here.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// Names in lower case, wildcards as they stand.
    pub(super) names: Vec<String>,
    pub(super) ips: Vec<IpAddr>,
    pub(super) begins: ASN1Time,
    pub(super) expires: ASN1Time,
    pub(super) subject: Vec<u8>,
    pub(super) issuer: Vec<u8>,
    /// DER of the subject's public key with its algorithm.
    pub(super) public_key: Vec<u8>,
    /// True when it may issue others.
    pub(super) is_authority: bool,
}

impl Facts {
    /// Parses `der`, which came from the file `path`.
    ///
    /// # Errors
    /// `Certificate`.
    pub(super) fn of(der: &CertificateDer<'_>, path: &Path) -> Result<Self, TlsError> {
        let damaged = || TlsError::Certificate { path: path.to_owned() };
        let (_, cert) = X509Certificate::from_der(der).map_err(|_| damaged())?;
        let (mut names, mut ips) = (Vec::new(), Vec::new());
        if let Some(san) = cert.subject_alternative_name().map_err(|_| damaged())? {
            for name in &san.value.general_names {
                match name {
                    GeneralName::DNSName(name) => names.push(name.to_ascii_lowercase()),
                    GeneralName::IPAddress(bytes) => ips.extend(address(bytes)),
                    _ => {}
                }
            }
        }
        Ok(Self {
            names,
            ips,
            begins: cert.validity().not_before,
            expires: cert.validity().not_after,
            subject: cert.subject().as_raw().to_vec(),
            issuer: cert.issuer().as_raw().to_vec(),
            public_key: cert.public_key().raw.to_vec(),
            is_authority: cert.is_ca(),
        })
    }

    /// True when the certificate names `host`; the common name does not count, as with every client of today.
    pub(super) fn covers(&self, host: &Host) -> bool {
        match host {
            Host::Ip(ip) => self.ips.contains(ip),
            // A wildcard covers itself, too: whole certificates are compared with this.
            Host::Name(name) => self.names.iter().any(|pattern| matches(pattern, name)),
        }
    }

    /// Everything the certificate names.
    pub(super) fn hosts(&self) -> impl Iterator<Item = Host> {
        let names = self.names.iter().cloned().map(Host::Name);
        names.chain(self.ips.iter().copied().map(Host::Ip))
    }

    /// True when the certificate names itself as its issuer.
    pub(super) fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    /// `now` in seconds since 1970.
    ///
    /// # Errors
    /// `Expired` and `NotYetValid`.
    pub(super) fn check_dates(&self, now: i64, path: &Path) -> Result<(), TlsError> {
        if now > self.expires.timestamp() {
            return Err(TlsError::Expired { path: path.to_owned(), expired: self.expires });
        }
        if now < self.begins.timestamp() {
            return Err(TlsError::NotYetValid { path: path.to_owned(), begins: self.begins });
        }
        Ok(())
    }
}

/// Makes `key`, which came from the file `path`, ready to sign.
///
/// # Errors
/// `Key`.
pub(super) fn signing_key(key: &PrivateKeyDer<'_>, path: &Path) -> Result<Arc<dyn SigningKey>, TlsError> {
    any_supported_type(key).map_err(|source| TlsError::Key { path: path.to_owned(), source })
}

/// True when `pattern` from a certificate, maybe `*.` and a name, stands for `name`; both lower case.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(parent) => name.split_once('.').is_some_and(|(_, rest)| rest == parent),
        None => pattern == name,
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_exactly_one_label() {
        assert!(matches("*.example.com", "derp.example.com"));
        assert!(!matches("*.example.com", "a.derp.example.com"));
        assert!(!matches("*.example.com", "example.com"));
        assert!(matches("example.com", "example.com"));
        assert!(!matches("example.com", "derp.example.com"));
    }
}
