//! Sealing and writing, by whoever holds the lock of a connection's outgoing side.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nix::errno::Errno;
use wherry_switch::{DropReason, Taken};
use wherry_wire::derp::encode::{self, RECV_PACKET_HEADER_LEN};

use super::batch::Mail;
use super::desk::Outbox;
use super::link::{Conn, Link, Outgoing, end};
use super::parcel::PARCEL_BYTES;
use crate::metrics::{CloseReason, Kinds};
use crate::transport::CodecError;

/// Bytes of frames from a mailbox that are enough to be written. What is sealed can be neither overtaken nor dropped, so
/// this and the last take, which may begin just below it, are no more than what the kernel holds unsent ([`super::socket`]).
const PUMP_BYTES: usize = 8 * 1024;

/// Bytes of frames sealed together: what a TLS record holds. A frame that is longer is sealed alone.
const RECORD_BYTES: usize = PARCEL_BYTES;

/// Bytes sent to one connection before others have their turn: four full reads.
const TURN_BYTES: usize = 256 * 1024;

/// Bytes that the transport's own answers may take while the socket is full. A peer that asks for them and does not read
/// them would otherwise fill the memory: a WebSocket ping is answered with as many bytes as it has.
const MAX_ANSWERS: usize = 64 * 1024;

/// Bytes of frames written at a time when the mailbox is empty: as much as one read brings.
const INLINE_BYTES: usize = 64 * 1024;

/// How far [`Outgoing::pump`] came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pumped {
    /// The mailbox is empty or the socket full.
    AllThereIs,
    /// There may be more.
    HadEnough,
}

impl Outgoing {
    /// Seals and writes packets until there are none left or the socket is full.
    pub(super) fn send_mail(&mut self, conn: &Conn, mail: &mut Mail<'_>, outbox: &mut Outbox) {
        self.send_parcel(conn, outbox);
        while self.blocked_since.is_none() && !mail.is_empty() {
            outbox.sealed.clear();
            while outbox.sealed.len() < INLINE_BYTES && !mail.is_empty() {
                let mut sent = Kinds::default();
                let sealed = self
                    .sealer
                    .seal(&mut outbox.sealed, |out| write_frames(mail, out, RECORD_BYTES, &mut sent));
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

    /// Puts packets into the parcel; one that is full leaves.
    pub(super) fn gather(&mut self, conn: &Conn, mail: &mut Mail<'_>, outbox: &mut Outbox) {
        while let Some(packet) = mail.peek() {
            // An owner that is leaving has no turn any more.
            if self.blocked_since.is_some() || conn.link().ending().is_some() {
                return;
            }
            let frame = RECV_PACKET_HEADER_LEN + packet.len();
            match &mut self.parcel {
                Some(parcel) if parcel.room() >= frame => {
                    let room = parcel.room();
                    write_frames(mail, &mut parcel.frames, room, &mut parcel.kinds);
                }
                Some(_) => self.send_parcel(conn, outbox),
                None => {
                    let mailbox = conn.mailbox();
                    self.parcel = outbox.blanks.get(mailbox.memory().claim_refusable());
                    if self.parcel.is_none() {
                        drop(mailbox);
                        return self.send_mail(conn, mail, outbox);
                    }
                    conn.link().mail_waiting.store(true, Ordering::Relaxed);
                    mailbox.wake();
                }
            }
        }
    }

    /// Seals and writes what was gathered.
    pub(super) fn send_parcel(&mut self, conn: &Conn, outbox: &mut Outbox) {
        let Some(parcel) = self.parcel.take() else { return };
        outbox.sealed.clear();
        let sealed = self.sealer.seal(&mut outbox.sealed, |out| out.extend_from_slice(&parcel.frames));
        let kinds = parcel.kinds;
        // Its memory may be needed for what the socket does not take.
        outbox.blanks.put(parcel);
        if account(conn, &sealed, kinds, outbox) {
            self.write(conn, &outbox.sealed, outbox.now);
        }
    }

    /// Takes from the mailbox, seals and writes until it is empty, the socket is full, or others should have their turn.
    ///
    /// `pumped` counts the bytes of a turn, which may be of several calls.
    pub(super) fn pump(&mut self, conn: &Conn, pumped: &mut usize, outbox: &mut Outbox) -> Pumped {
        self.send_parcel(conn, outbox);
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
    pub(super) fn answer(&mut self, conn: &Conn, reply: &[u8], now: Duration) -> bool {
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

    pub(super) fn free_unsent(&mut self) {
        self.unsent = Vec::new();
        self.unsent_memory = None;
    }

    /// Writes what waited for the socket.
    pub(super) fn resume(&mut self, conn: &Conn, now: Duration) {
        let unsent = std::mem::take(&mut self.unsent);
        let taken = self.try_write(conn, &unsent);
        self.unsent = unsent;
        self.took(conn, taken, now);
    }

    /// The socket took the first `taken` bytes of what waited.
    pub(super) fn took(&mut self, conn: &Conn, taken: usize, now: Duration) {
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
            match send(conn.link(), rest) {
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

/// Writes some of `bytes`. Of a socket that takes them the runtime need not know, and its record of the socket may be in no cache.
///
/// One that is full must be refused to the runtime itself: it forgets then that the socket takes something. Told of our refusal,
/// it would also forget what the kernel has said in between, and nobody would be woken.
fn send(link: &Link, bytes: &[u8]) -> io::Result<usize> {
    match link.send(bytes) {
        Err(Errno::EAGAIN) => link.socket().try_write(bytes),
        sent => Ok(sent?),
    }
}

/// Takes packets out of `mail` and appends their frames to `out`, as many as `room` bytes hold, but at least one.
fn write_frames(mail: &mut Mail<'_>, out: &mut Vec<u8>, room: usize, sent: &mut Kinds) {
    let end = out.len() + room;
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
    conn.link().sent().add(sent.total());
    true
}
