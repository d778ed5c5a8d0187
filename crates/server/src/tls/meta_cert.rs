//! The meta certificate: it carries the relay's key inside the TLS handshake.
//!
//! A client that finds it sends its handshake together with the HTTP request and saves a round trip. To TLS it
//! is one intermediate too many, which nobody asks for.

use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, CustomExtension, DnType, IsCa, KeyPair, PKCS_ED25519, SerialNumber};
use rustls_pki_types::CertificateDer;
use wherry_wire::derp::meta_cert::{SERIAL, common_name};
use wherry_wire::key::NodePublic;

use super::error::TlsError;
use super::self_signed::set_dates;

/// How far the validity reaches to both sides of its making. Clients do not check it.
const VALID_AROUND: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// `2.5.29.19`, basic constraints.
const BASIC_CONSTRAINTS: &[u64] = &[2, 5, 29, 19];

/// DER of an empty sequence: by default a subject is no authority.
const NOT_AN_AUTHORITY: [u8; 2] = [0x30, 0x00];

/// Makes the meta certificate for the relay's key, signed by an Ed25519 key that is forgotten at once.
///
/// Source: tailscale `derp/derpserver/derpserver.go`, `initMetacert`.
///
/// # Errors
/// `Make`.
pub(super) fn make(server_key: &NodePublic, now: SystemTime) -> Result<CertificateDer<'static>, TlsError> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, common_name(server_key));
    params.serial_number = Some(SerialNumber::from(u64::from(SERIAL)));
    set_dates(&mut params, now.checked_sub(VALID_AROUND).unwrap_or(now), now + VALID_AROUND);
    // The library would add a key identifier to an explicit "no authority"; there shall be one extension only.
    params.is_ca = IsCa::NoCa;
    let mut constraints = CustomExtension::from_oid_content(BASIC_CONSTRAINTS, NOT_AN_AUTHORITY.to_vec());
    constraints.set_criticality(true);
    params.custom_extensions = vec![constraints];
    let key = KeyPair::generate_for(&PKCS_ED25519)?;
    Ok(params.self_signed(&key)?.der().clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use x509_parser::prelude::{FromDer as _, X509Certificate};

    #[test]
    fn says_exactly_what_clients_look_for() {
        let key = NodePublic::from_bytes([7; 32]);
        let now = Clock::start().wall();
        let der = make(&key, now).unwrap();
        let (rest, cert) = X509Certificate::from_der(&der).unwrap();
        assert!(rest.is_empty());
        let name = format!("CN=derpkey{}", "07".repeat(32));
        assert_eq!(cert.subject().to_string(), name);
        assert_eq!(cert.issuer().to_string(), name);
        assert_eq!(cert.raw_serial(), [2]);
        assert_eq!(cert.signature_algorithm.algorithm.to_id_string(), "1.3.101.112", "Ed25519");
        let seconds = i64::try_from(now.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()).unwrap();
        let month = 30 * 24 * 60 * 60;
        assert_eq!(cert.validity().not_before.timestamp(), seconds - month);
        assert_eq!(cert.validity().not_after.timestamp(), seconds + month);
    }

    #[test]
    fn has_one_extension_that_says_it_is_no_authority() {
        let der = make(&NodePublic::from_bytes([7; 32]), Clock::start().wall()).unwrap();
        let (_, cert) = X509Certificate::from_der(&der).unwrap();
        assert_eq!(cert.extensions().len(), 1);
        let constraints = cert.basic_constraints().unwrap().unwrap();
        assert!(constraints.critical && !constraints.value.ca);
        assert_eq!(constraints.value.path_len_constraint, None);
    }
}
