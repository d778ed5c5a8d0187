//! The threads that serve connections.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::metrics::Counters;
use crate::session::{Moderation, Rounds, Worker};

/// A worker's thread; dropping it ends the thread and with it all connections of the worker.
#[derive(Debug)]
pub(super) struct WorkerThread {
    pub(super) worker: Arc<Worker>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl WorkerThread {
    /// Starts a thread with a runtime of its own.
    #[expect(clippy::disallowed_methods, reason = "a worker that rests serves nobody, which is the purpose")]
    pub(super) fn start(number: usize, clock: Clock, counters: Arc<Counters>) -> io::Result<Self> {
        let rounds = Rounds::default();
        let park = {
            let (rounds, counters, moderation) =
                (rounds.clone(), Arc::clone(&counters), Mutex::new(Moderation::default()));
            move || {
                rounds.end();
                // This thread only, so the lock is always free.
                let mut moderation = moderation.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(rest) = moderation.end_round(clock.now(), || counters.received_packets()) {
                    std::thread::sleep(rest);
                }
            }
        };
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().on_thread_park(park).build()?;
        let worker = Worker::new(number, runtime.handle().clone(), rounds, counters);
        let (stop, stopped) = oneshot::channel();
        let alarms = Arc::clone(&worker).ring_alarms(clock);
        let thread = std::thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = alarms => {}
                    // Sent or dropped, it means the same.
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { worker, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for WorkerThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("a worker panicked");
        }
    }
}
