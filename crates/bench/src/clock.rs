//! The only reader of time and entropy in this crate, and the only sleeper.
//!
//! All threads of a run count nanoseconds from the same start, so that a stamp written by one is an age for another.

use std::io;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Nanoseconds of a second.
pub(crate) const SECOND: u64 = 1_000_000_000;

/// The start that all times of a run are counted from; cheap to copy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    /// Counts from now.
    #[expect(clippy::disallowed_methods, reason = "the clock room")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Nanoseconds since the start.
    pub(crate) fn now(self) -> u64 {
        nanos(self.0.elapsed())
    }
}

/// A duration in nanoseconds; five centuries at most.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Seconds since 1970; zero if the machine's clock is before that.
#[expect(clippy::disallowed_methods, reason = "the clock room")]
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Blocks this thread, which has nothing else to do.
#[expect(clippy::disallowed_methods, reason = "threads of the generator serve nobody while they wait")]
pub(crate) fn sleep(duration: Duration) {
    thread::sleep(duration);
}

/// `N` unpredictable bytes.
///
/// # Errors
/// The system gives no entropy.
pub(crate) fn entropy<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|err| io::Error::other(err.to_string()))?;
    Ok(bytes)
}
