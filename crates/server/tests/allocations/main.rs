//! What a relayed packet costs in allocations: nothing.
//!
//! A relay in this process serves two clients of this process; only what its worker threads ask of the allocator counts.
#![expect(
    clippy::expect_used,
    reason = "a test fails by panicking, also in the functions that its tests share"
)]

#[expect(unsafe_code, reason = "an allocator that counts is one that passes on what it was asked")]
mod counting;
mod peer;
mod relay;

use std::sync::{Mutex, PoisonError};

use counting::{Counting, allocations, watch_workers};
use peer::{Peer, Way};
use relay::Relay;
use wherry_wire::derp::encode;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// An ordinary path's packet. Ten of them in their frames fill most of a TLS record and do not need a second.
const PACKET: [u8; 1_200] = [7; 1_200];
const PACKETS_IN_A_RECORD: u64 = 10;

/// Packets before counting: buffers reach the size they keep.
const WARM_UP: u64 = 1_000;

/// Packets that wait for a slow receiver: more than its socket and the relay's take, half of what a mailbox holds.
const BACKLOG: u64 = 500;

/// The ping by which the sender learns that its packets were handled: its pong, the queue of the pong, and its lane.
const OF_A_PING: u64 = 3;

/// What may happen beside, however much is relayed: an alarm, a read that ends amid a record.
const BESIDE: u64 = 20;

#[test]
fn a_relayed_packet_allocates_nothing() {
    let _alone = alone();
    let relay = Relay::start();
    for way in [Way::Plain, Way::Tls] {
        for (packets, in_a_record) in
            [(1_000, 1), (10_000, PACKETS_IN_A_RECORD), (20_000, PACKETS_IN_A_RECORD)]
        {
            let mut pair = Pair::join(&relay, way, in_a_record);
            let waited = relay.waited();
            let count = pair.relayed_at_once(packets);
            assert!(count <= BESIDE, "{count} allocations for {packets} packets, {way:?}");
            assert!(relay.waited() - waited < packets / 10, "nearly all were sent at once");
        }
    }
}

#[test]
fn a_packet_that_waits_in_a_mailbox_allocates_nothing() {
    let _alone = alone();
    let relay = Relay::start();
    for way in [Way::Plain, Way::Tls] {
        for packets in [10_000, 20_000] {
            let mut pair = Pair::join(&relay, way, PACKETS_IN_A_RECORD);
            let waited = relay.waited();
            let count = pair.relayed_through_the_mailbox(packets);
            let bound = BESIDE + OF_A_PING * packets / BACKLOG;
            assert!(count <= bound, "{count} allocations for {packets} packets, {way:?}");
            assert!(relay.waited() - waited > packets / 10 * 9, "nearly all of them waited");
        }
    }
}

/// A sender and its receiver.
struct Pair {
    sender: Peer,
    receiver: Peer,
    /// Frames that are sent together.
    batch: Vec<u8>,
    in_a_batch: u64,
}

impl Pair {
    fn join(relay: &Relay, way: Way, in_a_batch: u64) -> Self {
        let (sender, receiver) = (Peer::join(relay, way), Peer::join(relay, way));
        let mut batch = Vec::new();
        for _ in 0..in_a_batch {
            encode::send_packet(&mut batch, &receiver.key, &PACKET).expect("it is short");
        }
        watch_workers();
        Self { sender, receiver, batch, in_a_batch }
    }

    /// Allocations while so many packets are relayed, each batch sent when the one before has arrived.
    fn relayed_at_once(&mut self, packets: u64) -> u64 {
        self.at_once(WARM_UP);
        let before = allocations();
        self.at_once(packets);
        allocations() - before
    }

    fn at_once(&mut self, packets: u64) {
        for _ in 0..packets / self.in_a_batch {
            self.send(self.in_a_batch);
            self.receiver.expect_packets(self.in_a_batch);
        }
    }

    /// The same to a receiver that is slow: the mailbox holds packets all the time.
    fn relayed_through_the_mailbox(&mut self, packets: u64) -> u64 {
        self.send(BACKLOG);
        self.late(WARM_UP);
        let before = allocations();
        self.late(packets);
        let count = allocations() - before;
        self.receiver.expect_packets(BACKLOG);
        count
    }

    fn late(&mut self, packets: u64) {
        for _ in 0..packets / BACKLOG {
            self.send(BACKLOG);
            // So they are in the mailbox, and not on their way to it.
            self.sender.expect_all_handled();
            self.receiver.expect_packets(BACKLOG);
        }
    }

    fn send(&mut self, packets: u64) {
        for _ in 0..packets / self.in_a_batch {
            self.sender.send(&self.batch);
        }
    }
}

/// One test at a time: what one relay's workers do must not count as another's.
fn alone() -> std::sync::MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
