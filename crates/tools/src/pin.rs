//! Whether clients accept a certificate that was refused once it is pinned.

use wherry_client::{
    CertificateFault, DialError, Dialer, Endpoint, HandshakeError, Identity, Pin, PinFailure, Target,
    TlsError, TlsReport, UpgradeError, Verify,
};

/// For a certificate that was refused with `err` and that a pin may cure: its pin, or why clients refuse it under that pin
/// too; none if it is not seen. Nothing is sent over these connections.
pub async fn seen(dialer: &Dialer, endpoint: &Endpoint, err: &DialError) -> Option<Result<Pin, PinFailure>> {
    let (DialError::Tls(TlsError::Certificate { fault: CertificateFault::SelfSigned, .. })
    | DialError::Tls(TlsError::Pin(PinFailure::OtherCertificate { .. }))) = err
    else {
        return None;
    };
    let (pin, pinned) = tried(dialer, endpoint).await.ok()??;
    match pinned {
        Ok(()) => Some(Ok(pin)),
        Err(DialError::Tls(TlsError::Pin(refused))) => Some(Err(refused)),
        Err(_) => None,
    }
}

/// The pin of the certificate that a relay shows, if it shows any, and what becomes of TLS under that pin.
pub(crate) async fn tried(
    dialer: &Dialer,
    endpoint: &Endpoint,
) -> Result<Option<(Pin, Result<(), DialError>)>, DialError> {
    let Some(pin) = shown(dialer, endpoint).await? else { return Ok(None) };
    let target = Target::one(endpoint.clone().with_verify(Verify::Pin(pin)));
    Ok(Some((pin, shake(dialer, &target).await.map(drop))))
}

/// The pin of the certificate that a relay shows, whatever it is worth.
pub(crate) async fn shown(dialer: &Dialer, endpoint: &Endpoint) -> Result<Option<Pin>, DialError> {
    let tls = shake(dialer, &Target::one(endpoint.clone().with_verify(Verify::Nothing))).await?;
    Ok(tls.and_then(|tls| tls.chain.first().map(|leaf| Pin::of(leaf))))
}

/// What shows that nobody relays behind a certificate that was refused; none if somebody does, or if it is not seen. No more is
/// sent there than a key that is thrown away.
pub(crate) async fn no_relay(dialer: &Dialer, endpoint: &Endpoint) -> Option<DialError> {
    let target = Target::one(endpoint.clone().with_verify(Verify::Nothing));
    match dialer.connect(&target, &Identity::throw_away().ok()?).await {
        Err(
            err @ DialError::Handshake(HandshakeError::Upgrade(
                UpgradeError::Status { .. } | UpgradeError::NotHttp,
            )),
        ) => Some(err),
        _ => None,
    }
}

/// TLS alone; what it showed. The connection is over then, for a server may take one at a time.
pub(crate) async fn shake(dialer: &Dialer, target: &Target) -> Result<Option<TlsReport>, DialError> {
    let secured = dialer.tls(dialer.tcp(target).await?).await?;
    Ok(secured.tls().cloned())
}
