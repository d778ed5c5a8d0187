//! What a packet costs in the switch, in time and in allocations: `cargo bench -p wherry-switch`.
//!
//! Neither finding a peer nor a packet into a mailbox that is in use may allocate. A mailbox that was empty does, and gives
//! it back when it is empty again.
#![expect(clippy::expect_used, reason = "whoever was made to join is found")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher, black_box};
use wherry_switch::{
    Conn, DropTally, JoinInfo, Mailbox, MailboxLimits, MailboxTerms, MemoryBudget, Role, Switch,
};
use wherry_wire::key::NodePublic;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

/// A relay at home, and a large one.
const PEERS: [u64; 2] = [100, 100_000];

/// Lookups of one turn: as many destinations as the packets of a busy read may have.
const LOOKUPS: u64 = 64;

const PACKET: [u8; 1_400] = [7; 1_400];

/// What a worker takes from a mailbox at a time.
const TAKE_BYTES: usize = 32 << 10;

/// More than any mailbox here holds.
const MEMORY: usize = 1 << 30;

const NOW: Duration = Duration::from_secs(1);

fn main() {
    divan::main();
}

/// Where a packet goes, of a peer that the sender found before and kept.
#[divan::bench(args = PEERS)]
fn route_of_a_kept_peer(bencher: Bencher<'_, '_>, peers: u64) {
    let (switch, _conns) = crowd(peers);
    let kept: Vec<_> = wanted(peers).map(|key| switch.peer(&key).expect("it joined")).collect();
    bencher.counter(ItemsCount::new(LOOKUPS)).bench_local(|| {
        for peer in &kept {
            if !black_box(peer).retired() {
                black_box(peer.route());
            }
        }
    });
}

/// The same by asking the directory.
#[divan::bench(args = PEERS)]
fn route_by_the_directory(bencher: Bencher<'_, '_>, peers: u64) {
    let (switch, _conns) = crowd(peers);
    let keys: Vec<_> = wanted(peers).collect();
    bencher.counter(ItemsCount::new(LOOKUPS)).bench_local(|| {
        for key in &keys {
            black_box(switch.route(black_box(key)).expect("it joined"));
        }
    });
}

/// Asking the directory for somebody who is not here.
#[divan::bench(args = PEERS)]
fn route_to_nobody(bencher: Bencher<'_, '_>, peers: u64) {
    let (switch, _conns) = crowd(peers);
    let keys: Vec<_> = (0..LOOKUPS).map(|number| key(peers + number)).collect();
    bencher.counter(ItemsCount::new(LOOKUPS)).bench_local(|| {
        for key in &keys {
            assert!(switch.peer(black_box(key)).is_none(), "nobody joined with it");
        }
    });
}

/// A burst of one sender into an empty mailbox, and out again.
#[divan::bench]
fn mailbox_of_one_sender(bencher: Bencher<'_, '_>) {
    through_the_mailbox(bencher, 1);
}

/// The same burst, a packet from each of a hundred.
#[divan::bench]
fn mailbox_of_a_hundred_senders(bencher: Bencher<'_, '_>) {
    through_the_mailbox(bencher, 100);
}

/// One sender into a mailbox that is full of its packets: each push drops the oldest.
#[divan::bench]
fn mailbox_that_is_full(bencher: Bencher<'_, '_>) {
    let mut mailbox = empty_mailbox();
    let mut drops = DropTally::default();
    let src = key(0);
    while drops.total().packets == 0 {
        mailbox.push(&src, &PACKET, NOW, &mut drops);
    }
    bencher
        .counter(ItemsCount::new(1_usize))
        .bench_local(|| mailbox.push(black_box(&src), &PACKET, NOW, &mut drops));
}

/// A hundred packets from `senders` in turn.
fn through_the_mailbox(bencher: Bencher<'_, '_>, senders: u64) {
    const PACKETS: u64 = 100;
    let mut mailbox = empty_mailbox();
    let mut drops = DropTally::default();
    let mut out = Vec::with_capacity(2 * TAKE_BYTES);
    let keys: Vec<_> = (0..senders).map(key).collect();
    bencher.counter(ItemsCount::new(PACKETS)).bench_local(|| {
        for src in keys.iter().cycle().take(PACKETS.try_into().expect("it is small")) {
            mailbox.push(black_box(src), &PACKET, NOW, &mut drops);
        }
        while !mailbox.is_empty() {
            out.clear();
            black_box(mailbox.take(NOW, TAKE_BYTES, &mut out, &mut drops));
        }
    });
}

fn empty_mailbox() -> Mailbox {
    let (limits, memory) = (MailboxLimits::default(), MemoryBudget::new(MEMORY));
    Mailbox::new(Arc::new(MailboxTerms { limits, memory }))
}

/// A switch with so many peers, and their conns.
fn crowd(peers: u64) -> (Switch<()>, Vec<Arc<Conn<()>>>) {
    let (switch, gate) = Switch::new(key(u64::MAX), MailboxLimits::default(), MemoryBudget::new(MEMORY));
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let info = JoinInfo { addr, not_ideal: false, prober: false };
    let join = |number| switch.join(gate.admit(key(number), Role::Regular, None), info, (), NOW).conn;
    let conns = (0..peers).map(join).collect();
    (switch, conns)
}

/// Keys to look up, spread over all peers.
fn wanted(peers: u64) -> impl Iterator<Item = NodePublic> {
    (0..LOOKUPS).map(move |number| key(number * peers / LOOKUPS))
}

/// Like a real key, different in its first bytes.
fn key(number: u64) -> NodePublic {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    NodePublic::from_bytes(bytes)
}
