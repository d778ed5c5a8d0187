//! Files on a disk that may hang.

use std::time::Duration;

use tokio::task::{AbortHandle, spawn_blocking};
use tokio::time::timeout;

/// Time for one look at a file, or one reading: more takes only a disk that hangs, such as a mount whose server is away.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks for files in threads of their own, one at a time: a disk that hangs has that one for good, and no other.
#[derive(Debug, Default)]
pub(super) struct Disk {
    unanswered: Option<AbortHandle>,
}

impl Disk {
    /// The answer; none if it does not come in time, and at once while an earlier one has not come.
    pub(super) async fn ask<T: Send + 'static>(
        &mut self,
        question: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        if self.unanswered.as_ref().is_some_and(|earlier| !earlier.is_finished()) {
            return None;
        }
        let asking = spawn_blocking(question);
        self.unanswered = Some(asking.abort_handle());
        timeout(PATIENCE, asking).await.ok()?.ok()
    }
}
