//! What clients have against a certificate that can be served all the same.

use std::cell::LazyCell;
use std::path::PathBuf;
use std::time::Duration;

use rustls_pki_types::ServerName;
use wherry_client::{CertificateFault, TlsError, Trust, judge};

use super::cert::Pair;
use crate::config::Host;

/// Why clients refuse a certificate that is served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {words}", path.display())]
#[expect(clippy::exhaustive_structs, reason = "it is what a client says, and of what")]
pub struct Doubt {
    /// The file of the certificate.
    pub path: PathBuf,
    /// The host that it is served for.
    pub host: Host,
    /// What is wrong with it.
    pub fault: CertificateFault,
    /// The same in words.
    pub words: String,
}

/// Whom clients on this host trust; none if that is not to be had. It is looked for when it is asked for.
pub(super) type LazyTrust = LazyCell<Option<Trust>>;

/// Whom this host trusts.
pub(super) fn trust() -> LazyTrust {
    LazyCell::new(|| Trust::system([]).ok())
}

impl Doubt {
    /// What clients on this host, who judge it by its name, would say of `pair` at `now` since 1970. That they do not know its
    /// authority says little: it may be one of the operator's own, which theirs do know.
    pub(super) fn of(pair: &Pair, host: &Host, trust: &LazyTrust, now: Duration) -> Option<Self> {
        use CertificateFault::{NoStore, UnknownIssuer};
        if pair.pin().is_some() {
            return None;
        }
        let name = ServerName::try_from(host.to_string()).ok()?;
        let err = judge(trust.as_ref()?, &pair.chain, &name, now).err()?;
        match err {
            TlsError::Certificate { fault: UnknownIssuer | NoStore, .. } => None,
            TlsError::Certificate { fault, .. } => {
                Some(Self { path: pair.path.clone(), host: host.clone(), fault, words: err.to_string() })
            }
            _ => None,
        }
    }
}
