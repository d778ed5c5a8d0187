//! Certificates from files: which key belongs to which certificate, told by their content.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::sign::SigningKey;
use rustls_pki_types::CertificateDer;

use super::cert::{Facts, Pair, signing_key};
use super::error::TlsError;
use super::pem::PemFile;

/// Larger files in a folder are not looked into: a chain with its key has a few KiB.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Reads one certificate and its key from two files, which may be the same.
///
/// # Errors
/// Whatever is wrong with either file, and `Mismatch`.
pub(super) fn read_pair(cert: &Path, key: &Path) -> Result<Pair, TlsError> {
    let certs = parsed(&PemFile::read(cert)?)?;
    let key_file = PemFile::read(key)?;
    let key_der = key_file.keys.first().ok_or_else(|| TlsError::NoKey { path: key.to_owned() })?;
    let key_ready = Key::of(signing_key(key_der, key)?);
    if certs.is_empty() {
        return Err(TlsError::NoCertificate { path: cert.to_owned() });
    }
    let leaf = certs
        .iter()
        .find(|candidate| key_ready.belongs_to(&candidate.facts))
        .ok_or_else(|| TlsError::Mismatch { cert: cert.to_owned(), key: key.to_owned() })?;
    Ok(leaf.pair(&certs, key_ready.sign))
}

/// Reads every certificate in `folder` whose key is also there, whatever the files are called.
///
/// Of two files with the same certificate the one with the longer chain counts.
///
/// # Errors
/// Whatever is wrong with one of the files; `NoKeyFor`, `Mismatch` and `NoPair` when parts are missing.
pub(super) fn read_folder(folder: &Path) -> Result<Vec<Pair>, TlsError> {
    let mut keys = Vec::new();
    let mut certs = Vec::new();
    for path in files_in(folder)? {
        let file = PemFile::read(&path)?;
        for key in &file.keys {
            keys.push(Key::of(signing_key(key, &path)?));
        }
        certs.extend(parsed(&file)?);
    }
    let mut pairs: Vec<Pair> = Vec::new();
    let mut orphans = Vec::new();
    for cert in &certs {
        let Some(key) = keys.iter().find(|key| key.belongs_to(&cert.facts)) else {
            orphans.push(cert);
            continue;
        };
        let pair = cert.pair(&certs, Arc::clone(&key.sign));
        match pairs.iter_mut().find(|known| known.chain.first() == pair.chain.first()) {
            Some(known) if known.chain.len() < pair.chain.len() => *known = pair,
            Some(_) => {}
            None => pairs.push(pair),
        }
    }
    match orphans.iter().find(|orphan| orphan.is_missed_by(&pairs)) {
        Some(orphan) => Err(orphan.keyless()),
        None if pairs.is_empty() => Err(match orphans.first() {
            Some(orphan) => orphan.keyless(),
            None => TlsError::NoPair { folder: folder.to_owned() },
        }),
        None => Ok(pairs),
    }
}

/// The regular files directly in `folder` that could be PEM, in the order of their names.
///
/// # Errors
/// `Read`.
pub fn files_in(folder: &Path) -> Result<Vec<PathBuf>, TlsError> {
    let unreadable = |source| TlsError::Read { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        // Follows links, as certbot and mounted secrets use them; one that leads nowhere is no file.
        let is_candidate = fs::metadata(&path).is_ok_and(|m| m.is_file() && m.len() <= MAX_FILE_BYTES);
        if is_candidate && !entry.file_name().as_encoded_bytes().starts_with(b".") {
            files.push(path);
        }
    }
    files.sort_unstable();
    Ok(files)
}

struct Key {
    sign: Arc<dyn SigningKey>,
    /// DER of the public key with its algorithm, as in certificates.
    public: Vec<u8>,
}

impl Key {
    fn of(sign: Arc<dyn SigningKey>) -> Self {
        let public = sign.public_key().map(|key| key.to_vec()).unwrap_or_default();
        Self { sign, public }
    }

    fn belongs_to(&self, facts: &Facts) -> bool {
        self.public == facts.public_key
    }
}

/// A certificate and where it stood.
struct Parsed {
    path: PathBuf,
    is_first: bool,
    der: CertificateDer<'static>,
    facts: Facts,
}

fn parsed(file: &PemFile) -> Result<Vec<Parsed>, TlsError> {
    file.certs
        .iter()
        .enumerate()
        .map(|(index, der)| {
            let facts = Facts::of(der, &file.path)?;
            Ok(Parsed { path: file.path.clone(), is_first: index == 0, der: der.clone(), facts })
        })
        .collect()
}

impl Parsed {
    fn pair(&self, certs: &[Self], key: Arc<dyn SigningKey>) -> Pair {
        Pair { path: self.path.clone(), chain: self.chain(certs), key, facts: self.facts.clone() }
    }

    /// The chain that this leaf begins. A file that begins with its leaf is taken as it stands; any other order
    /// is repaired, and a leaf alone in its file is completed, by looking for each issuer by name.
    fn chain(&self, certs: &[Self]) -> Vec<CertificateDer<'static>> {
        let same_file: Vec<&Self> = certs.iter().filter(|cert| cert.path == self.path).collect();
        if self.is_first && same_file.len() > 1 {
            return same_file.into_iter().map(|cert| cert.der.clone()).collect();
        }
        let elsewhere = certs.iter().filter(|cert| cert.path != self.path);
        let pool: Vec<&Self> = same_file.into_iter().chain(elsewhere).collect();
        let mut chain = vec![self.der.clone()];
        let mut last = &self.facts;
        while !last.is_self_issued() {
            let issuer = pool.iter().find(|c| c.facts.subject == last.issuer && !chain.contains(&c.der));
            let Some(issuer) = issuer else { break };
            chain.push(issuer.der.clone());
            last = &issuer.facts;
        }
        chain
    }

    /// True for the certificate of a server (it has names) some of which no pair serves.
    fn is_missed_by(&self, pairs: &[Pair]) -> bool {
        let is_served = |host| pairs.iter().any(|pair| pair.facts.covers(&host));
        !self.facts.is_authority && !self.facts.hosts().all(is_served)
    }

    fn keyless(&self) -> TlsError {
        let (cert, key) = (self.path.clone(), self.path.with_extension("key"));
        if key != cert && key.exists() {
            TlsError::Mismatch { cert, key }
        } else {
            TlsError::NoKeyFor { cert }
        }
    }
}
