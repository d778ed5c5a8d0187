//! The only reader of time and entropy in this crate.
//!
//! Time is the runtime's, so a test may pause it; entropy is the operating system's. Every other room takes
//! either as an argument or asks here.

use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;

/// The operating system gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the operating system gives no random bytes")]
pub struct NoEntropy;

/// The runtime's now.
#[expect(clippy::disallowed_methods, reason = "the clock room")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// `N` unpredictable bytes.
///
/// # Errors
/// [`NoEntropy`] if the operating system has none.
pub(crate) fn entropy<const N: usize>() -> Result<[u8; N], NoEntropy> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| NoEntropy)?;
    Ok(bytes)
}

/// A duration drawn evenly from `[0, below)`; zero if there is no entropy, which only makes a pause shorter.
pub(crate) fn up_to(below: Duration) -> Duration {
    let draw = entropy::<4>().map_or(0, u32::from_be_bytes);
    below.mul_f64(f64::from(draw) / f64::from(u32::MAX))
}
