//! The only reader of time and entropy in this crate.
//!
//! Time is the runtime's, so a test may pause it; entropy is the operating system's.

use std::io;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// Counts from a start; cheap to copy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    /// Counts from now.
    #[expect(clippy::disallowed_methods, reason = "the clock room")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    pub(crate) fn now(self) -> Duration {
        self.0.elapsed()
    }

    /// The moment so long after the start.
    pub(crate) fn at(self, since_start: Duration) -> Instant {
        self.0 + since_start
    }
}

/// The time of day.
#[expect(clippy::disallowed_methods, reason = "the clock room")]
pub(crate) fn wall() -> SystemTime {
    SystemTime::now()
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
