//! What a connection hangs on its entry in the switch, and what anybody may do to it from there.
//!
//! Lock order: `outgoing`, then the mailbox. Neither is held across an await.

use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use nix::sys::socket::MsgFlags;
use tokio::net::tcp::OwnedWriteHalf;
use wherry_switch::MemoryClaim;

use super::parcel::{Callers, Parcel};
use crate::metrics::{CloseReason, Flow};
use crate::transport::Sealer;

/// A connection as the switch keeps it.
pub type Conn = wherry_switch::Conn<Link>;

/// What a connection hangs on its entry in the switch.
///
/// In the order in which a delivery looks at it, so that one to a connection that no cache has takes few lines from memory.
#[derive(Debug)]
#[repr(C)]
pub struct Link {
    // anybody
    /// Who has mail for it of late.
    pub(super) callers: Callers,
    /// Mail was queued while the lock was taken, or gathered: whoever unlocks looks again.
    pub(super) mail_waiting: AtomicBool,
    /// The socket takes nothing; written under the lock.
    pub(super) blocked: AtomicBool,
    /// 0, or one more than the index of the reason.
    ending: AtomicU8,
    // fixed
    /// Of the socket, which stands elsewhere in memory.
    fd: RawFd,
    /// The number of the worker whose task owns this connection.
    worker: usize,
    // under the lock
    /// Packets that were sealed for its client.
    sent: Flow,
    outgoing: Mutex<Outgoing>,
    // fixed
    socket: OwnedWriteHalf,
    // the owner
    /// Packets that came from its client.
    received: Flow,
}

/// What only the holder of the lock touches.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Outgoing {
    /// Since when the socket takes nothing.
    pub(super) blocked_since: Option<Duration>,
    /// Packets that wait for others, to leave with them. Only while the socket takes something.
    pub(super) parcel: Option<Box<Parcel>>,
    pub(super) sealer: Sealer,
    /// Sealed bytes that the socket has not taken; they go first.
    pub(super) unsent: Vec<u8>,
    /// Memory of `unsent`, if the socket was ever full since it was empty.
    pub(super) unsent_memory: Option<MemoryClaim>,
    /// Among them, about, what the transport itself had to say: pongs of WebSocket, key updates of TLS.
    pub(super) answers_unsent: usize,
}

impl Link {
    /// A link that first sends `unsent`, bytes that are sealed already.
    ///
    /// It counts as blocked until its owner has sent them, so nobody's packets can come before.
    pub(super) fn new(
        socket: OwnedWriteHalf,
        worker: usize,
        sealer: Sealer,
        unsent: Vec<u8>,
        now: Duration,
    ) -> Self {
        Self {
            fd: socket.as_ref().as_raw_fd(),
            socket,
            worker,
            outgoing: Mutex::new(Outgoing {
                sealer,
                parcel: None,
                unsent,
                unsent_memory: None,
                answers_unsent: 0,
                blocked_since: Some(now),
            }),
            sent: Flow::default(),
            received: Flow::default(),
            callers: Callers::default(),
            mail_waiting: AtomicBool::new(false),
            blocked: AtomicBool::new(true),
            ending: AtomicU8::new(0),
        }
    }

    /// The packets that came from its client since it joined.
    #[must_use]
    pub const fn received(&self) -> &Flow {
        &self.received
    }

    /// The packets that were sealed for its client since it joined.
    #[must_use]
    pub const fn sent(&self) -> &Flow {
        &self.sent
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Outgoing> {
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn try_lock(&self) -> Option<MutexGuard<'_, Outgoing>> {
        match self.outgoing.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Why the connection is to end, if it is. The first reason given stays.
    pub(super) fn ending(&self) -> Option<CloseReason> {
        let code = usize::from(self.ending.load(Ordering::Relaxed));
        code.checked_sub(1).and_then(CloseReason::from_index)
    }

    pub(super) fn set_ending(&self, reason: CloseReason) {
        let given = self.ending.compare_exchange(0, reason as u8 + 1, Ordering::Relaxed, Ordering::Relaxed);
        if let Err(first) = given {
            tracing::trace!(first, reason = reason.name(), "already ending");
        }
    }

    /// Since when the socket takes nothing.
    pub(super) fn blocked_since(&self) -> Option<Duration> {
        if self.is_blocked() { self.lock().blocked_since } else { None }
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed)
    }

    /// The number of the worker whose task owns this connection.
    pub(super) const fn worker(&self) -> usize {
        self.worker
    }

    /// Writes as much of `bytes` as the socket takes at once. The runtime does not hear of it.
    ///
    /// # Errors
    /// The socket's; `EAGAIN` if it takes nothing.
    pub(super) fn send(&self, bytes: &[u8]) -> nix::Result<usize> {
        nix::sys::socket::send(self.fd, bytes, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL)
    }

    pub(super) const fn socket(&self) -> &OwnedWriteHalf {
        &self.socket
    }
}

/// Tells the owner of `conn` to end it; returns at once.
pub(super) fn end(conn: &Conn, reason: CloseReason) {
    conn.link().set_ending(reason);
    conn.mailbox().wake();
}

/// Queues a control frame for `conn`, to be sent when the caller settles. Returns whether there was room: a peer that does
/// not read gets no more of them.
pub(super) fn queue(conn: &Conn, frame: &[u8]) -> bool {
    let queued = conn.mailbox().push_control(frame).is_ok();
    if queued {
        conn.link().mail_waiting.store(true, Ordering::Relaxed);
    }
    queued
}

/// Wakes the owners of connections whose mailboxes got control frames. A sibling that missed some believes in peers that are
/// gone: it is ended, comes back, and is told everything anew.
pub(super) fn announce(conns: &[Arc<Conn>]) {
    for conn in conns {
        if conn.is_overrun() {
            end(conn, CloseReason::ControlOverflow);
            continue;
        }
        conn.link().mail_waiting.store(true, Ordering::Relaxed);
        conn.mailbox().wake();
    }
}
