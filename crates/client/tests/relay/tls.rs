//! Each rule for certificates against a relay's real one.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls_pki_types::{CertificateDer, ServerName};
use tempfile::TempDir;
use wherry_client::{
    CertificateFault, DialError, Dialer, Identity, Pin, PinFailure, Target, TlsError, Trust, TrustError,
    Verify,
};

use crate::subject::{Kind, Relay};

async fn dial(trust: Trust, relay: &Relay, url: &str, verify: Verify) -> Result<(), DialError> {
    let endpoint: wherry_client::Endpoint = url.parse().unwrap();
    let endpoint = endpoint.with_verify(verify).with_dial_host(relay.addr().ip().to_string());
    let me = Identity::throw_away().unwrap();
    Dialer::new(trust).connect(&Target::one(endpoint), &me).await.map(drop)
}

/// A directory with a certificate for `name` by an authority of its own, and that authority.
fn authority(file: &str, names: &[&str]) -> (TempDir, CertificateDer<'static>) {
    let dir = tempfile::tempdir().unwrap();
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new([]).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name.push(DnType::CommonName, "an authority");
    let root = ca.self_signed(&ca_key).unwrap().der().clone();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
    let certificate = params.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
    std::fs::write(dir.path().join(format!("{file}.crt")), certificate.pem()).unwrap();
    std::fs::write(dir.path().join(format!("{file}.key")), key.serialize_pem()).unwrap();
    (dir, root)
}

fn fault(err: &DialError) -> Option<CertificateFault> {
    match err {
        DialError::Tls(TlsError::Certificate { fault, .. }) => Some(*fault),
        _ => None,
    }
}

fn system() -> Trust {
    Trust::system([]).unwrap()
}

#[tokio::test]
async fn a_self_signed_relay_needs_its_pin() {
    let Some(relay) = Relay::start(Kind::SelfSigned, &[]) else { return };
    let url = format!("https://{}", relay.addr());
    dial(system(), &relay, &url, Verify::Pin(relay.pin())).await.unwrap();
    dial(system(), &relay, &url, Verify::Nothing).await.unwrap();
    let err = dial(system(), &relay, &url, Verify::Host).await.unwrap_err();
    assert_eq!(fault(&err), Some(CertificateFault::SelfSigned), "{err:?}");
    let other = Pin::of(b"something else");
    let err = dial(system(), &relay, &url, Verify::Pin(other)).await.unwrap_err();
    let DialError::Tls(TlsError::Pin(PinFailure::OtherCertificate { found, wanted })) = err else {
        panic!("{err:?}");
    };
    assert_eq!((found, wanted), (relay.pin(), other));
}

/// `openssl req -x509` makes such certificates.
#[tokio::test]
async fn a_self_signed_certificate_that_calls_itself_an_authority_can_be_pinned_too() {
    let dir = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["relay.example".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap();
    std::fs::write(dir.path().join("relay.example.crt"), certificate.pem()).unwrap();
    std::fs::write(dir.path().join("relay.example.key"), key.serialize_pem()).unwrap();
    let Some(relay) = Relay::start_in(dir, Kind::Named("relay.example"), &[]) else { return };
    let url = "https://relay.example:8443";
    let err = dial(system(), &relay, url, Verify::Host).await.unwrap_err();
    assert_eq!(fault(&err), Some(CertificateFault::SelfSigned), "{err:?}");
    dial(system(), &relay, url, Verify::Pin(Pin::of(certificate.der()))).await.unwrap();
}

#[tokio::test]
async fn a_private_authority_is_believed_only_when_given() {
    let (dir, root) = authority("relay.example", &["relay.example"]);
    let Some(relay) = Relay::start_in(dir, Kind::Named("relay.example"), &[]) else { return };
    let url = "https://relay.example:8443";
    let trust = Trust::only([root.clone()]).unwrap();
    dial(trust.clone(), &relay, url, Verify::Host).await.unwrap();
    dial(Trust::system([root]).unwrap(), &relay, url, Verify::Host).await.unwrap();
    let err = dial(system(), &relay, url, Verify::Host).await.unwrap_err();
    assert_eq!(fault(&err), Some(CertificateFault::IssuerMissing), "{err:?}");
}

#[tokio::test]
async fn a_certificate_name_replaces_the_host_in_the_check_but_not_in_the_hello() {
    // The reference relay ends a handshake whose hello names another host than its own.
    let (dir, root) = authority("front.example", &["front.example", "relay.example"]);
    let Some(relay) = Relay::start_in(dir, Kind::Named("front.example"), &[]) else { return };
    let (trust, url) = (Trust::only([root]).unwrap(), "https://front.example:8443");
    let name = |text| Verify::Name(ServerName::try_from(text).unwrap());
    dial(trust.clone(), &relay, url, name("relay.example")).await.unwrap();
    let err = dial(trust, &relay, url, name("other.example")).await.unwrap_err();
    assert_eq!(fault(&err), Some(CertificateFault::OtherName), "{err:?}");
}

#[tokio::test]
async fn an_address_must_be_in_the_certificate() {
    let Some(relay) = Relay::start(Kind::SelfSigned, &[]) else { return };
    let root = relay.certificate();
    // Its own certificate is a trusted root here, so only the address can be at fault.
    let trust = Trust::only([root]).unwrap();
    let other = "https://127.255.255.254:8443";
    let err = dial(trust, &relay, other, Verify::Host).await.unwrap_err();
    assert_eq!(fault(&err), Some(CertificateFault::OtherName), "{err:?}");
}

#[test]
fn no_roots_and_bad_roots_are_refused() {
    assert!(matches!(Trust::only([]), Err(TrustError::NoRoots)));
    let garbage = CertificateDer::from(vec![1, 2, 3]);
    assert!(matches!(Trust::system([garbage]), Err(TrustError::BadRoot(_))));
}
