//! Certificates the relay makes itself, and the compatible manual mode.

use std::fs;

use rustls_pki_types::{CertificateDer, ServerName};

use super::fixture::{Authority, DAY, chain, is_meta, leaf_for, open, put};
use crate::clock::Clock;
use crate::config::CertSetting;
use crate::tls::self_signed::pin;

#[test]
fn self_signed_certificate_is_made_once_and_pinned() {
    let folder = tempfile::tempdir().unwrap();
    let source = CertSetting::SelfSigned { dir: folder.path().join("state") };
    for host in ["derp.example.com", "192.0.2.7", "2001:db8::7"] {
        let certs = open(&source, host).unwrap();
        let chain = chain(&certs, host).unwrap();
        assert!(chain.len() == 2 && is_meta(&chain[1]), "nothing but the leaf and the meta certificate");
        assert_eq!(certs.pin(), Some(pin(&chain[0])));
        let again = open(&source, host).unwrap();
        assert_eq!(again.pin(), certs.pin());
        let name: ServerName<'_> = host.to_owned().try_into().unwrap();
        let parsed = rustls::server::ParsedCertificate::try_from(&chain[0]).unwrap();
        rustls::client::verify_server_name(&parsed, &name).unwrap();
        let nine_years = Clock::start().wall() + 9 * 365 * DAY;
        assert!(certs.status().expires > nine_years);
    }
    for file in fs::read_dir(folder.path().join("state")).unwrap() {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn pin_is_lower_case_hex_of_the_sha256_of_the_certificate() {
    let der = CertificateDer::from(b"abc".to_vec());
    let expected = "sha256-raw:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(pin(&der), expected);
}

#[test]
fn manual_mode_makes_the_files_of_an_address_only() {
    let folder = tempfile::tempdir().unwrap();
    let source = CertSetting::DerperManual { dir: folder.path().to_owned() };
    let certs = open(&source, "2001:db8::7").unwrap();
    assert!(certs.pin().is_some());
    assert!(folder.path().join("2001db87.crt").exists() && folder.path().join("2001db87.key").exists());
    let year = certs.status().expires.duration_since(Clock::start().wall()).unwrap();
    assert!(year <= 366 * DAY && year >= 364 * DAY);
    let text = open(&source, "derp.example.com").unwrap_err().to_string();
    assert!(text.contains("derp.example.com.crt"), "{text}");
    fs::remove_file(folder.path().join("2001db87.key")).unwrap();
    let text = open(&source, "2001:db8::7").unwrap_err().to_string();
    assert!(text.contains("2001db87.key"), "a lone certificate is not overwritten: {text}");
}

#[test]
fn manual_mode_serves_the_hostname_and_no_other_name_of_its_certificate() {
    let (folder, ca) = (tempfile::tempdir().unwrap(), Authority::new());
    let leaf = ca.leaf(&["*.example.com", "other.example.net"]);
    put(folder.path(), "derp.example.com.crt", &[&leaf.cert]);
    put(folder.path(), "derp.example.com.key", &[&leaf.key]);
    let source = CertSetting::DerperManual { dir: folder.path().to_owned() };
    let certs = open(&source, "derp.example.com").unwrap();
    assert_eq!(leaf_for(&certs, "derp.example.com"), Some(leaf.der));
    assert_eq!(leaf_for(&certs, "other.example.net"), None);
    assert_eq!(leaf_for(&certs, "x.example.com"), None);
    let other = ca.leaf(&["else.example.com"]);
    put(folder.path(), "derp.example.com.crt", &[&other.cert]);
    let text = open(&source, "derp.example.com").unwrap_err().to_string();
    assert!(text.contains("derp.example.com.crt") && text.contains("derp.example.com.key"), "{text}");
}
