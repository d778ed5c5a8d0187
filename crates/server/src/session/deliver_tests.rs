//! What arrives at a receiver, and when: a real socket, no encryption.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use std::time::Duration;

use wherry_switch::{DropTally, JoinInfo, MailboxLimits, MemoryBudget, Role, Switch};
use wherry_wire::derp::encode::RECV_PACKET_HEADER_LEN;
use wherry_wire::key::NodePublic;

use super::*;
use crate::metrics::Counters;
use crate::session::batch::{Address, Batch};
use crate::session::desk::Desk;
use crate::session::parcel::PARCEL_BYTES;
use crate::transport::{Codec, split};

const WORKER: usize = 3;

/// A receiver on a switch, the far end of its socket, and a worker's desk.
struct Scene {
    switch: Switch<Link>,
    conn: Arc<Conn>,
    client: TcpStream,
    desk: Desk,
    wakes: Arc<Wakes>,
    memory: Arc<MemoryBudget>,
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn key(number: u8) -> NodePublic {
    NodePublic::from_bytes([number; 32])
}

impl Scene {
    /// The receiver belongs to `worker`.
    async fn new(worker: usize) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.set_nonblocking(true).unwrap();
        let (socket, addr) = listener.accept().await.unwrap();
        socket.set_nodelay(true).unwrap();
        let (_, writer) = socket.into_split();
        let (_, sealer) = split(Codec::plain()).unwrap();
        let memory = MemoryBudget::new(64 << 20);
        let (switch, gate) = Switch::new(key(255), MailboxLimits::default(), Arc::clone(&memory));
        let info = JoinInfo { addr, not_ideal: false, prober: false };
        let link = Link::new(writer, worker, sealer, Vec::new(), Duration::ZERO);
        let conn = switch.join(gate.admit(key(200), Role::Regular, None), info, link, Duration::ZERO).conn;
        let wakes = Arc::new(Wakes::default());
        conn.mailbox().set_waker(&Waker::from(Arc::clone(&wakes)));
        let mut desk = Desk::new(WORKER, Arc::new(Counters::default()));
        desk.begin(Duration::ZERO, 1);
        // A new link waits for its owner's first look at the socket.
        resume(&conn, &mut desk.outbox);
        Self { switch, conn, client, desk, wakes, memory }
    }

    /// `src` sends `packets` in one read.
    fn deliver(&mut self, src: u8, packets: &[&[u8]]) -> Fate {
        let mut batch = Batch::default();
        let mut plain = Vec::new();
        let address = Address { dst: *self.conn.key(), src: key(src), forwarded: false };
        for packet in packets {
            plain.extend_from_slice(packet);
            batch.add(&address, plain.len() - packet.len()..plain.len());
        }
        let (_, mail) = batch.mail(&plain).next().unwrap();
        deliver(&self.conn, mail, &mut self.desk.outbox)
    }

    /// Senders and packets that have arrived since the last look.
    fn arrived(&mut self) -> Vec<(u8, Vec<u8>)> {
        let mut bytes = Vec::new();
        match self.client.read_to_end(&mut bytes) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        let (mut rest, mut packets) = (&bytes[..], Vec::new());
        while let Some((header, body)) = rest.split_at_checked(5) {
            let length = usize::try_from(u32::from_be_bytes(header[1..].try_into().unwrap())).unwrap();
            let (frame, behind) = body.split_at(length);
            packets.push((frame[0], frame[32..].to_vec()));
            rest = behind;
        }
        packets
    }

    fn wakes(&self) -> usize {
        self.wakes.0.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn one_sender_waits_for_nobody() {
    let mut scene = Scene::new(WORKER).await;
    for _ in 0..3 {
        scene.deliver(1, &[b"a"]);
        assert_eq!(scene.arrived(), [(1, b"a".to_vec())]);
    }
    assert_eq!(scene.wakes(), 0);
}

#[tokio::test]
async fn several_senders_leave_together_in_the_owners_turn() {
    let mut scene = Scene::new(WORKER).await;
    scene.deliver(1, &[b"first"]);
    assert_eq!(scene.arrived(), [(1, b"first".to_vec())]);
    for (src, packet) in [(2, b"a"), (1, b"b"), (3, b"c")] {
        let fate = scene.deliver(src, &[packet]);
        assert_eq!((fate.flowing, fate.dropped), (1, 0));
    }
    assert_eq!(scene.arrived(), []);
    assert_eq!(scene.wakes(), 1);
    assert_eq!(scene.memory.used(), PARCEL_BYTES);
    settle(&scene.conn, &mut scene.desk.outbox);
    assert_eq!(scene.arrived(), [(2, b"a".to_vec()), (1, b"b".to_vec()), (3, b"c".to_vec())]);
    assert_eq!(scene.memory.used(), 0);
}

#[tokio::test]
async fn a_full_parcel_leaves_at_once() {
    let mut scene = Scene::new(WORKER).await;
    scene.deliver(1, &[b"first"]);
    let packet = [7; 1400];
    let sent = 1 + PARCEL_BYTES / (RECV_PACKET_HEADER_LEN + packet.len());
    for _ in 0..sent {
        scene.deliver(2, &[&packet]);
    }
    assert_eq!(scene.arrived().len(), sent);
    settle(&scene.conn, &mut scene.desk.outbox);
    assert_eq!(scene.arrived(), [(2, packet.to_vec())]);
}

#[tokio::test]
async fn much_mail_goes_at_once_behind_what_was_gathered() {
    let mut scene = Scene::new(WORKER).await;
    scene.deliver(1, &[b"first"]);
    scene.deliver(2, &[b"little"]);
    let packet = [7; 1400];
    scene.deliver(2, &[&packet[..]; 6]);
    let arrived: Vec<_> = scene.arrived().into_iter().map(|(_, packet)| packet.len()).collect();
    assert_eq!(arrived, [5, 6, 1400, 1400, 1400, 1400, 1400, 1400]);
}

#[tokio::test]
async fn another_workers_connection_is_not_gathered_for() {
    let mut scene = Scene::new(WORKER + 1).await;
    for src in 1..4 {
        scene.deliver(src, &[b"a"]);
        assert_eq!(scene.arrived(), [(src, b"a".to_vec())]);
    }
}

#[tokio::test]
async fn where_memory_is_short_nothing_is_gathered() {
    let mut scene = Scene::new(WORKER).await;
    let mut most = scene.memory.claim();
    assert!(most.cover(scene.memory.limit() / 8 * 7));
    for src in 1..4 {
        scene.deliver(src, &[b"a"]);
        assert_eq!(scene.arrived(), [(src, b"a".to_vec())]);
    }
}

#[tokio::test]
async fn who_could_not_gather_looks_for_mail_that_came_meanwhile() {
    let mut scene = Scene::new(WORKER).await;
    let mut most = scene.memory.claim();
    assert!(most.cover(scene.memory.limit() / 8 * 7));
    scene.deliver(1, &[b"first"]);
    // As from another worker that found the lock taken.
    scene.conn.link().mail_waiting.store(true, Ordering::Relaxed);
    scene.deliver(2, &[b"a"]);
    assert!(!scene.conn.link().mail_waiting.load(Ordering::Relaxed), "nobody looked");
}

#[tokio::test]
async fn who_leaves_gets_what_was_gathered_and_gathers_no_more() {
    let mut scene = Scene::new(WORKER).await;
    scene.deliver(1, &[b"first"]);
    scene.deliver(2, &[b"last"]);
    scene.conn.link().set_ending(CloseReason::HungUp);
    farewell(&scene.conn, &mut scene.desk.outbox);
    assert_eq!(scene.arrived().len(), 2);
    scene.deliver(3, &[b"late"]);
    let mut drops = DropTally::default();
    scene.switch.leave(&scene.conn, &mut drops);
    scene.deliver(3, &[b"later"]);
    drops.merge(&scene.desk.outbox.drops);
    assert_eq!((drops.total().packets, scene.memory.used()), (2, 0));
}
