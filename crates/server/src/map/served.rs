//! What is served now.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

/// A map as it is served.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// JSON.
    pub body: Bytes,
    /// What tells it from others, with its quotes.
    pub etag: String,
    /// When it changed last.
    pub modified: SystemTime,
}

/// What is served now, shared by who keeps it fresh and who answers.
#[derive(Debug, Default)]
pub struct Served {
    page: ArcSwapOption<Page>,
    faults: Mutex<Vec<String>>,
    renew: Notify,
}

impl Served {
    /// The map; none until all of it was read once.
    #[must_use]
    pub fn page(&self) -> Option<Arc<Page>> {
        self.page.load_full()
    }

    /// What is wrong with the included maps, or with all together, a line each.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks for all included maps to be read again now.
    pub fn renew(&self) {
        self.renew.notify_one();
    }

    /// Waits for [`renew`](Self::renew). Cancel safe.
    pub(super) async fn asked_to_renew(&self) {
        self.renew.notified().await;
    }

    /// Whether this is what is served.
    pub(super) fn is(&self, body: &str) -> bool {
        self.page.load().as_ref().is_some_and(|page| page.body == body)
    }

    /// Serves `body` from now on.
    pub(super) fn put(&self, body: String, now: SystemTime) {
        let digest = format!("{:x}", Sha256::digest(&body));
        // Half of it tells any two maps apart.
        let etag = format!("\"{}\"", digest.get(..32).unwrap_or(&digest));
        self.page.store(Some(Arc::new(Page { body: body.into(), etag, modified: now })));
    }

    pub(super) fn set_faults(&self, faults: Vec<String>) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }
}
