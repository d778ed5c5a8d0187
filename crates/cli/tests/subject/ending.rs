//! The end of a process that may hang.

use std::process::Child;
use std::time::{Duration, Instant};

/// Waits for the end of `child`; its exit code, or none if it hangs.
#[expect(
    clippy::disallowed_methods,
    reason = "a relay that hangs tells nobody; real time is what ends the wait for it"
)]
pub(crate) fn end_of(child: &mut Child) -> Option<i32> {
    let limit = Instant::now() + Duration::from_secs(60);
    loop {
        match child.try_wait().unwrap() {
            None if Instant::now() < limit => std::thread::yield_now(),
            end => return end.and_then(|end| end.code()),
        }
    }
}
