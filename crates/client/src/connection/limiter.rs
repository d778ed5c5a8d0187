//! The send limit a relay may ask for in its ServerInfo.

use std::time::Duration;

use tokio::time::Instant;
use wherry_wire::derp::ServerInfo;

/// A token bucket over bytes.
///
/// Source: tailscale: derp/derp_client.go, `setSendRateLimiter`.
#[derive(Debug)]
pub(super) struct Limiter {
    bytes_per_second: f64,
    burst: f64,
    tokens: f64,
    refilled: Instant,
}

impl Limiter {
    /// A full bucket; none if the relay asks for no limit.
    pub(super) fn new(info: &ServerInfo, now: Instant) -> Option<Self> {
        let amount = |field: i64| f64::from(u32::try_from(field.max(0)).unwrap_or(u32::MAX));
        let burst = amount(info.token_bucket_bytes_burst);
        let bytes_per_second = amount(info.token_bucket_bytes_per_second);
        (info.token_bucket_bytes_per_second != 0).then_some(Self {
            bytes_per_second,
            burst,
            tokens: burst,
            refilled: now,
        })
    }

    /// Takes `bytes` if there are so many, else nothing.
    pub(super) fn take(&mut self, bytes: usize, now: Instant) -> bool {
        let passed: Duration = now.saturating_duration_since(self.refilled);
        self.refilled = now;
        self.tokens = (self.tokens + passed.as_secs_f64() * self.bytes_per_second).min(self.burst);
        let Ok(bytes) = u32::try_from(bytes) else { return false };
        let bytes = f64::from(bytes);
        let fits = bytes <= self.tokens;
        if fits {
            self.tokens -= bytes;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn limiter(rate: i64, burst: i64, now: Instant) -> Option<Limiter> {
        let (token_bucket_bytes_per_second, token_bucket_bytes_burst) = (rate, burst);
        let info =
            ServerInfo { token_bucket_bytes_per_second, token_bucket_bytes_burst, ..ServerInfo::current() };
        Limiter::new(&info, now)
    }

    #[test]
    fn a_burst_passes_then_only_what_the_rate_refills() {
        let start = clock::now();
        let mut limiter = limiter(100, 250, start).unwrap();
        assert!(limiter.take(200, start));
        assert!(!limiter.take(100, start), "50 left");
        assert!(limiter.take(100, start + Duration::from_millis(500)), "50 left, 50 refilled");
        assert!(!limiter.take(251, start + Duration::from_secs(3600)), "never more than the burst");
        assert!(limiter.take(250, start + Duration::from_secs(3600)));
    }

    #[test]
    fn no_rate_is_no_limit() {
        assert!(limiter(0, 250, clock::now()).is_none());
    }
}
