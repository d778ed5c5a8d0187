//! The TLS settings of the relay.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{NoServerSessionStorage, ResolvesServerCert};
use rustls::version::{TLS12, TLS13};

/// Settings for every TLS listener: TLS 1.3 and 1.2, certificates chosen by `certs`.
///
/// - Key exchange prefers X25519MLKEM768, the hybrid that stock clients offer first.
/// - ALPN is `http/1.1`. Stock clients offer none, which is fine, too; a client that insists on something else
///   is told so in the handshake (`derper` agrees on `h2` with it and then does not speak it).
/// - No sessions are kept and no tickets given: stock clients never resume, a connection lasts for days, and
///   each session kept would cost memory and each ticket a record after the handshake.
/// - No early data: what comes in it can be replayed.
///
/// # Errors
/// When the crypto library lacks a part of the above.
pub fn server_config(certs: Arc<dyn ResolvesServerCert>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = CryptoProvider {
        kx_groups: vec![
            aws_lc_rs::kx_group::X25519MLKEM768,
            aws_lc_rs::kx_group::X25519,
            aws_lc_rs::kx_group::SECP256R1,
            aws_lc_rs::kx_group::SECP384R1,
        ],
        ..aws_lc_rs::default_provider()
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(certs);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    // After the handshake of TLS 1.3 the sessions seal and open records themselves (`transport/tls13`).
    config.enable_secret_extraction = true;
    Ok(Arc::new(config))
}
