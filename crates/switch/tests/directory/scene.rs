//! A switch whose invariants are checked after each step.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use wherry_switch::{
    Conn, ConnId, Counts, DropTally, Gate, JoinInfo, MailboxLimits, MemoryBudget, Role, Route, SiblingId,
    Switch,
};
use wherry_wire::derp::{PeerFlags, PeerGoneReason, ToClient, header::Header};
use wherry_wire::key::NodePublic;

pub(crate) type Client = Arc<Conn<()>>;

/// Key of the relay itself.
pub(crate) const SERVER: u8 = 0;

pub(crate) fn key(number: u8) -> NodePublic {
    NodePublic::from_bytes([number.wrapping_add(1); 32])
}

/// Where the conn with this number in the order of joining comes from.
pub(crate) fn addr(number: u64) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], u16::try_from(number).unwrap()))
}

/// A control frame, as the peer sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Told {
    Gone(NodePublic),
    Present(NodePublic, SocketAddr, u8),
}

/// What `conn` joining or being listed tells a watcher.
pub(crate) fn present(conn: &Client) -> Told {
    let flags = [
        (conn.role() == Role::Mesh, PeerFlags::MESH_PEER),
        (conn.is_prober(), PeerFlags::PROBER),
        (conn.is_not_ideal(), PeerFlags::NOT_IDEAL),
    ];
    let flags: u8 = flags.iter().filter(|(holds, _)| *holds).map(|(_, flag)| flag.bits()).sum();
    Told::Present(*conn.key(), conn.addr(), if flags == 0 { PeerFlags::REGULAR.bits() } else { flags })
}

pub(crate) fn gone(number: u8) -> Told {
    Told::Gone(key(number))
}

pub(crate) fn ids(conns: &[Client]) -> Vec<ConnId> {
    conns.iter().map(|conn| conn.id()).collect()
}

pub(crate) struct Scene {
    pub(crate) switch: Switch<()>,
    pub(crate) gate: Gate,
    pub(crate) now: Duration,
    joined: u64,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with_limits(MailboxLimits::default())
    }

    pub(crate) fn with_limits(limits: MailboxLimits) -> Self {
        let (switch, gate) = Switch::new(key(SERVER), limits, MemoryBudget::new(usize::MAX));
        Self { switch, gate, now: Duration::from_secs(100), joined: 0 }
    }

    pub(crate) fn join(&mut self, number: u8) -> Client {
        self.join_as(number, Role::Regular).0
    }

    /// A sibling's conn that watches, after it was told what is here.
    pub(crate) fn watcher(&mut self, number: u8) -> Client {
        let conn = self.join_as(number, Role::Mesh).0;
        self.switch.watch(&conn);
        told(&conn);
        conn
    }

    pub(crate) fn join_as(&mut self, number: u8, role: Role) -> (Client, Vec<Client>) {
        self.join_saying(number, role, false, false)
    }

    /// A conn whose client says such things of itself.
    pub(crate) fn join_saying(
        &mut self,
        number: u8,
        role: Role,
        not_ideal: bool,
        prober: bool,
    ) -> (Client, Vec<Client>) {
        self.joined += 1;
        let info = JoinInfo { addr: addr(self.joined), not_ideal, prober };
        let joined = self.switch.join(self.gate.admit(key(number), role, None), info, (), self.now);
        self.check();
        (joined.conn, joined.news)
    }

    pub(crate) fn leave(&self, conn: &Client) -> Vec<Client> {
        let news = self.switch.leave(conn, &mut DropTally::default());
        self.check();
        news
    }

    /// A frame arrives, as the server treats it.
    pub(crate) fn frame(&self, conn: &Client) {
        if conn.is_dup() {
            self.switch.note_frame(conn);
        }
        self.check();
    }

    pub(crate) fn add_forwarder(&self, number: u8, sibling: u32) {
        self.switch.add_forwarder(&key(number), SiblingId(sibling));
        self.check();
    }

    pub(crate) fn remove_forwarder(&self, number: u8, sibling: u32) -> Vec<Client> {
        let news = self.switch.remove_forwarder(&key(number), SiblingId(sibling));
        self.check();
        news
    }

    pub(crate) fn route(&self, number: u8) -> Route<()> {
        self.switch.route(&key(number)).unwrap_or(Route::Unknown)
    }

    #[track_caller]
    pub(crate) fn expect_active(&self, number: u8, conn: &Client) {
        assert_eq!(self.route(number), Route::Local(Arc::clone(conn)));
    }

    pub(crate) fn counts(&self) -> Counts {
        self.switch.counts()
    }

    #[track_caller]
    pub(crate) fn expect_duplicates(&self, keys: u64, conns: u64, total: u64) {
        let counts = self.counts();
        assert_eq!((counts.dup_keys, counts.dup_conns, counts.dup_conns_total), (keys, conns, total));
    }

    #[track_caller]
    pub(crate) fn check(&self) {
        assert_eq!(self.switch.check(), []);
    }
}

/// Empties a mailbox that holds nothing but control frames.
pub(crate) fn told(conn: &Client) -> Vec<Told> {
    let mut bytes = Vec::new();
    let taken = conn.mailbox().take(Duration::ZERO, usize::MAX, &mut bytes, &mut DropTally::default());
    let mut told = Vec::new();
    let mut rest = bytes.as_slice();
    while let Some((header, tail)) = rest.split_first_chunk() {
        let header = Header::decode(header);
        let (payload, tail) = tail.split_at(usize::try_from(header.len).unwrap());
        told.push(match ToClient::decode(header.frame_type, payload).unwrap() {
            Some(ToClient::PeerGone { peer, reason: PeerGoneReason::DISCONNECTED }) => Told::Gone(peer),
            Some(ToClient::PeerPresent { peer, addr, flags }) => {
                Told::Present(peer, addr.unwrap(), flags.bits())
            }
            other => panic!("unexpected frame {other:?}"),
        });
        rest = tail;
    }
    assert_eq!(taken.frames, told.len());
    told
}
