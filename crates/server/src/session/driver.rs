//! One connection from its admission to its end: a future polled by its worker.
//!
//! Written by hand and not as an `async fn`, since a connection that waits must hold nothing but this struct: the
//! buffers are on the worker's desk and are used from one poll's beginning to its end.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use wherry_switch::{DropReason, DropTally, Kind, NotHereLimit, Role, Route};
use wherry_wire::derp::{HEADER_LEN, Header, Intake, PeerGoneReason, ToServer, encode};
use wherry_wire::key::NodePublic;

use super::alarms::LONGEST_ALARM;
use super::batch::{Address, Batch, Mail};
use super::deliver::{self, Fate};
use super::desk::{Desk, Inbox, Outbox};
use super::inlet::Inlet;
use super::link::{self, Conn};
use super::relay::Relay;
use super::route_cache::RouteCache;
use super::shed::{self, Shed};
use super::worker::Worker;
use crate::metrics::{CloseReason, Counters, Flow, Kinds, Volume};

/// The task of one admitted connection. It ends when the connection does.
#[derive(Debug)]
pub(super) struct Session {
    worker: Arc<Worker>,
    seat: Seat,
}

/// What belongs to the connection; apart from `conn`, its task only.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) relay: Arc<Relay>,
    pub(super) conn: Arc<Conn>,
    pub(super) inlet: Inlet,
    /// Bytes of a frame nobody needs that are still to come.
    skip: usize,
    routes: RouteCache,
    not_here: NotHereLimit,
    shed: Shed,
    /// Until when reading pauses.
    pause: Option<Duration>,
    keepalive_at: Duration,
    write_alarm_at: Option<Duration>,
    waker: Option<Waker>,
    started: bool,
    /// The socket has said that it takes something.
    looked: bool,
}

impl Session {
    /// The task of `conn`, which has joined already; `inlet` may hold what was read during the handshake.
    pub(super) fn new(relay: Arc<Relay>, worker: Arc<Worker>, conn: Arc<Conn>, inlet: Inlet) -> Self {
        let keepalive_at = conn.joined_at() + relay.keepalive_period(conn.id());
        worker.alarms().set(keepalive_at, Arc::downgrade(&conn));
        tracing::debug!(peer = %conn.key().short(), conn = %conn.id(), addr = %conn.addr(), "opened");
        let seat = Seat {
            relay,
            conn,
            inlet,
            skip: 0,
            routes: RouteCache::default(),
            not_here: NotHereLimit::new(),
            shed: Shed::default(),
            pause: None,
            keepalive_at,
            write_alarm_at: None,
            waker: None,
            started: false,
            looked: false,
        };
        Self { worker, seat }
    }
}

impl Future for Session {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { worker, seat } = self.get_mut();
        let mut desk = worker.desk();
        desk.begin(seat.relay.clock.now(), worker.round());
        let turn = seat.turn(cx, worker, &mut desk);
        if let Poll::Ready(reason) = turn {
            seat.leave(reason, worker, &mut desk.outbox);
        }
        desk.finish();
        turn.map(drop)
    }
}

impl Drop for Session {
    /// A task that is dropped before its end, because the runtime stops, must not stay in the directory.
    fn drop(&mut self) {
        self.seat.relay.forget(&self.seat.conn, &mut DropTally::default());
    }
}

impl Seat {
    fn turn(&mut self, cx: &mut Context<'_>, worker: &Worker, desk: &mut Desk) -> Poll<CloseReason> {
        self.register(cx);
        self.ring(worker, &mut desk.outbox);
        deliver::settle(&self.conn, &mut desk.outbox);
        let read = self.read(cx, worker, desk);
        self.wait_for_socket(cx, worker, &mut desk.outbox);
        // The first reason counts: a failed write seen here may be the cause of the end of reading.
        match self.conn.link().ending() {
            // Whoever is sent away at once hears why: a new socket takes the first bytes as soon as it was looked at.
            Some(_) if !self.looked => Poll::Pending,
            Some(reason) => Poll::Ready(reason),
            None => read,
        }
    }

    /// Lets others wake this task.
    fn register(&mut self, cx: &Context<'_>) {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.conn.mailbox().set_waker(cx.waker());
            self.waker = Some(cx.waker().clone());
        }
    }

    /// Does what is due.
    fn ring(&mut self, worker: &Worker, outbox: &mut Outbox) {
        if outbox.now < self.keepalive_at {
            return;
        }
        let mut frame = Vec::new();
        encode::keep_alive(&mut frame);
        // Without room for it, the peer does not read; other bounds deal with it.
        link::queue(&self.conn, &frame);
        self.keepalive_at = outbox.now + self.relay.keepalive_period(self.conn.id());
        worker.alarms().set(self.keepalive_at, Arc::downgrade(&self.conn));
    }

    /// While the socket is full: waits until it takes more, for so long.
    fn wait_for_socket(&mut self, cx: &mut Context<'_>, worker: &Worker, outbox: &mut Outbox) {
        let link = self.conn.link();
        while link.is_blocked() && (link.ending().is_none() || !self.looked) {
            let Poll::Ready(ready) = link.socket().as_ref().poll_write_ready(cx) else {
                break;
            };
            self.looked = true;
            if ready.is_err() {
                link::end(&self.conn, CloseReason::WriteError);
                return;
            }
            deliver::resume(&self.conn, outbox);
        }
        let deadline =
            link.blocked_since().and_then(|since| Some(since + self.relay.write_timeout(&self.conn)?));
        let Some(deadline) = deadline else { return };
        if outbox.now >= deadline && !deliver::insist(&self.conn, outbox) {
            link::end(&self.conn, CloseReason::WriteTimeout);
            return;
        }
        // One alarm at a time: when it rings and the deadline has moved, the next is set.
        if self.write_alarm_at.is_none_or(|at| at <= outbox.now) {
            let at = deadline.min(outbox.now + LONGEST_ALARM);
            self.write_alarm_at = Some(at);
            worker.alarms().set(at, Arc::downgrade(&self.conn));
        }
    }

    /// Reads what the socket has, up to a bound, and handles it.
    fn read(&mut self, cx: &mut Context<'_>, worker: &Worker, desk: &mut Desk) -> Poll<CloseReason> {
        if self.pause.is_some_and(|until| desk.outbox.now < until) {
            return Poll::Pending;
        }
        self.pause = None;
        if !std::mem::replace(&mut self.started, true)
            && let Err(reason) = self.take_in_left_over(desk)
        {
            return Poll::Ready(reason);
        }
        loop {
            if let Some(until) = self.pause {
                worker.alarms().pause(desk.outbox.now, until, Arc::downgrade(&self.conn));
                return Poll::Pending;
            }
            let filled = match std::task::ready!(self.inlet.poll_read(cx, &mut desk.inbox.wire)) {
                Ok(0) => return Poll::Ready(CloseReason::HungUp),
                Ok(filled) => filled,
                Err(_) => return Poll::Ready(CloseReason::ReadError),
            };
            if let Err(reason) = self.take_in(filled, desk) {
                return Poll::Ready(reason);
            }
            // A short read has emptied the socket: the next one waits for more without asking the kernel.
            if self.pause.is_none() && filled == desk.inbox.wire.len() {
                give_way(cx);
                return Poll::Pending;
            }
        }
    }

    /// Handles what came with the handshake: the socket may never have more.
    fn take_in_left_over(&mut self, desk: &mut Desk) -> Result<(), CloseReason> {
        let held = self.inlet.put_back(&mut desk.inbox.wire).map_err(|_| CloseReason::Transport)?;
        self.take_in(held, desk)
    }

    /// Opens and handles the first `filled` bytes of `desk.inbox.wire`.
    fn take_in(&mut self, filled: usize, desk: &mut Desk) -> Result<(), CloseReason> {
        let Desk { inbox: Inbox { wire, plain, batch, reply, leftovers }, outbox } = desk;
        let wire = wire.get_mut(..filled).unwrap_or_default();
        plain.clear();
        plain.extend_from_slice(&self.inlet.plain);
        let opened = deliver::open(&self.conn, &mut self.inlet.opener, wire, plain, reply, outbox);
        let consumed = opened.as_ref().map_or(filled, |opened| opened.consumed);
        leftovers.keep(&mut self.inlet.wire, wire.get(consumed..).unwrap_or_default());
        // What was opened before an error was good, and so are the frames before a bad one.
        let parsed = self.parse(plain, batch, outbox);
        self.hand_out(plain, batch, outbox);
        deliver::settle(&self.conn, outbox);
        leftovers.keep(&mut self.inlet.plain, plain.get(parsed?..).unwrap_or_default());
        if opened?.finished { Err(CloseReason::HungUp) } else { Ok(()) }
    }

    /// Handles the whole frames in `plain`; packets go to the batch. Returns the bytes used.
    fn parse(&mut self, plain: &[u8], batch: &mut Batch, outbox: &mut Outbox) -> Result<usize, CloseReason> {
        let mut received = Received::default();
        let parsed = self.parse_frames(plain, batch, &mut received, outbox);
        received.count(&outbox.counters, self.conn.link().received());
        parsed
    }

    fn parse_frames(
        &mut self,
        plain: &[u8],
        batch: &mut Batch,
        received: &mut Received,
        outbox: &mut Outbox,
    ) -> Result<usize, CloseReason> {
        let mesh = self.conn.role() == Role::Mesh;
        let mut at = 0;
        loop {
            let rest = plain.get(at..).unwrap_or_default();
            let skipped = rest.len().min(self.skip);
            self.skip -= skipped;
            at += skipped;
            let Some((header, body)) = rest.get(skipped..).and_then(|rest| rest.split_first_chunk()) else {
                return Ok(at);
            };
            let header = Header::decode(header);
            let intake = Intake::of(header, mesh).map_err(|_| CloseReason::BadFrame)?;
            let (keep, skip) = match intake {
                Intake::Whole(keep) => (keep, 0),
                Intake::Prefix { keep, skip } => (keep, skip),
                Intake::Skip(skip) => (0, skip),
            };
            let Some(payload) = body.get(..keep) else { return Ok(at) };
            at += HEADER_LEN + payload.len();
            self.skip = skip;
            if self.conn.is_dup() {
                self.relay.switch.note_frame(&self.conn);
            }
            if matches!(intake, Intake::Skip(_)) {
                received.skipped += 1;
                continue;
            }
            match ToServer::decode(header.frame_type, payload).map_err(|_| CloseReason::BadFrame)? {
                ToServer::SendPacket { dst, packet } => {
                    received.sent.add(packet);
                    let address = Address { dst, src: *self.conn.key(), forwarded: false };
                    batch.add(&address, at - packet.len()..at);
                }
                ToServer::ForwardPacket { src, dst, packet } => {
                    received.forwarded.add(packet);
                    batch.add(&Address { dst, src, forwarded: true }, at - packet.len()..at);
                }
                frame => {
                    // Frames take effect in order: whoever reads a pong knows that the packets before it are on their way.
                    self.hand_out(plain, batch, outbox);
                    self.obey(&frame, outbox);
                }
            }
        }
    }

    /// Does what a frame that is no packet asks for.
    fn obey(&mut self, frame: &ToServer<'_>, outbox: &mut Outbox) {
        let relay = &self.relay;
        match frame {
            ToServer::Ping(data) => {
                outbox.counters.got_ping.add(1);
                let mut pong = Vec::new();
                encode::pong(&mut pong, *data);
                // A peer that does not read gets no more pongs, as from the reference.
                let queued = link::queue(&self.conn, &pong);
                outbox.counters.sent_pong.add(queued.into());
            }
            ToServer::NotePreferred(home) => relay.switch.set_home(&self.conn, *home, outbox.now),
            ToServer::WatchConns => link::announce(&relay.switch.watch(&self.conn)),
            ToServer::ClosePeer(key) => {
                relay.cut_off(key, CloseReason::ClosedBySibling);
            }
            _ => {}
        }
    }

    /// Delivers the batch.
    fn hand_out(&mut self, plain: &[u8], batch: &mut Batch, outbox: &mut Outbox) {
        for (address, mail) in batch.mail(plain) {
            let bytes = mail.bytes();
            let fate = self.send(&address, mail, outbox);
            if self.shed.judge(bytes, fate) {
                outbox.counters.paused.add(1);
                self.pause = Some(outbox.now + shed::PAUSE);
            }
        }
        batch.clear();
    }

    fn send(&mut self, address: &Address, mail: Mail<'_>, outbox: &mut Outbox) -> Fate {
        let unknown = if address.forwarded { DropReason::UnknownDestOnFwd } else { DropReason::UnknownDest };
        let switch = &self.relay.switch;
        match self.routes.find(switch, &address.dst) {
            Some(Route::Local(dst)) => {
                if address.forwarded {
                    // Each forwarded packet may come from another peer.
                    switch.heard(&switch.listeners(&address.src), &dst);
                } else {
                    self.routes.tell(switch, &address.src, &dst);
                }
                deliver::deliver(&dst, mail, outbox)
            }
            Some(Route::Inactive) => self.refuse(&address.dst, mail, DropReason::DupClient, outbox),
            Some(Route::Sibling(_) | Route::Unknown) | None => {
                self.refuse(&address.dst, mail, unknown, outbox)
            }
        }
    }

    /// Drops packets that have nowhere to go; a sender of discovery packets is told, at a limited rate.
    fn refuse(&mut self, dst: &NodePublic, mail: Mail<'_>, reason: DropReason, outbox: &mut Outbox) -> Fate {
        let dropped = mail.bytes();
        for packet in mail {
            outbox.drops.add(reason, Kind::of(packet), packet.len());
            if reason != DropReason::DupClient && self.not_here.allows(packet, outbox.now) {
                let mut frame = Vec::new();
                encode::peer_gone(&mut frame, dst, PeerGoneReason::NOT_HERE);
                let queued = link::queue(&self.conn, &frame);
                outbox.counters.peer_gone_not_here.add(queued.into());
            }
        }
        Fate { flowing: 0, dropped }
    }

    /// Takes the connection out of everything.
    fn leave(&mut self, reason: CloseReason, worker: &Worker, outbox: &mut Outbox) {
        outbox.counters.close(reason);
        tracing::debug!(peer = %self.conn.key().short(), conn = %self.conn.id(), reason = reason.name(), "closed");
        self.conn.link().set_ending(reason);
        deliver::farewell(&self.conn, outbox);
        worker.alarms().cancel(self.keepalive_at, &self.conn);
        if let Some(at) = self.write_alarm_at {
            worker.alarms().cancel(at, &self.conn);
        }
        self.relay.forget(&self.conn, &mut outbox.drops);
    }
}

/// Has the task polled again once everybody else of its worker had a turn.
///
/// A plain wake would have it polled sixty times more before the runtime looks for other sockets that became ready: a
/// second and more, with frames small enough. A task that yields is woken after that look.
fn give_way(cx: &mut Context<'_>) {
    if std::pin::pin!(tokio::task::yield_now()).poll(cx).is_ready() {
        cx.waker().wake_by_ref();
    }
}

/// What one read brought, counted at its end.
#[derive(Debug, Default)]
struct Received {
    sent: Kinds,
    forwarded: Volume,
    skipped: u64,
}

impl Received {
    fn count(&self, counters: &Counters, of_conn: &Flow) {
        of_conn.add(self.sent.total());
        counters.received(Kind::Disco).add(self.sent.disco);
        counters.received(Kind::Other).add(self.sent.other);
        counters.forwarded_in.add(self.forwarded);
        if self.skipped > 0 {
            counters.skipped_frames.add(self.skipped);
        }
    }
}
