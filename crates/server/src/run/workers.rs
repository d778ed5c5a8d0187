//! The threads that serve connections.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::metrics::Counters;
use crate::session::{Rounds, Worker};

/// A worker's thread; dropping it ends the thread and with it all connections of the worker.
#[derive(Debug)]
pub(super) struct WorkerThread {
    pub(super) worker: Arc<Worker>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl WorkerThread {
    /// Starts a thread with a runtime of its own.
    pub(super) fn start(number: usize, clock: Clock, counters: Arc<Counters>) -> io::Result<Self> {
        let rounds = Rounds::default();
        let parking = rounds.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .on_thread_park(move || parking.end())
            .build()?;
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
