//! Whether clients accept a certificate that was refused once it is pinned.

use wherry_client::{
    CertificateFault, DialError, Dialer, Endpoint, Pin, PinFailure, Target, TlsError, Verify,
};

/// For a certificate that was refused with `err` and that a pin may cure: its pin, or why clients refuse it under that pin
/// too; none if it is not seen. Nothing is sent over these connections.
pub async fn seen(dialer: &Dialer, endpoint: &Endpoint, err: &DialError) -> Option<Result<Pin, DialError>> {
    let (DialError::Tls(TlsError::Certificate { fault: CertificateFault::SelfSigned, .. })
    | DialError::Tls(TlsError::Pin(PinFailure::OtherCertificate { .. }))) = err
    else {
        return None;
    };
    let shake = async |verify| {
        let target = Target::one(endpoint.clone().with_verify(verify));
        dialer.tls(dialer.tcp(&target).await?).await
    };
    let blind = shake(Verify::Nothing).await.ok()?;
    let pin = Pin::of(blind.tls()?.chain.first()?);
    // A server may take one at a time.
    drop(blind);
    match shake(Verify::Pin(pin)).await {
        Ok(_) => Some(Ok(pin)),
        Err(refused @ DialError::Tls(TlsError::Pin(_))) => Some(Err(refused)),
        Err(_) => None,
    }
}
