//! The outgoing side of a connection: anybody's packets in, sealed bytes out.
//!
//! Whoever has packets for a connection delivers them itself as long as the socket takes them: it seals and writes
//! under the connection's lock, on its own thread, and wakes nobody. Only when the socket is full do packets stay in
//! the mailbox, and the owner's task is woken to wait until the socket takes more.
//!
//! Lock order: `outgoing`, then the mailbox. Neither is held across an await. A deliverer never waits for `outgoing`:
//! if it is taken, mail goes to the mailbox and the holder is told by `mail_waiting` to look again after unlocking.

use std::io;
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use socket2::SockRef;
use tokio::net::tcp::OwnedWriteHalf;
use wherry_switch::{DropReason, MemoryClaim, Taken};
use wherry_wire::derp::encode::{self, RECV_PACKET_HEADER_LEN};

use super::batch::Mail;
use super::desk::Outbox;
use crate::metrics::{CloseReason, Flow, Kinds};
use crate::transport::{CodecError, Opened, Opener, Progress, Sealer};

/// A connection as the switch keeps it.
pub type Conn = wherry_switch::Conn<Link>;

/// Bytes of frames from a mailbox that are enough to be written. What is sealed can be neither overtaken nor dropped, so
/// this and the last take, which may begin just below it, are no more than what the kernel holds unsent ([`super::socket`]).
const PUMP_BYTES: usize = 8 * 1024;

/// Bytes of frames sealed together: what a TLS record holds. A frame that is longer is sealed alone.
const RECORD_BYTES: usize = 16 * 1024;

/// Bytes sent to one connection before others have their turn: four full reads.
const TURN_BYTES: usize = 256 * 1024;

/// Bytes that the transport's own answers may take while the socket is full. A peer that asks for them and does not read
/// them would otherwise fill the memory: a WebSocket ping is answered with as many bytes as it has.
const MAX_ANSWERS: usize = 64 * 1024;

/// Bytes of frames written at a time when the mailbox is empty: as much as one read brings.
const INLINE_BYTES: usize = 64 * 1024;

/// What a connection hangs on its entry in the switch.
#[derive(Debug)]
pub struct Link {
    // fixed
    socket: OwnedWriteHalf,
    // under its lock
    outgoing: Mutex<Outgoing>,
    /// What this connection sent and got.
    traffic: LinkTraffic,
    // anybody
    /// Mail was queued while the lock was taken: whoever unlocks looks again.
    mail_waiting: AtomicBool,
    /// The socket takes nothing; written under the lock.
    blocked: AtomicBool,
    /// 0, or one more than the index of the reason.
    ending: AtomicU8,
}

/// The packets of one connection since it joined.
#[derive(Debug, Default)]
pub struct LinkTraffic {
    /// From its client.
    pub received: Flow,
    /// Sealed for its client.
    pub sent: Flow,
}

/// What only the holder of the lock touches.
#[derive(Debug)]
pub(super) struct Outgoing {
    sealer: Sealer,
    /// Sealed bytes that the socket has not taken; they go first.
    unsent: Vec<u8>,
    /// Memory of `unsent`, if the socket was ever full since it was empty.
    unsent_memory: Option<MemoryClaim>,
    /// Among them, about, what the transport itself had to say: pongs of WebSocket, key updates of TLS.
    answers_unsent: usize,
    /// Since when the socket takes nothing.
    blocked_since: Option<Duration>,
}

/// How far [`Outgoing::pump`] came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pumped {
    /// The mailbox is empty or the socket full.
    AllThereIs,
    /// There may be more.
    HadEnough,
}

/// What became of one batch of packets handed to [`deliver`], in packet bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fate {
    /// Went to a connection that was not blocked.
    pub(super) flowing: usize,
    /// Dropped of those that the sender itself had sent.
    pub(super) dropped: usize,
}

impl Link {
    /// A link that first sends `unsent`, bytes that are sealed already.
    ///
    /// It counts as blocked until its owner has sent them, so nobody's packets can come before.
    pub(super) fn new(socket: OwnedWriteHalf, sealer: Sealer, unsent: Vec<u8>, now: Duration) -> Self {
        Self {
            socket,
            outgoing: Mutex::new(Outgoing {
                sealer,
                unsent,
                unsent_memory: None,
                answers_unsent: 0,
                blocked_since: Some(now),
            }),
            traffic: LinkTraffic::default(),
            mail_waiting: AtomicBool::new(false),
            blocked: AtomicBool::new(true),
            ending: AtomicU8::new(0),
        }
    }

    /// What this connection sent and got.
    #[must_use]
    pub const fn traffic(&self) -> &LinkTraffic {
        &self.traffic
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Outgoing> {
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_lock(&self) -> Option<MutexGuard<'_, Outgoing>> {
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

    fn set_ending(&self, reason: CloseReason) {
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

    pub(super) const fn socket(&self) -> &OwnedWriteHalf {
        &self.socket
    }
}

/// Tells the owner of `conn` to end it; returns at once.
pub(super) fn end(conn: &Conn, reason: CloseReason) {
    conn.link().set_ending(reason);
    conn.mailbox().wake();
}

/// Hands a batch of packets to `conn`: onto its socket if that is free, else into its mailbox.
pub(super) fn deliver(conn: &Conn, mut mail: Mail<'_>, outbox: &mut Outbox) -> Fate {
    let link = conn.link();
    let bytes = mail.bytes();
    if !link.is_blocked()
        && let Some(mut outgoing) = link.try_lock()
    {
        // Mail that waits goes first: packets of one sender stay in order.
        let mailbox_is_empty = conn.mailbox().is_empty();
        if mailbox_is_empty {
            outgoing.send_mail(conn, &mut mail, outbox);
        }
    }
    let flowing = if link.is_blocked() { bytes - mail.bytes() } else { bytes };
    let mut dropped = 0;
    if !mail.is_empty() {
        let mut mailbox = conn.mailbox();
        let src = *mail.src();
        for packet in mail {
            dropped += mailbox.push(&src, packet, outbox.now, &mut outbox.drops);
        }
        drop(mailbox);
        link.mail_waiting.store(true, Ordering::Relaxed);
    }
    settle(conn, outbox);
    Fate { flowing, dropped }
}

/// Sends what waits in the mailbox of `conn` as far as its socket takes it, unless somebody else is doing so.
///
/// To be called after each use of the lock: mail may have come while it was held.
pub(super) fn settle(conn: &Conn, outbox: &mut Outbox) {
    let link = conn.link();
    // Others may bring mail as fast as it goes out.
    let mut pumped = 0;
    loop {
        // Pairs with the fence of a deliverer: either it finds the lock free, or this load sees its mail.
        fence(Ordering::SeqCst);
        if !link.mail_waiting.load(Ordering::Relaxed) || link.is_blocked() {
            return;
        }
        let Some(mut outgoing) = link.try_lock() else { return };
        link.mail_waiting.store(false, Ordering::Relaxed);
        if outgoing.pump(conn, &mut pumped, outbox) == Pumped::HadEnough {
            drop(outgoing);
            // The owner goes on in its next turn; the others of this worker come first.
            link.mail_waiting.store(true, Ordering::Relaxed);
            conn.mailbox().wake();
            return;
        }
    }
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

/// The owner's: opens what came off the socket; answers of the transport itself go out at once.
pub(super) fn open(
    conn: &Conn,
    opener: &mut Opener,
    wire: &mut [u8],
    plain: &mut Vec<u8>,
    reply: &mut Vec<u8>,
    outbox: &Outbox,
) -> Result<Opened, CloseReason> {
    let need = match opener.open(wire, plain) {
        Progress::Done(opened) => return Ok(opened),
        Progress::NeedsSealer(need) => need,
    };
    let mut outgoing = conn.link().lock();
    reply.clear();
    let opened = opener.open_with(&mut outgoing.sealer, need, wire, plain, reply);
    if !reply.is_empty() && !outgoing.answer(conn, reply, outbox.now) {
        outgoing.sealer.give_up();
        return Err(CloseReason::ControlOverflow);
    }
    opened.map_err(|error| {
        tracing::debug!(conn = %conn.id(), err = %error, "opening failed");
        CloseReason::Transport
    })
}

/// The owner's: goes on after the socket was full, now that it may take more.
pub(super) fn resume(conn: &Conn, outbox: &mut Outbox) {
    let mut outgoing = conn.link().lock();
    outgoing.resume(conn, outbox.now);
    drop(outgoing);
    // Mail came while the socket was full, and its deliverers left it to us.
    conn.link().mail_waiting.store(true, Ordering::Relaxed);
    settle(conn, outbox);
}

/// The owner's, before it gives up a socket that took nothing for too long: tries to write without having been told that it
/// may. Returns whether the socket took anything.
///
/// The kernel tells only once a good part of the send buffer is free, which a slow but steady reader may not achieve in time.
pub(super) fn insist(conn: &Conn, outbox: &mut Outbox) -> bool {
    let link = conn.link();
    let mut outgoing = link.lock();
    let taken = match SockRef::from(link.socket.as_ref()).send(&outgoing.unsent) {
        Ok(taken) if taken > 0 => taken,
        _ => return false,
    };
    outgoing.took(conn, taken, outbox.now);
    drop(outgoing);
    link.mail_waiting.store(true, Ordering::Relaxed);
    settle(conn, outbox);
    true
}

/// The owner's last act on the socket: says goodbye if it takes so much, and closes it.
pub(super) fn farewell(conn: &Conn, outbox: &mut Outbox) {
    let link = conn.link();
    let mut outgoing = link.lock();
    outbox.sealed.clear();
    outgoing.sealer.close(&mut outbox.sealed);
    outgoing.write(conn, &outbox.sealed, outbox.now);
    outgoing.free_unsent();
    drop(outgoing);
    // A socket whose other end is gone refuses; it is closed all the same.
    drop(SockRef::from(link.socket.as_ref()).shutdown(Shutdown::Both));
}

impl Outgoing {
    /// Seals and writes packets until there are none left or the socket is full.
    fn send_mail(&mut self, conn: &Conn, mail: &mut Mail<'_>, outbox: &mut Outbox) {
        while self.blocked_since.is_none() && !mail.is_empty() {
            outbox.sealed.clear();
            while outbox.sealed.len() < INLINE_BYTES && !mail.is_empty() {
                let mut sent = Kinds::default();
                let sealed = self.sealer.seal(&mut outbox.sealed, |out| sent = write_frames(mail, out));
                if !account(conn, &sealed, sent, outbox) {
                    break;
                }
            }
            self.write(conn, &outbox.sealed, outbox.now);
            if conn.link().ending().is_some() {
                return;
            }
        }
    }

    /// Takes from the mailbox, seals and writes until it is empty, the socket is full, or others should have their turn.
    ///
    /// `pumped` counts the bytes of a turn, which may be of several calls.
    fn pump(&mut self, conn: &Conn, pumped: &mut usize, outbox: &mut Outbox) -> Pumped {
        while self.blocked_since.is_none() {
            if *pumped >= TURN_BYTES {
                return Pumped::HadEnough;
            }
            outbox.sealed.clear();
            while outbox.sealed.len() < PUMP_BYTES {
                let Outbox { sealed, drops, counters, now, .. } = outbox;
                let mut taken = Taken::default();
                let sealed = self.sealer.seal(sealed, |out| {
                    taken = conn.mailbox().take(*now, RECORD_BYTES.min(PUMP_BYTES), out, drops);
                });
                counters.waited(&taken);
                if !account(conn, &sealed, Kinds::of(&taken), outbox) {
                    return Pumped::AllThereIs;
                }
                if taken.frames == 0 {
                    break;
                }
            }
            if outbox.sealed.is_empty() {
                break;
            }
            *pumped += outbox.sealed.len();
            self.write(conn, &outbox.sealed, outbox.now);
        }
        if self.blocked_since.is_none() {
            self.free_unsent();
        }
        Pumped::AllThereIs
    }

    /// Writes what the transport itself has to say; `false` if so much of it waits that the peer cannot be reading.
    fn answer(&mut self, conn: &Conn, reply: &[u8], now: Duration) -> bool {
        self.answers_unsent =
            if self.blocked_since.is_some() { self.answers_unsent + reply.len() } else { 0 };
        if self.answers_unsent > MAX_ANSWERS {
            return false;
        }
        self.write(conn, reply, now);
        true
    }

    /// Writes sealed bytes behind those that wait already; keeps what the socket does not take.
    pub(super) fn write(&mut self, conn: &Conn, sealed: &[u8], now: Duration) {
        if self.blocked_since.is_some() {
            self.keep(conn, sealed);
            return;
        }
        let taken = self.try_write(conn, sealed);
        if taken < sealed.len() {
            self.keep(conn, sealed.get(taken..).unwrap_or_default());
            self.blocked_since = Some(now);
            conn.link().blocked.store(true, Ordering::Relaxed);
            // Only the owner can wait for the socket.
            conn.mailbox().wake();
        }
    }

    /// Keeps sealed bytes for later. Without memory for them the connection ends: what is sealed cannot be left out.
    fn keep(&mut self, conn: &Conn, sealed: &[u8]) {
        let memory = self.unsent_memory.get_or_insert_with(|| conn.mailbox().memory().claim());
        let need = self.unsent.len() + sealed.len();
        if memory.cover(need.max(self.unsent.capacity())) {
            self.unsent.reserve_exact(sealed.len());
            self.unsent.extend_from_slice(sealed);
        } else {
            end(conn, CloseReason::Memory);
        }
    }

    fn free_unsent(&mut self) {
        self.unsent = Vec::new();
        self.unsent_memory = None;
    }

    /// Writes what waited for the socket.
    fn resume(&mut self, conn: &Conn, now: Duration) {
        let unsent = std::mem::take(&mut self.unsent);
        let taken = self.try_write(conn, &unsent);
        self.unsent = unsent;
        self.took(conn, taken, now);
    }

    /// The socket took the first `taken` bytes of what waited.
    fn took(&mut self, conn: &Conn, taken: usize, now: Duration) {
        if taken == self.unsent.len() {
            // Its memory is needed again if there is more mail than the socket takes; else the pump frees it.
            self.unsent.clear();
            self.blocked_since = None;
            conn.link().blocked.store(false, Ordering::Relaxed);
        } else if taken > 0 {
            self.unsent.drain(..taken);
            self.blocked_since = Some(now);
        }
    }

    /// Writes as much of `bytes` as the socket takes and returns how much that was.
    fn try_write(&mut self, conn: &Conn, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            match conn.link().socket.try_write(rest) {
                Ok(0) => break,
                Ok(written) => taken += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    tracing::debug!(conn = %conn.id(), err = %error, "write failed");
                    end(conn, CloseReason::WriteError);
                    break;
                }
            }
        }
        taken
    }
}

/// Takes packets out of `mail` and appends their frames to `out`, as many as one record holds, but at least one.
fn write_frames(mail: &mut Mail<'_>, out: &mut Vec<u8>) -> Kinds {
    let mut sent = Kinds::default();
    let end = out.len() + RECORD_BYTES;
    while let Some(packet) = mail.next() {
        // Never too long: the sender's connection would have been closed for it.
        if encode::recv_packet(out, mail.src(), packet).is_ok() {
            sent.add(packet);
        }
        let next = mail.peek().map_or(0, |packet| RECV_PACKET_HEADER_LEN + packet.len());
        if out.len() + next > end {
            break;
        }
    }
    sent
}

/// Counts what was sealed for `conn`, or lost because that failed; says whether to go on.
fn account(conn: &Conn, sealed: &Result<(), CodecError>, sent: Kinds, outbox: &mut Outbox) -> bool {
    if let Err(error) = sealed {
        tracing::debug!(conn = %conn.id(), err = %error, "sealing failed");
        end(conn, CloseReason::Transport);
        for (kind, volume) in sent.each() {
            outbox.drops.add_many(DropReason::GoneDisconnected, kind, volume.packets, volume.bytes);
        }
        return false;
    }
    for (kind, volume) in sent.each() {
        outbox.counters.sent(kind).add(volume);
    }
    conn.link().traffic.sent.add(sent.total());
    true
}
