//! The runtime of a command.

use crate::failure::SystemError;

/// Runs `work` to its end, on this thread alone.
///
/// What it leaves behind on other threads is waited for no longer: a name that still resolves, a file of a disk that hangs.
pub(crate) fn run<T>(work: impl Future<Output = T>) -> Result<T, SystemError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(SystemError::Start)?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    Ok(done)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    #[test]
    fn what_hangs_on_another_thread_is_not_waited_for() {
        let (release, never) = sync_channel::<()>(0);
        let (tell, started) = tokio::sync::oneshot::channel();
        run(async {
            let hanging = tokio::task::spawn_blocking(move || {
                tell.send(()).unwrap();
                assert!(never.recv().is_err());
            });
            started.await.unwrap();
            drop(hanging);
        })
        .unwrap();
        drop(release);
    }
}
