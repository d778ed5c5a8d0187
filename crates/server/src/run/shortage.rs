//! Saying that memory is short.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::session::Relay;

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often it is said at most in the log, and for how long afterwards `/readyz` notes it.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// When memory was short last.
#[derive(Debug, Default)]
pub(super) struct Shortage {
    /// Seconds since the start, 0 for never.
    seen: AtomicU64,
}

impl Shortage {
    /// Whether memory is short or was a moment ago.
    pub(super) fn is_recent(&self, now: Duration) -> bool {
        let seen = self.seen.load(Ordering::Relaxed);
        seen > 0 && now.as_secs() <= seen.saturating_add(SAY_EVERY.as_secs())
    }

    /// Notes that it is short; says whether that is to be logged.
    fn note(&self, now: Duration, said: &mut Option<Duration>) -> bool {
        self.seen.store(now.as_secs().max(1), Ordering::Relaxed);
        let is_news = said.is_none_or(|at| now >= at + SAY_EVERY);
        if is_news {
            *said = Some(now);
        }
        is_news
    }
}

/// Looks from time to time; runs until dropped.
pub(super) async fn watch(relay: Arc<Relay>, shortage: Arc<Shortage>) {
    let mut said = None;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let memory = relay.switch.memory();
        if memory.was_short() && shortage.note(relay.clock.now(), &mut said) {
            tracing::warn!(
                held = memory.used(),
                limit = memory.limit(),
                "memory is short: packets are dropped, connections refused (reason \"memory\" in the metrics); raise limits.memory, or find with wherry status who takes nothing"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_once_a_minute_and_noted_until_it_is_over() {
        let (shortage, mut said) = (Shortage::default(), None);
        let at = Duration::from_secs;
        assert!(!shortage.is_recent(at(5)));
        let news: Vec<_> =
            [0, 1, 59, 60, 61, 200].map(|now| shortage.note(at(now), &mut said)).into_iter().collect();
        assert_eq!(news, [true, false, false, true, false, true]);
        assert!(shortage.is_recent(at(260)) && !shortage.is_recent(at(261)));
    }
}
