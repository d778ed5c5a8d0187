//! Against a TLS server of rustls, for what a correct relay never does.

use futures_util::FutureExt as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    PKCS_RSA_SHA256, PublicKeyData, SignatureAlgorithm,
};
use rustls::crypto::{ActiveKeyExchange, SupportedKxGroup, aws_lc_rs};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::ServerConfig;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{SupportedProtocolVersion, version};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

const RELAY: NodePublic = NodePublic::from_bytes([7; 32]);

fn certificate(key: &KeyPair, common_name: &str) -> CertificateDer<'static> {
    let mut params = CertificateParams::new(["relay.example".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.serial_number = Some(vec![meta_cert::SERIAL].into());
    params.self_signed(key).unwrap().der().clone()
}

/// What a client sees of a server that shows `chain` and signs with `key`.
async fn dial(
    chain: Vec<CertificateDer<'static>>,
    key: &KeyPair,
    version: &'static SupportedProtocolVersion,
    rule: Verify,
) -> Result<TlsReport, TlsError> {
    let trust = Trust::system([]).unwrap();
    dial_with(&trust, chain, key, version, rule).await.map(|(report, _)| report)
}

/// The same, with what the client trusts; and how long it says that the handshake took.
async fn dial_with(
    trust: &Trust,
    chain: Vec<CertificateDer<'static>>,
    key: &KeyPair,
    version: &'static SupportedProtocolVersion,
    rule: Verify,
) -> Result<(TlsReport, Duration), TlsError> {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let signing = aws_lc_rs::sign::any_supported_type(&key).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain, signing))));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (accepted, _) = listener.accept().await.unwrap();
    let host = ServerName::try_from("relay.example").unwrap();
    let serving = TlsAcceptor::from(Arc::new(config)).accept(accepted);
    let (report, _) = tokio::join!(secure(tcp, host, &rule, trust), serving);
    report.map(|(_, report, took)| (report, took))
}

#[tokio::test]
async fn the_meta_certificate_counts_only_under_tls_1_3() {
    let key = KeyPair::generate().unwrap();
    let leaf = certificate(&key, "relay");
    let chain =
        vec![leaf.clone(), certificate(&KeyPair::generate().unwrap(), &meta_cert::common_name(&RELAY))];
    let rule = Verify::Pin(Pin::of(&leaf));
    let new = dial(chain.clone(), &key, &version::TLS13, rule.clone()).await.unwrap();
    assert_eq!((new.is_tls13, new.meta_key), (true, Some(RELAY)));
    let old = dial(chain, &key, &version::TLS12, rule).await.unwrap();
    assert_eq!((old.is_tls13, old.meta_key), (false, None));
}

/// A certificate is public; only the signature shows that who presents it has its key.
#[tokio::test]
async fn who_shows_the_right_certificate_without_its_key_is_refused_under_every_rule() {
    let leaf = certificate(&KeyPair::generate().unwrap(), "relay");
    let other = KeyPair::generate().unwrap();
    for version in [&version::TLS13, &version::TLS12] {
        for rule in [Verify::Pin(Pin::of(&leaf)), Verify::Nothing] {
            let err = dial(vec![leaf.clone()], &other, version, rule).await.unwrap_err();
            assert!(
                matches!(&err, TlsError::Certificate { reason: CertificateError::BadSignature, .. }),
                "{err:?}"
            );
        }
    }
}

/// The public half of a key for RSA with 1024 bits, of which nobody has the other.
struct Short(Vec<u8>);

impl Short {
    fn new() -> Self {
        // A sequence of the modulus, whose highest bit is set, and of 65537.
        let modulus = [&[0x02, 0x81, 0x81, 0x00][..], &[0xa5; 128]].concat();
        Self([&[0x30, 0x81, 0x89][..], &modulus, &[0x02, 0x03, 0x01, 0x00, 0x01]].concat())
    }
}

impl PublicKeyData for Short {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}

/// The library calls the signature bad, as it is here; of a good one it says the same.
#[tokio::test]
async fn a_key_that_is_too_short_is_told_with_its_length() {
    let (issuer, name) = (KeyPair::generate().unwrap(), "relay.example".to_owned());
    let by = Issuer::new(CertificateParams::new([name.clone()]).unwrap(), issuer);
    let leaf = CertificateParams::new([name]).unwrap().signed_by(&Short::new(), &by).unwrap();
    let signing = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    for version in [&version::TLS13, &version::TLS12] {
        let err = dial(vec![leaf.der().clone()], &signing, version, Verify::Nothing).await.unwrap_err();
        let TlsError::Certificate { fault: CertificateFault::WeakKey, .. } = &err else { panic!("{err:?}") };
        assert!(err.to_string().contains("the key in it is RSA with 1024 bits"), "{err}");
    }
    let as_issuer = Doubt::of_weak_issuer(&[leaf.der().clone()]).unwrap().to_string();
    assert!(as_issuer.starts_with("the key of an issuer that is shown with it, CN="), "{as_issuer}");
}

/// What a client says of a leaf that the authority issued which it trusts, or another one of that name.
fn said_of(
    is_itself: bool,
    change: impl Fn(&mut CertificateParams),
) -> Result<(), (CertificateFault, String)> {
    let name = "relay.example";
    let mut authority = CertificateParams::new([name.to_owned()]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let keys = [(); 2].map(|()| KeyPair::generate().unwrap());
    let trust = Trust::only([authority.self_signed(&keys[0]).unwrap().der().clone()]).unwrap();
    let by = Issuer::from_params(&authority, &keys[usize::from(!is_itself)]);
    let mut leaf = CertificateParams::new([name.to_owned()]).unwrap();
    leaf.distinguished_name.push(DnType::CommonName, "relay");
    change(&mut leaf);
    let leaf = leaf.signed_by(&KeyPair::generate().unwrap(), &by).unwrap().der().clone();
    let host = ServerName::try_from(name).unwrap();
    judge(&trust, &[leaf], &host, Duration::from_secs(1_700_000_000)).map_err(|err| match &err {
        TlsError::Certificate { fault, .. } => (*fault, err.to_string()),
        _ => panic!("{err:?}"),
    })
}

#[test]
fn each_fault_of_a_chain_has_its_own_words() {
    let for_clients =
        |leaf: &mut CertificateParams| leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    assert_eq!(said_of(true, |_| ()), Ok(()));
    let (fault, words) = said_of(true, for_clients).unwrap_err();
    assert_eq!(fault, CertificateFault::NotForServers);
    assert!(words.ends_with("it is not for TLS servers"), "{words}");
    let (fault, words) = said_of(false, |_| ()).unwrap_err();
    assert_eq!(fault, CertificateFault::OtherKey);
    assert!(words.contains("has not the signature of the authority that is known by that name"), "{words}");
}

/// What an issuer between a root and a leaf for `name` is.
fn between(name: &str) -> CertificateParams {
    let mut between = CertificateParams::new([name.to_owned()]).unwrap();
    between.distinguished_name.push(DnType::CommonName, "Between");
    between.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    between
}

/// On a host that has no store, an authority says little by being unknown.
#[test]
fn an_authority_that_is_unknown_for_want_of_any_is_told_so() {
    let name = "relay.example".to_owned();
    let between = between(&name);
    let [root, key, own] = [(); 3].map(|()| KeyPair::generate().unwrap());
    let leaf = CertificateParams::new([name.clone()]).unwrap();
    let leaf = leaf.signed_by(&own, &Issuer::from_params(&between, &key)).unwrap().der().clone();
    let by_root = Issuer::new(CertificateParams::new([name.clone()]).unwrap(), root);
    let chain = [leaf, between.signed_by(&key, &by_root).unwrap().der().clone()];
    let mut trust = Trust::system([]).unwrap();
    let mut judged = |has_store| {
        trust.has_store = has_store;
        let host = ServerName::try_from(name.as_str()).unwrap();
        match judge(&trust, &chain, &host, Duration::from_secs(1_700_000_000)) {
            Err(TlsError::Certificate { fault, .. }) => fault,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!([judged(true), judged(false)], [CertificateFault::UnknownIssuer, CertificateFault::NoStore]);
}

/// With nobody to judge the end of the chain, the library says of the way there what it likes.
#[test]
fn an_issuer_that_expired_is_named_where_nobody_knows_its_root() {
    let name = "relay.example".to_owned();
    let mut between = between(&name);
    let by_root = Issuer::new(CertificateParams::new([name.clone()]).unwrap(), KeyPair::generate().unwrap());
    let leaf = CertificateParams::new([name.clone()]).unwrap();
    let judged = |between: &CertificateParams| {
        let key = KeyPair::generate().unwrap();
        let issued =
            leaf.signed_by(&KeyPair::generate().unwrap(), &Issuer::from_params(between, &key)).unwrap();
        let between = between.signed_by(&key, &by_root).unwrap();
        let chain = [issued.der().clone(), between.der().clone()];
        let host = ServerName::try_from(name.as_str()).unwrap();
        let now = Duration::from_secs(1_700_000_000);
        judge(&Trust::system([]).unwrap(), &chain, &host, now).unwrap_err().to_string()
    };
    let good = judged(&between);
    assert!(good.contains("no authority that this host trusts"), "{good}");
    between.not_after = rcgen::date_time_ymd(2001, 1, 1);
    let expired = judged(&between);
    assert!(expired.contains("an issuer that is shown with it has: CN=Between"), "{expired}");
}

/// An hour passes while this makes a key.
#[derive(Debug)]
struct Slow;

impl SupportedKxGroup for Slow {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        tokio::time::advance(Duration::from_secs(3600)).now_or_never();
        aws_lc_rs::kx_group::X25519.start()
    }

    fn name(&self) -> rustls::NamedGroup {
        aws_lc_rs::kx_group::X25519.name()
    }
}

#[tokio::test(start_paused = true)]
async fn the_making_of_the_own_key_is_no_time_of_the_relays() {
    let key = KeyPair::generate().unwrap();
    let leaf = certificate(&key, "relay");
    let mut trust = Trust::system([]).unwrap();
    Arc::get_mut(&mut trust.provider).unwrap().kx_groups = vec![&Slow];
    let start = clock::now();
    let dialled = dial_with(&trust, vec![leaf], &key, &version::TLS13, Verify::Nothing).await;
    assert_eq!(dialled.unwrap().1, Duration::ZERO);
    assert!(clock::now() - start >= Duration::from_secs(3600), "it was made");
}
