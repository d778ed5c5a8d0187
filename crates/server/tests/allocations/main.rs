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

/// What may happen beside, however much is relayed: an alarm, a read that ends amid a record.
const BESIDE: u64 = 20;

/// rustls allocates once to open a record and once to seal one.
const OF_RUSTLS: u64 = 2;

/// Packets that wait for one allocation: what a full socket did not take is kept until it does, and each time it takes a few
/// dozen of them.
const WHEN_FULL: u64 = 10;

#[test]
fn a_relayed_packet_allocates_nothing() {
    let _alone = alone();
    let relay = Relay::start();
    for packets in [10_000, 20_000] {
        let mut pair = Pair::join(&relay, Way::Plain, PACKETS_IN_A_RECORD);
        let waited = relay.waited();
        let count = pair.relayed_at_once(packets);
        assert!(count <= BESIDE, "{count} allocations for {packets} packets");
        assert!(relay.waited() - waited < packets / 10, "nearly all were sent at once");
    }
}

#[test]
fn over_tls_only_a_record_allocates() {
    let _alone = alone();
    let relay = Relay::start();
    for (records, packets_in_each) in [(1_000, 1), (1_000, PACKETS_IN_A_RECORD), (2_000, PACKETS_IN_A_RECORD)]
    {
        let mut pair = Pair::join(&relay, Way::Tls, packets_in_each);
        let count = pair.relayed_at_once(records * packets_in_each);
        let bound = OF_RUSTLS * records + BESIDE;
        assert!(count <= bound, "{count} allocations for {records} records of {packets_in_each} packets");
    }
}

#[test]
fn a_packet_that_waits_in_a_mailbox_allocates_nothing() {
    let _alone = alone();
    let relay = Relay::start();
    for (way, of_a_record) in [(Way::Plain, 0), (Way::Tls, OF_RUSTLS)] {
        for packets in [10_000, 20_000] {
            let mut pair = Pair::join(&relay, way, PACKETS_IN_A_RECORD);
            let waited = relay.waited();
            let count = pair.relayed_through_the_mailbox(packets);
            let bound = of_a_record * packets / PACKETS_IN_A_RECORD + packets / WHEN_FULL + BESIDE;
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
