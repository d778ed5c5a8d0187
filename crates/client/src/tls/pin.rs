//! `sha256-raw:` pins: the certificate itself is the identity, no chain is followed.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use sha2::{Digest, Sha256};
use thiserror::Error;
use x509_parser::time::ASN1Time;

use super::issuer::{is_meta, other_issuer, parse};

/// The SHA-256 of one whole certificate (DER), written `sha256-raw:` and 64 lower-case hex digits.
///
/// Source: tailscale: net/tlsdial/tlsdial.go, the `CertName` of a map entry.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pin([u8; 32]);

/// Why a text is no pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BadPin {
    /// It does not start with [`Pin::PREFIX`].
    #[error("a pin starts with sha256-raw:")]
    Prefix,
    /// The digest is not 64 characters long.
    #[error("a pin has 64 hex digits after sha256-raw:, not {found}")]
    Length {
        /// Characters found after the prefix.
        found: usize,
    },
    /// Something else than `0-9a-f`; stock clients compare the text, so upper case would fail there.
    #[error("a pin has only the digits 0-9 and a-f, in lower case")]
    Digit,
}

/// Why the certificates a relay showed do not satisfy its pin.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PinFailure {
    /// The first certificate, whose key signs the handshake, is a meta certificate.
    #[error("the relay shows no certificate of its own before its meta certificate")]
    NoIdentity,
    /// More than one certificate besides the meta certificate.
    #[error("the relay shows {count} certificates, a pinned relay must show exactly one")]
    SeveralCertificates {
        /// Certificates that are not meta certificates.
        count: usize,
    },
    /// The one certificate has another hash.
    #[error("the pin says {wanted}, the relay's certificate is {found}")]
    OtherCertificate {
        /// Hash of the certificate shown.
        found: Pin,
        /// The pin of the map entry.
        wanted: Pin,
    },
    /// The one certificate has another hash, and an authority issued it, so that it is replaced in the course of time.
    #[error("the relay's certificate is another than the pin says: {issuer} issued it")]
    Issued {
        /// Who issued it.
        issuer: String,
    },
    /// The certificate cannot be parsed.
    #[error("the relay's certificate cannot be read")]
    Unreadable,
    /// Its validity has not begun.
    #[error("the relay's certificate is not valid yet")]
    NotYetValid,
    /// Its validity has ended.
    #[error("the relay's certificate has expired")]
    Expired,
    /// It is not for the name that was asked for.
    #[error("the relay's certificate is not valid for {name}")]
    OtherName {
        /// The name sent in the hello.
        name: String,
    },
}

impl Pin {
    /// What every pin starts with.
    pub const PREFIX: &'static str = "sha256-raw:";

    /// The pin of a certificate given as DER.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }

    /// Judges what a relay showed: `leaf` first, then `others`, at `now`; `name` is what was asked for.
    ///
    /// Stricter than the reference in one point: the pinned certificate must be the leaf, since only the leaf's
    /// key is proved by the handshake. The name is checked only if it is one, an address is never sent.
    pub(super) fn check(
        self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), PinFailure> {
        let is_meta = |certificate| is_meta(certificate).ok_or(PinFailure::Unreadable);
        if is_meta(leaf)? {
            return Err(PinFailure::NoIdentity);
        }
        let mut count = 1;
        for other in others {
            count += usize::from(!is_meta(other)?);
        }
        if count > 1 {
            return Err(PinFailure::SeveralCertificates { count });
        }
        let found = Self::of(leaf);
        if found != self {
            return Err(match other_issuer(leaf) {
                Some(issuer) => PinFailure::Issued { issuer },
                None => PinFailure::OtherCertificate { found, wanted: self },
            });
        }
        check_time(leaf, now)?;
        check_name(leaf, name)
    }
}

impl FromStr for Pin {
    type Err = BadPin;

    fn from_str(text: &str) -> Result<Self, BadPin> {
        let digits = text.strip_prefix(Self::PREFIX).ok_or(BadPin::Prefix)?;
        let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
        let mut hash = [0; 32];
        if pairs.len() != hash.len() || !rest.is_empty() {
            return Err(BadPin::Length { found: digits.chars().count() });
        }
        for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Ok(Self(hash))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        fmt::Display::fmt(self, f)?;
        f.write_char('"')
    }
}

fn digit(character: u8) -> Result<u8, BadPin> {
    match character {
        b'0'..=b'9' => Ok(character - b'0'),
        b'a'..=b'f' => Ok(character - b'a' + 10),
        _ => Err(BadPin::Digit),
    }
}

fn check_time(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), PinFailure> {
    let seconds = i64::try_from(now.as_secs()).map_err(|_| PinFailure::Expired)?;
    let now = ASN1Time::from_timestamp(seconds).map_err(|_| PinFailure::Expired)?;
    let parsed = parse(certificate).ok_or(PinFailure::Unreadable)?;
    if now < parsed.validity().not_before {
        return Err(PinFailure::NotYetValid);
    }
    if now > parsed.validity().not_after {
        return Err(PinFailure::Expired);
    }
    Ok(())
}

fn check_name(certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), PinFailure> {
    if matches!(name, ServerName::IpAddress(_)) {
        return Ok(());
    }
    let parsed = ParsedCertificate::try_from(certificate).map_err(|_| PinFailure::Unreadable)?;
    verify_server_name(&parsed, name).map_err(|_| PinFailure::OtherName { name: name.to_str().into_owned() })
}

#[cfg(test)]
#[path = "pin_tests.rs"]
mod tests;
