//! What all sessions of a process share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use wherry_switch::{ConnId, DropTally, Role, Switch};
use wherry_wire::derp::encode;
use wherry_wire::key::NodePublic;

use super::identity::Identity;
use super::knocks::Knocks;
use super::link::{self, Conn, Link};
use super::worker::Worker;
use crate::admission::Admission;
use crate::clock::Clock;
use crate::metrics::CloseReason;

/// The relay: who is here, who may come, and who serves them.
#[derive(Debug)]
pub struct Relay {
    /// Time and entropy.
    pub clock: Clock,
    /// Who is here.
    pub switch: Switch<Link>,
    /// Who may come.
    pub admission: Admission,
    /// The relay's own key pair.
    pub identity: Identity,
    /// Who serves.
    pub workers: Vec<Arc<Worker>>,
    /// How long things may take.
    pub timing: Timing,
    next_worker: AtomicUsize,
    /// Connections admitted that have not joined yet.
    entering: AtomicUsize,
    dismissed: AtomicBool,
    left: Notify,
    /// Peers that were not admitted.
    pub(super) denied: Knocks<NodePublic>,
}

/// The time-outs of sessions.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// For each step of the handshake.
    pub handshake: Duration,
    /// Between two keepalives, before jitter.
    pub keepalive: Duration,
    /// Until a client that takes nothing is cut off; none waits for ever.
    pub write: Option<Duration>,
}

/// A sibling is worth more patience than a client: cutting it off loses many peers at once.
const SIBLING_WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Keepalives of connections are spread over this much, so that clients that came together do not stay together.
const KEEPALIVE_JITTER_MS: u32 = 5_000;

/// Clients of a relay that stops are asked to come back within this much, each at a time of its own.
const RECONNECT_SPREAD_MS: u32 = 1_000;

/// How long they are advised to keep trying.
const TRY_FOR_MS: u32 = 5_000;

impl Relay {
    /// A relay with nobody on it yet.
    #[must_use]
    pub fn new(
        clock: Clock,
        identity: Identity,
        switch: Switch<Link>,
        admission: Admission,
        workers: Vec<Arc<Worker>>,
        timing: Timing,
    ) -> Self {
        Self {
            clock,
            switch,
            admission,
            identity,
            workers,
            timing,
            next_worker: AtomicUsize::new(0),
            entering: AtomicUsize::new(0),
            dismissed: AtomicBool::new(false),
            left: Notify::new(),
            denied: Knocks::new(),
        }
    }

    /// The worker that gets the next connection: each in turn that has not ended.
    pub(super) fn pick_worker(&self) -> Option<&Arc<Worker>> {
        let turn = self.next_worker.fetch_add(1, Ordering::Relaxed);
        self.at_work().nth(turn % self.workers_at_work().max(1))
    }

    /// How many workers have not ended.
    #[must_use]
    pub fn workers_at_work(&self) -> usize {
        self.at_work().count()
    }

    fn at_work(&self) -> impl Iterator<Item = &Arc<Worker>> {
        self.workers.iter().filter(|worker| !worker.has_ended())
    }

    /// How long `conn` may take nothing.
    pub(super) fn write_timeout(&self, conn: &Conn) -> Option<Duration> {
        if conn.role() == Role::Mesh { Some(SIBLING_WRITE_TIMEOUT) } else { self.timing.write }
    }

    /// The time between two keepalives of connection `id`.
    pub(super) fn keepalive_period(&self, id: ConnId) -> Duration {
        self.timing.keepalive + Duration::from_millis(spread(id, KEEPALIVE_JITTER_MS).into())
    }

    /// Cuts off every connection of `key`.
    pub fn cut_off(&self, key: &NodePublic, reason: CloseReason) {
        for conn in self.switch.peer_conns(key) {
            link::end(&conn, reason);
        }
    }

    /// Cuts off every client that would not be admitted now; how many connections those are.
    pub fn cut_off_strangers(&self) -> usize {
        let conns = self.switch.conns();
        let strangers =
            conns.iter().filter(|conn| conn.role() == Role::Regular && !self.admission.admits(conn.key()));
        strangers.map(|conn| link::end(conn, CloseReason::Revoked)).count()
    }

    /// Tells every client that the relay goes away, and ends all connections. Returns at once.
    ///
    /// Clients are asked to come back after different times, so that they do not all come at once.
    pub fn dismiss(&self) {
        // Before the look around: who joins after it finds this set.
        self.dismissed.store(true, Ordering::SeqCst);
        for conn in self.switch.conns() {
            dismiss(&conn);
        }
    }

    /// To be called for a connection that has just joined: the relay may have been dismissed meanwhile.
    pub(super) fn dismiss_if_late(&self, conn: &Arc<Conn>) {
        if self.dismissed.load(Ordering::SeqCst) {
            dismiss(conn);
        }
    }

    /// Counts a connection as on its way in, until what this returns is dropped.
    pub(super) fn let_in(self: &Arc<Self>) -> Entering {
        self.entering.fetch_add(1, Ordering::SeqCst);
        Entering { relay: Arc::clone(self) }
    }

    /// Whether nobody is here or on the way in.
    pub fn is_empty(&self) -> bool {
        // In this order: who is counted no more has joined.
        self.entering.load(Ordering::SeqCst) == 0 && self.switch.counts().conns == 0
    }

    /// Takes `conn` out of the directory and tells whom it concerns. Doing it twice changes nothing.
    pub(super) fn forget(&self, conn: &Arc<Conn>, drops: &mut DropTally) {
        link::announce(&self.switch.leave(conn, drops));
        self.left.notify_one();
    }

    /// Waits until a connection has left, or come in, since the last call. For one caller at a time.
    pub async fn left(&self) {
        self.left.notified().await;
    }
}

/// A connection on its way in.
#[derive(Debug)]
pub(super) struct Entering {
    relay: Arc<Relay>,
}

impl Drop for Entering {
    fn drop(&mut self) {
        self.relay.entering.fetch_sub(1, Ordering::SeqCst);
        self.relay.left.notify_one();
    }
}

/// Tells a client that the relay goes away, and ends its connection.
fn dismiss(conn: &Conn) {
    let mut frame = Vec::new();
    encode::restarting(&mut frame, spread(conn.id(), RECONNECT_SPREAD_MS), TRY_FOR_MS);
    // Who has no room for it does not read; the end of the connection says the same.
    link::queue(conn, &frame);
    link::end(conn, CloseReason::Shutdown);
}

/// A number below `bound` that differs between connections, the same at each call.
const fn spread(id: ConnId, bound: u32) -> u32 {
    // A multiplicative hash spreads consecutive ids; nobody gains from guessing it. The product of 32 bits each, shifted
    // down, is below the bound.
    let hash = id.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    ((bound as u64 * hash) >> 32) as u32
}
