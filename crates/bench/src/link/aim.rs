//! The relay under load: found once by name, judged once by its certificate, then dialled by address.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use wherry_client::{
    DialError, Dialer, Endpoint, FastStart, Identity, NoEntropy, Target, Trust, upgrade_request,
};
use wherry_wire::key::NodePublic;

use super::tls;

/// What every link of a load needs to dial.
#[derive(Debug, Clone)]
pub(crate) struct Aim {
    pub(crate) addr: SocketAddr,
    /// None for plain HTTP.
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) name: ServerName<'static>,
    /// The head of the upgrade request.
    pub(super) request: Vec<u8>,
    /// Whether the request goes together with the first frame, as stock clients do where the certificate tells the key.
    pub(super) is_fast_start: bool,
    pub(crate) server_key: NodePublic,
}

/// Why a relay cannot be loaded.
#[derive(Debug, Error)]
pub(crate) enum AimError {
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    #[error("{addr} is neither a loopback nor a private address")]
    Public { addr: IpAddr },
    #[error(
        "the relay speaks no TLS 1.3, which all clients of a load do; let it, or a proxy before it, offer 1.3"
    )]
    OldTls,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Aim {
    /// Dials once as a stock client would.
    ///
    /// # Errors
    /// [`AimError`]; [`AimError::Public`] before a byte is said, unless `may_load_public`.
    pub(crate) fn learn(endpoint: &Endpoint, trust: &Trust, may_load_public: bool) -> Result<Self, AimError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(learn(endpoint, trust, may_load_public))
    }
}

async fn learn(endpoint: &Endpoint, trust: &Trust, may_load_public: bool) -> Result<Aim, AimError> {
    let allowed =
        |ip| if may_load_public || is_private(ip) { Ok(()) } else { Err(AimError::Public { addr: ip }) };
    if let Ok(ip) = endpoint.host().parse() {
        allowed(ip)?;
    }
    let dialer = Dialer::new(trust.clone());
    let identity = Identity::throw_away()?;
    let plain = dialer.tcp(&Target::one(endpoint.clone())).await?;
    let addr = plain.addr();
    allowed(addr.ip())?;
    let secured = dialer.tls(plain).await?;
    if secured.tls().is_some_and(|report| !report.is_tls13) {
        return Err(AimError::OldTls);
    }
    let leaf = secured.tls().and_then(|report| report.chain.first()).cloned();
    let connection = dialer.handshake(secured, &identity).await?;
    let is_fast_start = connection.timings().is_fast_start;
    let fast = if is_fast_start { FastStart::Yes } else { FastStart::No };
    Ok(Aim {
        addr,
        tls: leaf.map(tls::config).transpose()?,
        name: endpoint.server_name().clone(),
        request: upgrade_request(endpoint, fast),
        is_fast_start,
        server_key: connection.server_key(),
    })
}

/// Whether an address can be nobody's but one's own: loopback, private, link-local.
pub(crate) fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_and_private_addresses_are_ones_own() {
        for own in
            ["127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "192.168.0.1", "::1", "fd00::1", "fe80::1"]
        {
            assert!(is_private(own.parse().unwrap()), "{own}");
        }
    }

    #[test]
    fn public_addresses_are_not_even_in_ipv6_clothes() {
        for public in ["8.8.8.8", "172.32.0.1", "100.64.0.1", "2001:db8::1", "::ffff:8.8.8.8", "0.0.0.0"] {
            assert!(!is_private(public.parse().unwrap()), "{public}");
        }
        assert!(is_private("::ffff:127.0.0.1".parse().unwrap()));
    }
}
