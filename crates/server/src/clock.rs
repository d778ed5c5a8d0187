//! The only reader of time and of entropy.
//!
//! Everything else is handed a [`Clock`], a small copyable value, or the readings taken from it. It may use the
//! standard library and `getrandom`. What must stay true: no other room calls `Instant::now`,
//! `SystemTime::now` or a random generator. Timers of the runtime and the keys that TLS makes for itself are
//! not readings: the libraries take those on their own.

use std::time::{Duration, Instant, SystemTime};

/// A handle on the clocks and the entropy of the machine.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock whose [`now`](Self::now) counts from this moment.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the door to the monotonic clock")]
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// The time since [`start`](Self::start): monotonic, never behind an earlier reading.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// The time of day, which an operator or a time server may move in either direction.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the door to the wall clock")]
    pub fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    /// Fills `out` with bytes fit for keys and nonces.
    ///
    /// # Errors
    /// [`NoEntropy`] when the kernel has none to give; `out` then holds nothing usable.
    pub fn fill_random(&self, out: &mut [u8]) -> Result<(), NoEntropy> {
        getrandom::fill(out).map_err(|source| NoEntropy { source })
    }

    /// `N` bytes fit for keys and nonces.
    ///
    /// # Errors
    /// [`NoEntropy`] when the kernel has none to give.
    pub fn random<const N: usize>(&self) -> Result<[u8; N], NoEntropy> {
        let mut bytes = [0; N];
        self.fill_random(&mut bytes)?;
        Ok(bytes)
    }
}

/// The kernel refused to give random bytes: nothing that needs a key or a nonce can go on.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoEntropy {
    source: getrandom::Error,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn now_never_runs_backwards() {
        let clock = Clock::start();
        let copy = clock;
        let mut last = clock.now();
        for _ in 0..1000 {
            let next = copy.now();
            assert!(next >= last);
            last = next;
        }
    }

    #[test]
    fn two_draws_differ() -> Result<(), NoEntropy> {
        let clock = Clock::start();
        assert_ne!(clock.random::<32>()?, clock.random::<32>()?);
        assert_ne!(clock.random::<32>()?, [0; 32]);
        Ok(())
    }
}
