//! Lists of operations on a switch: its invariants hold after each, and packets are conserved.
#![no_main]

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use wherry_switch::{
    Conn, ConnId, DropTally, Gate, JoinInfo, Listeners, MailboxLimits, MemoryBudget, Role, Route, SiblingId,
    Switch,
};
use wherry_wire::key::NodePublic;

/// Less than the mailboxes of many conns would take together.
const MEMORY: usize = 64 << 10;

/// Small, so that a short list of operations reaches every bound.
const LIMITS: MailboxLimits = MailboxLimits {
    data_bytes: 4_000,
    disco_bytes: 500,
    control_bytes: 300,
    max_age: Duration::from_millis(600),
};

/// Operations of one list. What goes wrong after more than these goes wrong after fewer, and looking at everything after each
/// of thousands would leave time for few lists.
const MOST_OPS: usize = 128;

/// Conns that operations may be about, for the same reason.
const MOST_CONNS: usize = 24;

struct World {
    switch: Switch<()>,
    gate: Gate,
    /// The conns that joined last; those that left go on sending, as late packets do.
    conns: Vec<Arc<Conn<()>>>,
    /// What those that sent hold, by conn, as sessions do.
    listeners: HashMap<ConnId, Arc<Listeners>>,
    now: Duration,
    drops: DropTally,
    pushed: u64,
    taken: u64,
}

fuzz_target!(|ops: &[u8]| {
    let (switch, gate) = Switch::new(key(0), LIMITS, MemoryBudget::new(MEMORY));
    let (drops, now) = (DropTally::default(), Duration::ZERO);
    let (conns, listeners) = (Vec::new(), HashMap::new());
    let mut world = World { switch, gate, conns, listeners, now, drops, pushed: 0, taken: 0 };
    for op in ops.as_chunks().0.iter().take(MOST_OPS) {
        world.step(*op);
        assert_eq!(world.switch.check(), []);
        let queued: usize = world.conns.iter().map(|conn| conn.mailbox().packets()).sum();
        let lost = world.drops.total().packets;
        assert_eq!(world.pushed, world.taken + lost + u64::try_from(queued).unwrap());
    }
    world.end();
});

impl World {
    /// An operation, whom it concerns, and two more bytes for what it needs.
    fn step(&mut self, [op, who, what, size]: [u8; 4]) {
        let conn = self.conns.get(usize::from(who) % self.conns.len().max(1)).cloned();
        let sibling = SiblingId(u32::from(what % 5));
        match (op % 12, conn) {
            (0, _) => self.join(who, what),
            (1, Some(conn)) => {
                self.listeners.remove(&conn.id());
                self.switch.leave(&conn, &mut self.drops);
            }
            (2 | 3, Some(conn)) => self.send(&conn, what, usize::from(size) * 20, false),
            (4, Some(conn)) => self.send(&conn, what, usize::from(size), true),
            (5, Some(conn)) => {
                self.switch.watch(&conn);
            }
            (6, _) => self.switch.add_forwarder(&key(who % 8), sibling),
            (7, _) => {
                self.switch.remove_forwarder(&key(who % 8), sibling);
            }
            (8, Some(conn)) => self.switch.set_home(&conn, what % 2 == 0, self.now),
            (9, Some(conn)) => self.take(&conn, usize::from(size) * 10),
            (10, _) => self.now += Duration::from_millis(u64::from(size) * 4),
            (_, Some(conn)) if conn.is_dup() => self.switch.note_frame(&conn),
            _ => {}
        }
    }

    fn join(&mut self, who: u8, what: u8) {
        let role = if what.is_multiple_of(2) { Role::Regular } else { Role::Mesh };
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, u16::from(what)));
        let info = JoinInfo { addr, not_ideal: what.is_multiple_of(3), prober: what.is_multiple_of(5) };
        let admitted = self.gate.admit(key(who % 8), role, None);
        if self.conns.len() == MOST_CONNS {
            let oldest = self.conns.remove(0);
            self.listeners.remove(&oldest.id());
            self.switch.leave(&oldest, &mut self.drops);
        }
        self.conns.push(self.switch.join(admitted, info, (), self.now).conn);
    }

    fn send(&mut self, from: &Arc<Conn<()>>, to: u8, len: usize, disco: bool) {
        if from.is_dup() {
            self.switch.note_frame(from);
        }
        let mut packet = vec![to; len];
        if let Some(magic) = packet.first_chunk_mut().filter(|_| disco) {
            *magic = wherry_wire::disco::MAGIC;
        }
        let Some(peer) = self.switch.peer(&key(to % 8)) else { return };
        assert!(!peer.retired());
        match peer.route() {
            Route::Local(conn) => {
                assert_eq!(conn.key(), peer.key());
                conn.mailbox().push(from.key(), &packet, self.now, &mut self.drops);
                let listeners = self.listeners.entry(from.id());
                let listeners = listeners.or_insert_with(|| self.switch.listeners(from.key()));
                self.switch.heard(listeners, &conn);
                self.pushed += 1;
            }
            Route::Sibling(_) => {}
            other @ (Route::Inactive | Route::Unknown) => panic!("a peer that is found leads to {other:?}"),
        }
    }

    fn take(&mut self, conn: &Arc<Conn<()>>, budget: usize) {
        let mut out = Vec::new();
        let taken = conn.mailbox().take(self.now, budget, &mut out, &mut self.drops);
        assert!(taken.frames > 0 || conn.mailbox().is_empty());
        assert!(out.len() >= taken.packets * 37 + taken.bytes);
        self.taken += u64::try_from(taken.packets).unwrap();
    }

    /// Everybody leaves, and nothing stays behind.
    fn end(&mut self) {
        for conn in std::mem::take(&mut self.conns) {
            self.switch.leave(&conn, &mut self.drops);
            assert!(conn.mailbox().is_empty());
        }
        let counts = self.switch.counts();
        let left = [counts.conns, counts.home_conns, counts.not_ideal_conns, counts.watchers];
        assert_eq!(left, [0; 4]);
        assert_eq!((counts.local_peers, counts.dup_keys, counts.dup_conns), (0, 0, 0));
        assert_eq!(self.pushed, self.taken + self.drops.total().packets);
    }
}

fn key(number: u8) -> NodePublic {
    NodePublic::from_bytes([number + 1; 32])
}
