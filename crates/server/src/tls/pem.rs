//! One PEM file: the certificates and private keys in it.

use std::fs;
use std::path::{Path, PathBuf};

use rustls_pki_types::pem::{self, PemObject as _, SectionKind};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::error::TlsError;

/// What was found in a PEM file, in file order; both lists are empty when it is no PEM file.
#[derive(Debug)]
pub(super) struct PemFile {
    pub(super) path: PathBuf,
    pub(super) certs: Vec<CertificateDer<'static>>,
    pub(super) keys: Vec<PrivateKeyDer<'static>>,
}

impl PemFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// `Read`, `Pem`, and `EncryptedKey`.
    pub(super) fn read(path: &Path) -> Result<Self, TlsError> {
        let content = fs::read(path)
            .map(Zeroizing::new)
            .map_err(|source| TlsError::Read { path: path.to_owned(), source })?;
        Self::parse(path, &content)
    }

    fn parse(path: &Path, content: &[u8]) -> Result<Self, TlsError> {
        if [&b"BEGIN ENCRYPTED PRIVATE KEY"[..], b"Proc-Type: 4,ENCRYPTED"]
            .iter()
            .any(|mark| content.windows(mark.len()).any(|window| window == *mark))
        {
            return Err(TlsError::EncryptedKey { path: path.to_owned() });
        }
        let mut file = Self { path: path.to_owned(), certs: Vec::new(), keys: Vec::new() };
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(content) {
            let (kind, der) = section
                .map_err(|error| TlsError::Pem { path: path.to_owned(), problem: describe(&error) })?;
            match kind {
                SectionKind::Certificate => file.certs.push(CertificateDer::from(der)),
                SectionKind::PrivateKey => file.keys.push(PrivateKeyDer::Pkcs8(der.into())),
                SectionKind::RsaPrivateKey => file.keys.push(PrivateKeyDer::Pkcs1(der.into())),
                SectionKind::EcPrivateKey => file.keys.push(PrivateKeyDer::Sec1(der.into())),
                _ => {}
            }
        }
        Ok(file)
    }
}

/// In words, and without the bytes of the file, which may be those of a key.
fn describe(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a BEGIN line has no END line".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "a BEGIN line is malformed".to_owned(),
        pem::Error::Base64Decode(_) => "a section is not base64".to_owned(),
        _ => "it cannot be decoded".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(content: &str) -> String {
        PemFile::parse(Path::new("x.pem"), content.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn damage_is_told_without_the_content() {
        let text = problem("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n");
        assert!(text.contains("x.pem is damaged PEM: a BEGIN line has no END line"), "{text}");
        let text = problem("-----BEGIN PRIVATE KEY-----\nsecret!!\n-----END PRIVATE KEY-----\n");
        assert!(text.contains("not base64") && !text.contains("secret"), "{text}");
    }

    #[test]
    fn a_passphrase_is_told_with_the_command_that_removes_it() {
        let text =
            problem("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----\n");
        assert!(text.contains("openssl pkey -in x.pem"), "{text}");
        let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAA==\n-----END RSA PRIVATE KEY-----\n";
        assert!(problem(old).contains("passphrase"));
    }

    #[test]
    fn what_is_no_pem_holds_nothing() {
        let file = PemFile::parse(Path::new("README"), b"hello\xff\x00").unwrap();
        assert!(file.certs.is_empty() && file.keys.is_empty());
    }
}
