//! Certificates that an authority issued, with and without what belongs to them.

use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_RSA_SHA256, PublicKeyData,
    SignatureAlgorithm,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, ServerConnection};
use serde_json::{Value, json};

use super::{Relay, fault, outcome, own_address, server_at, tls_server, write_certificate};

/// An authority, one between, and what that issued for the relay, all in PEM.
pub(super) struct Chain {
    pub(super) root: String,
    pub(super) between: String,
    pub(super) leaf: String,
    pub(super) key: String,
}

impl Chain {
    pub(super) fn new(host: &str) -> Self {
        Self::with(host, |_, _| ())
    }

    /// The same with changes to what is between and to what is for the relay.
    pub(super) fn with(host: &str, change: impl Fn(&mut CertificateParams, &mut CertificateParams)) -> Self {
        let params = |name: &str, is_authority: bool| {
            let mut params = CertificateParams::new([host.to_owned()]).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            if is_authority {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            }
            params
        };
        let [root_key, between_key, key] = [(); 3].map(|()| KeyPair::generate().unwrap());
        let root = params("Root", true).self_signed(&root_key).unwrap().pem();
        let by_root = Issuer::new(params("Root", true), root_key);
        let (mut between, mut leaf) = (params("Between", true), params(host, false));
        change(&mut between, &mut leaf);
        let by_between = Issuer::from_params(&between, &between_key);
        let leaf = leaf.signed_by(&key, &by_between).unwrap().pem();
        let between = between.signed_by(&between_key, &by_root).unwrap().pem();
        Self { root, between, leaf, key: key.serialize_pem() }
    }
}

/// A relay that shows some of its certificates.
fn relay_that_shows(shown: impl Fn(&Chain) -> String) -> (Relay, Chain) {
    let addr = SocketAddr::new(own_address().into(), 8443);
    let (dir, host) = (tempfile::tempdir().unwrap(), addr.ip().to_string());
    let chain = Chain::new(&host);
    std::fs::write(dir.path().join(format!("{host}.crt")), shown(&chain)).unwrap();
    std::fs::write(dir.path().join(format!("{host}.key")), &chain.key).unwrap();
    (Relay::start_at(addr, dir, &[], &["-stun-port", "3478"]), chain)
}

fn entry(relay: &Relay) -> (Option<i32>, String, String) {
    let addr = relay.addr.to_string();
    outcome(Command::new(env!("CARGO_BIN_EXE_wherry")).args(["map", "entry", &addr, "--stun-port", "off"]))
}

/// Neither pin nor entry: after a renewal it is another certificate.
fn has_no_pin(report: &Value) {
    assert!(!report.to_string().contains("sha256-raw:") && report["relays"][0]["map"].is_null(), "{report}");
}

#[test]
fn a_chain_without_its_issuer_is_to_be_made_whole_and_is_never_pinned() {
    let (relay, _) = relay_that_shows(|chain| chain.leaf.clone());
    let words = ["its issuer, CN=Between, is not shown", "fullchain.pem"];
    has_no_pin(&fault(&[&relay.addr.to_string()], "error", "tls", words));
    let (code, stdout, stderr) = entry(&relay);
    assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
    assert!(stderr.contains("fullchain.pem") && !stderr.contains("sha256-raw:"), "{stderr}");
}

#[test]
fn a_chain_that_is_whole_is_healthy_for_who_knows_its_authority() {
    let (relay, chain) = relay_that_shows(|chain| format!("{}{}", chain.leaf, chain.between));
    let roots = relay.dir.path().join("roots.pem");
    std::fs::write(&roots, &chain.root).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_wherry"));
    let args = ["doctor", &relay.addr.to_string(), "--open"];
    let (code, stdout, _) = outcome(command.args(args).env("SSL_CERT_FILE", roots));
    assert_eq!((code, stdout.ends_with("\nhealthy\n\n")), (Some(0), true), "{stdout}");
}

#[test]
fn an_authority_that_this_host_does_not_know_is_to_be_made_known_and_a_pin_does_not_help() {
    let (relay, _) = relay_that_shows(|chain| format!("{}{}", chain.leaf, chain.between));
    let addr = relay.addr.to_string();
    let words = ["it comes from CN=Root", "make that authority known to the hosts of all clients"];
    has_no_pin(&fault(&[&addr], "error", "tls", words));
    let (code, stdout, stderr) = entry(&relay);
    assert_eq!((code, stdout.as_str(), stderr.contains("sha256-raw:")), (Some(1), "", false), "{stderr}");
    let words = ["shows 2 certificates", "take the pin out"];
    let report = fault(&[&addr, "--pin", &relay.pin()], "error", "tls", words);
    assert_eq!(report["relays"][0]["map"], json!(null), "{report}");
}

/// As after each renewal.
#[test]
fn the_pin_of_a_certificate_that_was_renewed_is_to_be_taken_out() {
    let (relay, _) = relay_that_shows(|chain| chain.leaf.clone());
    let before = format!("sha256-raw:{}", "0a".repeat(32));
    let ask = [&relay.addr.to_string(), "--pin", &before];
    let report = fault(&ask, "error", "tls", ["CN=Between issued it", "take the pin out"]);
    assert_eq!(report["relays"][0]["map"], json!(null), "{report}");
}

#[test]
fn a_self_signed_certificate_is_pinned_only_where_clients_accept_it_so() {
    let (dir, ip) = (tempfile::tempdir().unwrap(), own_address().to_string());
    let before = format!("sha256-raw:{}", "0a".repeat(32));
    let other = ["not valid for relay.example", "make a certificate for relay.example"];
    for (name, life, pin, words) in [
        ("other.example", 90, "", other),
        ("other.example", 90, &before, other),
        ("relay.example", 9, &before, ["has expired", "make a new certificate"]),
    ] {
        write_certificate(dir.path(), &ip, name, 10, life);
        let port = tls_server(TcpListener::bind((&*ip, 0)).unwrap(), &ip, dir.path()).port();
        let node = json!({
            "HostName": "relay.example", "IPv4": ip, "IPv6": "none", "DERPPort": port, "STUNPort": -1, "CertName": pin,
        });
        let ask = node.to_string();
        let (code, report) = super::json(&[&ask]);
        assert_eq!((code, &report["relays"][0]["map"]), (Some(1), &json!(null)), "{report}");
        for tool in ["doctor", "ping", "netcheck"] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_wherry"));
            let (_, stdout, stderr) = outcome(command.args([tool, &ask]));
            let said = stdout + &stderr;
            assert!(words.iter().all(|words| said.contains(words)), "{tool}: {said}");
            assert!(!said.contains("pin it:") && !said.contains("CertName"), "{tool}: {said}");
        }
    }
}

/// The public half of a key for RSA with 1024 bits, of which nobody has the other.
struct Short(Vec<u8>);

impl PublicKeyData for Short {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}

/// The TLS library says of its signatures that they are bad, as they are here.
#[test]
fn a_key_that_is_too_short_is_told_with_its_length_and_what_to_take() {
    let ip = own_address().to_string();
    let params = || CertificateParams::new([ip.clone()]).unwrap();
    // A sequence of the modulus, whose highest bit is set, and of 65537.
    let modulus = [&[0x02, 0x81, 0x81, 0x00][..], &[0xa5; 128]].concat();
    let short = Short([&[0x30, 0x81, 0x89][..], &modulus, &[0x02, 0x03, 0x01, 0x00, 0x01]].concat());
    let by = Issuer::new(params(), KeyPair::generate().unwrap());
    let leaf = params().signed_by(&short, &by).unwrap().der().clone();
    let key = PrivateKeyDer::try_from(KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap().serialize_der());
    let signing = aws_lc_rs::sign::any_supported_type(&key.unwrap()).unwrap();
    let resolver = SingleCertAndKey::from(CertifiedKey::new(vec![leaf], signing));
    let config = ServerConfig::builder().with_no_client_auth().with_cert_resolver(Arc::new(resolver));
    let config = Arc::new(config);
    let addr = server_at(ip.parse().unwrap(), move |mut stream| {
        let mut session = ServerConnection::new(Arc::clone(&config)).unwrap();
        // The client hangs up.
        drop(session.complete_io(&mut stream));
    });
    let words = ["the key in it is RSA with 1024 bits", "ECDSA P-256 or RSA with 2048 bits"];
    fault(&[&addr, "--insecure", "--stun-port", "off"], "warning", "tls", words);
}
