//! The writing side, shared by all senders and by the receiver's pongs.

use std::io;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncWriteExt, WriteHalf};
use tokio::sync::{Mutex, MutexGuard, Notify};

use wherry_wire::derp::ServerInfo;

use super::limiter::Limiter;
use crate::clock;
use crate::upgrade::ByteStream;

/// The writing half with the bytes not yet written.
pub(super) struct Outbox {
    stream: WriteHalf<Box<dyn ByteStream>>,
    /// Whole frames; the first `written` bytes are already out.
    pub(super) frames: Vec<u8>,
    written: usize,
}

/// An [`Outbox`] many tasks write to.
pub(super) struct Shared {
    outbox: Mutex<Outbox>,
    limiter: std::sync::Mutex<Option<Limiter>>,
    /// Set while bytes wait that nobody is writing. Written under the outbox' lock.
    left_over: AtomicBool,
    /// No more frames can be sent.
    closed: AtomicBool,
    /// Wakes the receiver when one of the two flags was set.
    attention: Notify,
}

/// Capacity kept between frames.
const KEEP: usize = 16 * 1024;

impl Shared {
    pub(super) fn new(stream: WriteHalf<Box<dyn ByteStream>>) -> Self {
        Self {
            outbox: Mutex::new(Outbox { stream, frames: Vec::new(), written: 0 }),
            limiter: std::sync::Mutex::new(None),
            left_over: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            attention: Notify::new(),
        }
    }

    /// Takes over the send limit the relay asks for; a full bucket each time.
    pub(super) fn limit(&self, info: &ServerInfo) {
        *self.limiter() = Limiter::new(info, clock::now());
    }

    /// Whether a frame of `bytes` may be sent under the relay's limit; if so it is charged.
    pub(super) fn allows(&self, bytes: usize) -> bool {
        self.limiter().as_mut().is_none_or(|limiter| limiter.take(bytes, clock::now()))
    }

    fn limiter(&self) -> std::sync::MutexGuard<'_, Option<Limiter>> {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Ends sending and wakes the receiver, which then ends too.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.attention.notify_one();
    }

    pub(super) async fn lock(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().await
    }

    /// Appends frames by `append` and writes everything to the end.
    ///
    /// Cancelled before the lock is held, nothing happened; later, the frames go out with the next write or while
    /// somebody receives.
    pub(super) async fn write(&self, append: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let mut outbox = self.lock().await;
        append(&mut outbox.frames);
        self.finish(&mut outbox).await
    }

    /// Writes everything to the end; on failure the connection is closed for sending.
    pub(super) async fn finish(&self, outbox: &mut Outbox) -> io::Result<()> {
        if self.is_closed() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.left_over.store(true, Ordering::Release);
        let mut watch = Abandoned { shared: self, finished: false };
        let result = outbox.write_out().await;
        self.left_over.store(false, Ordering::Release);
        watch.finished = true;
        drop(watch);
        if result.is_err() {
            self.close();
        }
        result
    }

    /// For the receiver: returns when sending has ended; until then writes what others left over, and `pong`.
    pub(super) async fn tend(&self, pong: &mut Option<[u8; 8]>) {
        while !self.is_closed() {
            if pong.is_none() && !self.left_over.load(Ordering::Acquire) {
                self.attention.notified().await;
                continue;
            }
            let mut outbox = self.lock().await;
            if let Some(data) = pong.take() {
                wherry_wire::derp::encode::pong(&mut outbox.frames, data);
            }
            // A failure closes the connection, which ends the loop.
            drop(self.finish(&mut outbox).await);
        }
    }

    /// Says good-bye to the stream below (TLS close, WebSocket close).
    pub(super) async fn shut_down(&self) -> io::Result<()> {
        let mut outbox = self.lock().await;
        self.finish(&mut outbox).await?;
        let result = outbox.stream.shutdown().await;
        self.close();
        result
    }
}

/// Tells the receiver that a write was given up half-way.
struct Abandoned<'a> {
    shared: &'a Shared,
    finished: bool,
}

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.shared.attention.notify_one();
        }
    }
}

impl Outbox {
    async fn write_out(&mut self) -> io::Result<()> {
        while let Some(rest) = self.frames.get(self.written..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                len => self.written += len,
            }
        }
        self.frames.clear();
        self.frames.shrink_to(KEEP);
        self.written = 0;
        self.stream.flush().await
    }
}
