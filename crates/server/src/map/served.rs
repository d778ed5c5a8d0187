//! What is served now.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

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
    /// When it changed last, in whole seconds: later than of any map that was served before.
    pub modified: SystemTime,
    /// What it says to relays that include it, for the header `wherry-map`.
    pub word: String,
}

/// What there is of a map that is not whole yet, for relays that include it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unfinished {
    /// JSON.
    pub body: Bytes,
    /// Whose it is and what it lacks, for the header `wherry-map`.
    pub word: String,
}

/// What is served now, shared by who keeps it fresh and who answers.
#[derive(Debug, Default)]
pub struct Served {
    page: ArcSwapOption<Page>,
    unfinished: ArcSwapOption<Unfinished>,
    faults: Mutex<Vec<String>>,
    renew: Notify,
}

impl Served {
    /// The map; none until all of it was read once.
    #[must_use]
    pub fn page(&self) -> Option<Arc<Page>> {
        self.page.load_full()
    }

    /// What there is while there is no map; none if that is nothing.
    #[must_use]
    pub fn unfinished(&self) -> Option<Arc<Unfinished>> {
        self.unfinished.load_full()
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
    pub(super) fn put(&self, body: String, word: String, now: SystemTime) {
        // Whoever asks by the date alone is to see that it is another one.
        let later = self.page().map(|page| page.modified + Duration::from_secs(1));
        let modified = later.unwrap_or(SystemTime::UNIX_EPOCH).max(whole_seconds(now));
        let digest = format!("{:x}", Sha256::digest(&body));
        // Half of it tells any two maps apart.
        let etag = format!("\"{}\"", digest.get(..32).unwrap_or(&digest));
        self.page.store(Some(Arc::new(Page { body: body.into(), etag, modified, word })));
    }

    /// Tells relays that this is all there is until now, if it is something.
    pub(super) fn put_unfinished(&self, body: String, word: String) {
        let some = (!body.is_empty()).then(|| Arc::new(Unfinished { body: body.into(), word }));
        self.unfinished.store(some);
    }

    pub(super) fn set_faults(&self, faults: Vec<String>) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }
}

/// A date in a header has no fractions.
fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_maps_of_one_second_have_two_dates() {
        let served = Served::default();
        let at = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        let dates = [9_100, 9_800, 9_900, 20_500].map(|millis| {
            served.put(millis.to_string(), String::new(), at(millis));
            served.page().unwrap().modified
        });
        assert_eq!(dates, [9_000, 10_000, 11_000, 20_000].map(at));
    }
}
