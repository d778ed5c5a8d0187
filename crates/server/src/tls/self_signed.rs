//! The certificate the relay makes for itself, and the pin by which clients know it.

use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SanType, SerialNumber, date_time_ymd,
};
use rustls_pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::error::TlsError;
use crate::clock::{Clock, NoEntropy};
use crate::config::Host;
use crate::files;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What is written into a certificate beside the host's name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validity {
    /// How long before its making it begins, for clients whose clock is slow.
    before: Duration,
    /// How long after its making it ends.
    after: Duration,
}

impl Validity {
    /// Ten years: a pin stands in maps that other people keep, and each new certificate means to paste a new
    /// pin everywhere. Pinned clients look at the dates and the hash only; limits that browsers set on the
    /// length do not apply. A day back helps clients whose clock is slow.
    pub(super) const KEPT: Self = Self { before: DAY, after: DAY.saturating_mul(3653) };

    /// One year from now on, as `derper` makes it.
    pub(super) const AS_REFERENCE: Self = Self { before: Duration::ZERO, after: DAY.saturating_mul(365) };
}

/// A certificate and its key, both PEM.
pub(super) struct SelfSigned {
    pub(super) cert: String,
    pub(super) key: Zeroizing<String>,
}

impl SelfSigned {
    /// Makes an ECDSA P-256 certificate for `host` alone, signed by its own key, for TLS servers.
    ///
    /// # Errors
    /// `Make` and `Entropy`.
    pub(super) fn make(host: &Host, validity: Validity, clock: Clock) -> Result<Self, TlsError> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, host.to_string());
        params.subject_alt_names = vec![match host {
            Host::Name(name) => SanType::DnsName(name.as_str().try_into()?),
            Host::Ip(ip) => SanType::IpAddress(*ip),
        }];
        params.serial_number = Some(serial(clock)?);
        let now = clock.wall();
        set_dates(&mut params, now.checked_sub(validity.before).unwrap_or(now), now + validity.after);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let cert = params.self_signed(&key)?;
        Ok(Self { cert: cert.pem(), key: Zeroizing::new(key.serialize_pem()) })
    }

    /// Writes certificate and key into one file that only its owner may read.
    ///
    /// # Errors
    /// `Write`.
    pub(super) fn write_together(&self, path: &Path) -> Result<(), TlsError> {
        let both = Zeroizing::new(format!("{}{}", self.cert, *self.key));
        write(path, both.as_bytes(), 0o600)
    }

    /// Writes certificate and key into two files, the key one that only its owner may read.
    ///
    /// # Errors
    /// `Write`.
    pub(super) fn write_apart(&self, cert: &Path, key: &Path) -> Result<(), TlsError> {
        write(key, self.key.as_bytes(), 0o600)?;
        write(cert, self.cert.as_bytes(), 0o644)
    }
}

/// The pin of a certificate as a DERP map's `CertName` carries it: `sha256-raw:` and lower-case hex.
///
/// Clients compare the text, so the case matters. Source: tailscale `net/tlsdial/tlsdial.go`.
pub(super) fn pin(cert: &CertificateDer<'_>) -> String {
    format!("sha256-raw:{:x}", Sha256::digest(cert))
}

/// Sets the validity of a certificate to be made, to the second; before 1970 is 1970.
pub(super) fn set_dates(params: &mut CertificateParams, from: SystemTime, to: SystemTime) {
    let date = |at: SystemTime| {
        let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        date_time_ymd(1970, 1, 1) + Duration::from_secs(since.as_secs())
    };
    params.not_before = date(from);
    params.not_after = date(to);
}

fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), TlsError> {
    files::replace(path, content, mode).map_err(|source| TlsError::Write { path: path.to_owned(), source })
}

/// 127 random bits: positive in DER, and of full length.
fn serial(clock: Clock) -> Result<SerialNumber, NoEntropy> {
    let mut bytes = clock.random::<16>()?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}
