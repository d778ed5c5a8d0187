//! The way out: anybody's packets in, sealed bytes on the socket.
//!
//! Whoever has packets for a connection delivers them itself as long as the socket takes them: it seals and writes
//! under the connection's lock, on its own thread, and wakes nobody. Only when the socket is full do packets stay in
//! the mailbox, and the owner's task is woken to wait until the socket takes more; and when several senders have little for
//! one connection, their packets are gathered until the owner's turn.
//!
//! A deliverer never waits for the lock: if it is taken, mail goes to the mailbox and the holder is told by `mail_waiting`
//! to look again after unlocking.

use std::net::Shutdown;
use std::sync::MutexGuard;
use std::sync::atomic::{Ordering, fence};

use socket2::SockRef;

use super::batch::Mail;
use super::desk::Outbox;
use super::link::{Conn, Link, Outgoing};
use super::outgoing::Pumped;
use crate::metrics::CloseReason;
use crate::transport::{Opened, Opener, Progress};

/// Packet bytes of one read for one connection that are worth a write of their own; less may wait for others'.
const GATHERED_BYTES: usize = 8 * 1024;

/// What became of one batch of packets handed to [`deliver`], in packet bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fate {
    /// Went to a connection that was not blocked.
    pub(super) flowing: usize,
    /// Dropped of those that the sender itself had sent.
    pub(super) dropped: usize,
}

/// Hands a batch of packets to `conn`: onto its socket or into a parcel for it if the socket is free, else into its mailbox.
pub(super) fn deliver(conn: &Conn, mut mail: Mail<'_>, outbox: &mut Outbox) -> Fate {
    let link = conn.link();
    let bytes = mail.bytes();
    let others_come = link.callers.note(outbox.round, mail.src());
    // Another worker's connections are not gathered for: it would have to be woken.
    let gathers = others_come && bytes < GATHERED_BYTES && link.worker() == outbox.worker;
    if !link.is_blocked()
        && let Some(mut outgoing) = link.try_lock()
    {
        // Mail that waits goes first: packets of one sender stay in order.
        let mailbox_is_empty = conn.mailbox().is_empty();
        if mailbox_is_empty && gathers {
            outgoing.gather(conn, &mut mail, outbox);
            if outgoing.parcel.is_some() && mail.is_empty() {
                // Whoever found the lock taken left its mail to the owner's turn, which is to come for the parcel.
                return Fate { flowing: bytes, dropped: 0 };
            }
        } else if mailbox_is_empty {
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
    settle_by(Link::try_lock, conn, outbox);
    Fate { flowing, dropped }
}

/// The owner's: sends what was gathered for `conn` and what waits in its mailbox, as far as its socket takes it.
pub(super) fn settle(conn: &Conn, outbox: &mut Outbox) {
    settle_by(|link| Some(link.lock()), conn, outbox);
}

/// To be called after each use of the lock: mail may have come while it was held. Does nothing if `lock` finds it taken.
fn settle_by<'a>(
    lock: impl Fn(&'a Link) -> Option<MutexGuard<'a, Outgoing>>,
    conn: &'a Conn,
    outbox: &mut Outbox,
) {
    let link = conn.link();
    // Others may bring mail as fast as it goes out.
    let mut pumped = 0;
    loop {
        // Pairs with the fence of a deliverer: either it finds the lock free, or this load sees its mail.
        fence(Ordering::SeqCst);
        if !link.mail_waiting.load(Ordering::Relaxed) || link.is_blocked() {
            return;
        }
        let Some(mut outgoing) = lock(link) else { return };
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
    let taken = match link.send(&outgoing.unsent) {
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
    outgoing.send_parcel(conn, outbox);
    outbox.sealed.clear();
    outgoing.sealer.close(&mut outbox.sealed);
    outgoing.write(conn, &outbox.sealed, outbox.now);
    outgoing.free_unsent();
    drop(outgoing);
    // A socket whose other end is gone refuses; it is closed all the same.
    drop(SockRef::from(link.socket().as_ref()).shutdown(Shutdown::Both));
}

#[cfg(test)]
#[path = "deliver_tests.rs"]
mod tests;
