//! The certificate that tells a client the relay's key during the TLS handshake, which saves a round trip.
//!
//! What lives here: the two certificate fields that carry meaning; building and scanning certificates is the business
//! of the TLS rooms. It may use keys.
//! What must stay true: only a key and version that allow a fast start are ever read from a certificate.
//!
//! Source: tailscale: derp/derpserver/derpserver.go, derp/derphttp/derphttp_client.go.
use super::limits;
use crate::key::NodePublic;

/// Serial number of the certificate: the protocol version.
pub const SERIAL: u8 = limits::PROTOCOL_VERSION;

/// What the common name starts with; the key's 64 hex digits follow.
pub const COMMON_NAME_PREFIX: &str = "derpkey";

/// The common name that carries `key`.
#[must_use]
pub fn common_name(key: &NodePublic) -> String {
    format!("{COMMON_NAME_PREFIX}{}", key.hex())
}

/// Reads the relay's key and its protocol version from a certificate's common name and serial number.
///
/// `serial` is the content of the DER integer, big-endian, leading zeros allowed. `None` unless the certificate is a
/// meta certificate that allows a fast start: right prefix, a key that is not zero, a positive version of at most 255.
#[must_use]
pub fn parse(common_name: &str, serial: &[u8]) -> Option<(NodePublic, u8)> {
    let key = NodePublic::from_hex(common_name.strip_prefix(COMMON_NAME_PREFIX)?).ok()?;
    let version = match serial {
        // A lone byte above 0x7f is a negative number in DER.
        [version] if *version < 0x80 => *version,
        [zeros @ .., version] if !zeros.is_empty() && zeros.iter().all(|byte| *byte == 0) => *version,
        _ => return None,
    };
    (!key.is_zero() && version != 0).then_some((key, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CN: &str = "derpkey07a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7c";

    #[test]
    fn name_and_serial_carry_key_and_version() {
        let (key, version) = parse(CN, &[SERIAL]).unwrap();
        assert_eq!(common_name(&key), CN);
        assert_eq!(version, 2);
    }

    #[test]
    fn version_is_any_positive_byte() {
        let version = |serial: &[u8]| parse(CN, serial).map(|(_, version)| version);
        assert_eq!(version(&[0, 0xff]), Some(255));
        assert_eq!(version(&[0, 0, 3]), Some(3));
        assert_eq!(version(&[0xff]), None, "negative");
        assert_eq!(version(&[1, 0]), None, "256");
        assert_eq!(version(&[0]), None);
        assert_eq!(version(&[]), None);
    }

    #[test]
    fn other_names_and_keys_of_nobody_are_not_meta_certificates() {
        assert_eq!(parse("derp.example.com", &[2]), None);
        assert_eq!(parse(CN.split_at(70).0, &[2]), None);
        assert_eq!(parse(&format!("{CN}0"), &[2]), None);
        assert_eq!(parse(&format!(" {CN}"), &[2]), None);
        assert_eq!(parse(&format!("derpkey{}", "0".repeat(64)), &[2]), None);
        assert!(parse(&format!("derpkey{}", CN.split_at(7).1.to_uppercase()), &[2]).is_some());
    }
}
