use std::time::Duration;

use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use wherry_wire::derp::meta_cert;
use wherry_wire::key::NodePublic;

use super::*;

fn certificate(names: &[&str], adjust: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
    let key = KeyPair::generate().unwrap();
    let mut params =
        CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
    adjust(&mut params);
    params.self_signed(&key).unwrap().der().clone()
}

fn meta() -> CertificateDer<'static> {
    let name = meta_cert::common_name(&NodePublic::from_bytes([7; 32]));
    certificate(&[], |params| params.distinguished_name.push(DnType::CommonName, name))
}

fn check(
    pin: Pin,
    leaf: &CertificateDer<'_>,
    others: &[CertificateDer<'_>],
    name: &str,
) -> Result<(), PinFailure> {
    // 2030-01-01
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_893_456_000));
    pin.check(leaf, others, &ServerName::try_from(name).unwrap(), now)
}

#[test]
fn the_pinned_certificate_passes_with_and_without_a_meta_certificate() {
    let leaf = certificate(&["relay.example"], |_| {});
    assert_eq!(check(Pin::of(&leaf), &leaf, &[], "relay.example"), Ok(()));
    assert_eq!(check(Pin::of(&leaf), &leaf, &[meta()], "relay.example"), Ok(()));
}

#[test]
fn another_certificate_is_refused_and_named() {
    let (leaf, pinned) = (certificate(&["relay.example"], |_| {}), certificate(&["relay.example"], |_| {}));
    let (found, wanted) = (Pin::of(&leaf), Pin::of(&pinned));
    let failure = check(wanted, &leaf, &[], "relay.example");
    assert_eq!(failure, Err(PinFailure::OtherCertificate { found, wanted }));
}

#[test]
fn a_second_certificate_is_refused_even_if_the_first_is_right() {
    let (leaf, other) = (certificate(&["relay.example"], |_| {}), certificate(&["ca.example"], |_| {}));
    let failure = check(Pin::of(&leaf), &leaf, &[other, meta()], "relay.example");
    assert_eq!(failure, Err(PinFailure::SeveralCertificates { count: 2 }));
}

/// Whoever is on the path can show the pinned certificate, which is public, behind one whose key is his own.
#[test]
fn the_pinned_certificate_behind_a_meta_certificate_proves_nothing() {
    let pinned = certificate(&["relay.example"], |_| {});
    let failure = check(Pin::of(&pinned), &meta(), std::slice::from_ref(&pinned), "relay.example");
    assert_eq!(failure, Err(PinFailure::NoIdentity));
}

#[test]
fn validity_counts() {
    let old = certificate(&["relay.example"], |params| params.not_after = date_time_ymd(2029, 12, 31));
    assert_eq!(check(Pin::of(&old), &old, &[], "relay.example"), Err(PinFailure::Expired));
    let new = certificate(&["relay.example"], |params| params.not_before = date_time_ymd(2030, 1, 2));
    assert_eq!(check(Pin::of(&new), &new, &[], "relay.example"), Err(PinFailure::NotYetValid));
}

#[test]
fn a_name_must_match_and_an_address_need_not() {
    let leaf = certificate(&["other.example"], |_| {});
    let failure = check(Pin::of(&leaf), &leaf, &[], "relay.example");
    assert_eq!(failure, Err(PinFailure::OtherName { name: "relay.example".into() }));
    assert_eq!(check(Pin::of(&leaf), &leaf, &[], "192.0.2.7"), Ok(()));
}

#[test]
fn garbage_is_unreadable() {
    let garbage = CertificateDer::from(vec![0x30, 0x03, 0x01]);
    assert_eq!(check(Pin::of(&garbage), &garbage, &[], "relay.example"), Err(PinFailure::Unreadable));
}

#[test]
fn pins_are_read_as_stock_clients_compare_them() {
    let pin = |digits: &str| format!("sha256-raw:{digits}").parse::<Pin>();
    let digits = "0a".repeat(32);
    assert_eq!(pin(&digits), Ok(Pin([0x0a; 32])));
    assert_eq!(Pin([0x0a; 32]).to_string(), format!("sha256-raw:{digits}"));
    assert_eq!(pin(&digits.to_uppercase()), Err(BadPin::Digit));
    assert_eq!(pin(&digits.replace('a', "g")), Err(BadPin::Digit));
    assert_eq!(pin(&digits[..62]), Err(BadPin::Length { found: 62 }));
    assert_eq!(pin(&format!("{digits}0")), Err(BadPin::Length { found: 65 }));
    assert_eq!(pin(&format!("{digits} ")), Err(BadPin::Length { found: 65 }));
    assert_eq!(format!("SHA256-RAW:{digits}").parse::<Pin>(), Err(BadPin::Prefix));
    assert_eq!(digits.parse::<Pin>(), Err(BadPin::Prefix));
}
