//! The threads that serve connections.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::metrics::Counters;
use crate::session::{Moderation, Rounds, Worker};

/// Says that a worker has ended once its thread does, for whatever reason.
struct Ending(Arc<Worker>);

impl Drop for Ending {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(worker = self.0.number(), "panicked; its connections end");
        }
        self.0.end();
    }
}

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
        let (stop, stopped) = oneshot::channel();
        // Before the runtime, which could not end here if there were no thread for it: the caller's own would not let it.
        let (hand_over, handed) = mpsc::channel::<(Runtime, Arc<Worker>)>();
        let thread = std::thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
            let Ok((runtime, worker)) = handed.recv() else { return };
            let _ending = Ending(Arc::clone(&worker));
            runtime.block_on(async {
                tokio::select! {
                    Err(err) = worker.ring_alarms(clock) => {
                        tracing::error!(worker = number, %err, "no timer; its connections end");
                    }
                    // Sent or dropped, it means the same.
                    _ = stopped => {}
                }
            });
        })?;
        // Without timers, of which each wait would have an end: a worker has its alarms.
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_io().on_thread_park(park).build()?;
        let worker = match Worker::new(number, runtime.handle().clone(), rounds, counters) {
            Ok(worker) => worker,
            Err(err) => {
                // The caller's own runtime would not have it end while it waits.
                runtime.shutdown_background();
                return Err(err);
            }
        };
        let handed_over = hand_over.send((runtime, Arc::clone(&worker)));
        handed_over.map_err(|_| io::Error::other("the thread of a worker ended at once"))?;
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::net::UdpSocket;

    use super::*;

    /// How long a worker rests (decision 0010). The kernel adds to it, and takes nothing away.
    const REST: Duration = Duration::from_micros(150);

    /// Packets a second from which it does.
    const RATE: u128 = 100_000;

    /// Rounds in a row, each with a rest: without one they take some microseconds, and never so many of them so long.
    const ENOUGH: u32 = 100;

    /// More than it takes by far to come to a window with rests, which is tried after 20 ms.
    const MOST: u32 = 300_000;

    /// Counts packets that come evenly, a round of the worker after the other, until it rests in each of so many.
    async fn rests(clock: Clock, counters: Arc<Counters>) -> bool {
        let [near, far] = [(), ()].map(|()| UdpSocket::bind("127.0.0.1:0"));
        let (near, far) = (near.await.unwrap(), far.await.unwrap());
        near.connect(far.local_addr().unwrap()).await.unwrap();
        let (start, mut last) = (clock.now(), clock.now());
        let (mut counted, mut in_a_row) = (0, 0);
        for _ in 0..MOST {
            let mut datagram = [0; 1];
            // Asked for before it is sent, it is found by looking what became ready: that begins another round.
            let (received, sent) = tokio::join!(far.recv(&mut datagram), near.send(&[0]));
            received.and(sent).unwrap();
            let now = clock.now();
            in_a_row = if now - last >= REST { in_a_row + 1 } else { 0 };
            if in_a_row == ENOUGH {
                return true;
            }
            last = now;
            let due = u64::try_from((now - start).as_micros() * RATE / 1_000_000).unwrap();
            counters.received[0].packets.add(due - counted);
            counted = due;
        }
        false
    }

    #[test]
    fn a_worker_whose_thread_is_over_has_ended() {
        let thread = WorkerThread::start(0, Clock::start(), Arc::default()).unwrap();
        let worker = Arc::clone(&thread.worker);
        assert!(!worker.has_ended());
        drop(thread);
        assert!(worker.has_ended());
    }

    #[tokio::test]
    async fn a_worker_whose_packets_come_fast_rests_before_it_looks_again() {
        let (clock, counters) = (Clock::start(), Arc::new(Counters::default()));
        let thread = WorkerThread::start(0, clock, Arc::clone(&counters)).unwrap();
        let resting = thread.worker.runtime().spawn(rests(clock, counters));
        assert!(resting.await.unwrap(), "it looked again at once");
    }
}
