//! Trust anchors for relays whose certificate is checked by name.

use std::fmt;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::{RootCertStore, client};
use thiserror::Error;
use tracing::debug;

/// The certificate authorities a dialer believes, with the cryptography it uses; cheap to clone.
#[derive(Clone)]
pub struct Trust {
    pub(super) by_name: Arc<dyn ServerCertVerifier>,
    pub(super) provider: Arc<CryptoProvider>,
    /// Whether anybody is trusted who is not built in.
    pub(super) has_store: bool,
    store: Arc<RootCertStore>,
}

/// Why trust anchors cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrustError {
    /// A given root is no certificate that can be an anchor.
    #[error("a given root certificate cannot be used")]
    BadRoot(#[source] rustls::Error),
    /// Not a single root was given.
    #[error("no root certificate to trust")]
    NoRoots,
}

impl Trust {
    /// The system's roots, then Mozilla's built in; then also `extra` (DER).
    ///
    /// Reads the system's store from disk (some milliseconds), so make it once. Unusable entries of the system's
    /// store are skipped, as every client does.
    ///
    /// # Errors
    /// [`TrustError::BadRoot`] if one of `extra` is no usable root.
    pub fn system<'a>(extra: impl IntoIterator<Item = CertificateDer<'a>>) -> Result<Self, TrustError> {
        let mut store = RootCertStore::empty();
        let native = rustls_native_certs::load_native_certs();
        for err in &native.errors {
            debug!(%err, "part of the system's root certificates cannot be read");
        }
        let (own, _) = store.add_parsable_certificates(native.certs);
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let trust = Self::with(store, extra)?;
        Ok(Self { has_store: own > 0, ..trust })
    }

    /// Only `roots` (DER), for a relay with an authority of its own.
    ///
    /// # Errors
    /// [`TrustError::BadRoot`] if one of them is no usable root, [`TrustError::NoRoots`] if there is none.
    pub fn only<'a>(roots: impl IntoIterator<Item = CertificateDer<'a>>) -> Result<Self, TrustError> {
        Self::with(RootCertStore::empty(), roots)
    }

    fn with<'a>(
        mut store: RootCertStore,
        extra: impl IntoIterator<Item = CertificateDer<'a>>,
    ) -> Result<Self, TrustError> {
        for root in extra {
            store.add(root.into_owned()).map_err(TrustError::BadRoot)?;
        }
        let store = Arc::new(store);
        let provider = Arc::new(aws_lc_rs::default_provider());
        // The library's first random bytes take some 40 ms: here, and not while a relay's time is taken. Without any, no hello can
        // be made, which says so.
        drop(provider.secure_random.fill(&mut [0]));
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::clone(&store), Arc::clone(&provider));
        let by_name = verifier.build().map_err(|err| match err {
            client::VerifierBuilderError::NoRootAnchors => TrustError::NoRoots,
            other => TrustError::BadRoot(rustls::Error::General(other.to_string())),
        })?;
        Ok(Self { by_name, provider, has_store: true, store })
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").field("roots", &self.store.len()).finish_non_exhaustive()
    }
}
