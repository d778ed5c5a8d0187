//! Whether a relay that does not go on with TLS goes on in small packets: large ones are lost on the way then.

use wherry_client::{DialError, Dialer, Endpoint, Step, Target, Verify};

use crate::pin::shake;

/// After a dial that failed with `err`. Nothing is sent over that connection but the handshake, whatever certificate comes.
pub async fn only_small_pass(dialer: &Dialer, endpoint: &Endpoint, err: &DialError) -> bool {
    let DialError::Timeout { step: Step::Tls, .. } = err else { return false };
    let target = Target::one(endpoint.clone().with_verify(Verify::Nothing)).with_small_segments();
    shake(dialer, &target).await.is_ok()
}
