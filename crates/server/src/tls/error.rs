//! What can be wrong with certificates.

use std::io;
use std::path::PathBuf;

use x509_parser::time::ASN1Time;

use super::date::rfc3339;
use crate::clock::NoEntropy;
use crate::config::Host;

/// Why certificates cannot be used; each message is one line with the file and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// There is no hostname to make or find a certificate for.
    #[error(
        "these certificates need a hostname; set it to the name or address by which clients reach the relay"
    )]
    NoHost,
    /// A folder or file cannot be read.
    #[error("cannot read {path}: {source}; it must exist and be readable by the user that runs the relay")]
    Read {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file to keep cannot be written.
    #[error(
        "cannot write {path}: {source}; its folder must be writable by the user that runs the relay; --state chooses another"
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that should be PEM is damaged.
    #[error("{path} is damaged PEM: {problem}; copy the file again from where it was issued")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A certificate cannot be parsed.
    #[error("{path} holds a certificate that cannot be parsed; copy the file again from where it was issued")]
    Certificate {
        /// The file.
        path: PathBuf,
    },
    /// A private key is protected by a passphrase.
    #[error("the key in {path} has a passphrase; remove it with: openssl pkey -in {path} -out plain.key")]
    EncryptedKey {
        /// The file.
        path: PathBuf,
    },
    /// A private key is damaged or of a kind TLS here does not sign with.
    #[error("the key in {path} cannot be used: {source}; use an ECDSA P-256 or P-384, Ed25519 or RSA key")]
    Key {
        /// The file.
        path: PathBuf,
        /// What the TLS library said.
        source: rustls::Error,
    },
    /// A file holds no certificate.
    #[error("{path} holds no certificate; put the chain there, the relay's own certificate first")]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A file holds no private key.
    #[error("{path} holds no private key; put the key there that the certificate was issued for")]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// A certificate and the key that stands beside it do not belong together.
    #[error(
        "the certificate {cert} was not issued for the key {key}; replace one so that both belong together"
    )]
    Mismatch {
        /// The file with the certificate.
        cert: PathBuf,
        /// The file with the key.
        key: PathBuf,
    },
    /// A certificate in a folder has no key there, and nothing else covers its names.
    #[error("no key in its folder belongs to the certificate {cert}; put its key beside it, or remove it")]
    NoKeyFor {
        /// The file with the certificate.
        cert: PathBuf,
    },
    /// A folder has no certificate with its key.
    #[error("{folder} holds no certificate with its key; put <name>.crt and <name>.key there, both PEM")]
    NoPair {
        /// The folder.
        folder: PathBuf,
    },
    /// No certificate is valid for the relay's own name.
    #[error(
        "no certificate in {path} is valid for {host}; get one with that name in it, or change the hostname"
    )]
    WrongName {
        /// The folder or file.
        path: PathBuf,
        /// The name clients will ask for.
        host: Host,
    },
    /// A certificate has expired.
    #[error(
        "the certificate {path} expired on {}; renew it, or delete it if another replaces it",
        rfc3339(expired)
    )]
    Expired {
        /// The file.
        path: PathBuf,
        /// When.
        expired: ASN1Time,
    },
    /// A certificate is not valid yet.
    #[error(
        "the certificate {path} is valid only from {}; wait, or set this machine's clock",
        rfc3339(begins)
    )]
    NotYetValid {
        /// The file.
        path: PathBuf,
        /// When it begins to be valid.
        begins: ASN1Time,
    },
    /// A certificate cannot be made.
    #[error("cannot make a certificate: {source}")]
    Make {
        /// What the certificate library said.
        #[from]
        source: rcgen::Error,
    },
    /// There is no entropy to make a certificate with.
    #[error("cannot make a certificate: {source}")]
    Entropy {
        /// What the clock room said.
        #[from]
        source: NoEntropy,
    },
}
