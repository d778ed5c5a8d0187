//! A proxy that passes requests on to the relay behind it, and not the change to DERP.

use std::time::Duration;

use tokio::time::timeout;
use wherry_client::{DialError, Dialer, Endpoint, HandshakeError, Target, UpgradeError};

use crate::http;

/// For the answer to one HTTP request.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a relay says to who asks for no upgrade.
const UPGRADE_REQUIRED: u16 = 426;

/// What such a proxy is to be told. A relay asks for `Upgrade` alone, so it has answered with an upgrade that the proxy did not
/// expect: Caddy makes an empty 200 of that, and what is made of Go's library a 502.
pub(super) const CURE: &str = "a relay answers behind the proxy there, and the proxy does not pass the upgrade: most likely it takes the header \
                               Connection out of the request; let it leave Upgrade and Connection as they are on /derp (Caddy: no \
                               header_up -Connection; nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; \
                               proxy_set_header Connection upgrade)";

/// Whether an upgrade that failed with `err` is one that a proxy keeps back: asked for none, a relay says what it says.
pub(super) async fn keeps_upgrade(dialer: &Dialer, endpoint: &Endpoint, err: &DialError) -> bool {
    let DialError::Handshake(HandshakeError::Upgrade(UpgradeError::Status { status, .. })) = err else {
        return false;
    };
    let without = async {
        let target = Target::one(endpoint.clone());
        let secured = dialer.tls(dialer.tcp(&target).await.ok()?).await.ok()?;
        let mut stream = secured.into_stream();
        Some(http::head(&mut stream, &endpoint.authority(), endpoint.path(), &[]).await.ok()?.status)
    };
    *status != UPGRADE_REQUIRED && matches!(timeout(PATIENCE, without).await, Ok(Some(UPGRADE_REQUIRED)))
}
