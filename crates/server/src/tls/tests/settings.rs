//! What a TLS handshake with the relay agrees on.

use super::fixture::{client, handshake, open};
use crate::config::CertSetting;

#[test]
fn tls13_prefers_the_post_quantum_hybrid_and_gives_no_tickets() {
    let folder = tempfile::tempdir().unwrap();
    let certs = open(&CertSetting::SelfSigned { dir: folder.path().to_owned() }, "127.0.0.1").unwrap();
    let (config, _) = client(&rustls::version::TLS13, &[]);
    let (client_end, server_end) = handshake(&certs, config, "127.0.0.1").unwrap();
    let group = server_end.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, rustls::NamedGroup::X25519MLKEM768);
    assert_eq!(client_end.tls13_tickets_received(), 0);
    assert_eq!(client_end.alpn_protocol(), None, "stock clients offer none");
}

#[test]
fn tls12_is_served_and_sees_the_same_chain() {
    let folder = tempfile::tempdir().unwrap();
    let certs = open(&CertSetting::SelfSigned { dir: folder.path().to_owned() }, "127.0.0.1").unwrap();
    let (config, believer) = client(&rustls::version::TLS12, &[]);
    handshake(&certs, config, "127.0.0.1").unwrap();
    assert_eq!(believer.chain.lock().unwrap().len(), 2);
}

#[test]
fn http1_is_agreed_on_and_h2_alone_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let certs = open(&CertSetting::SelfSigned { dir: folder.path().to_owned() }, "127.0.0.1").unwrap();
    let (config, _) = client(&rustls::version::TLS13, &["h2", "http/1.1"]);
    let (client_end, _) = handshake(&certs, config, "127.0.0.1").unwrap();
    assert_eq!(client_end.alpn_protocol(), Some(&b"http/1.1"[..]));
    let (config, _) = client(&rustls::version::TLS13, &["h2"]);
    let error = handshake(&certs, config, "127.0.0.1").unwrap_err();
    assert!(error.to_string().contains("doesn't support any known protocol"), "{error}");
}
