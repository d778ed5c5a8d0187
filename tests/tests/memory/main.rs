//! Memory of the relay: what a crowd took is given back when the crowd is gone, and what waits is bounded.
//!
//! A binary of its own, so that no other test runs beside: the crowds take most of the open files of a process.
#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    reason = "a test fails by panicking, also in the functions that its tests share"
)]

mod bound;

use std::net::TcpStream;
use std::time::{Duration, Instant};
use wherry_tests::frame::{MAX_PACKET, send_packet};
use wherry_tests::settings::settings;
use wherry_tests::subject::Setup;
use wherry_tests::{Difference, PATIENCE, Peer, Subject};

/// Clients that come before memory is measured: what the relay needs whoever comes is there then.
const FIRST: usize = 50;

/// What a relay may keep of what a crowd took: allocators serve the next from it.
const KEPT_SHARE: usize = 4;

/// What it may keep anyhow, bytes.
const KEPT: usize = 8 << 20;

/// How long it may take: allocators give back what was not used for seconds. Less than the time between two keepalives, so
/// that nothing of a client stays until one would be due.
const GIVEN_BACK_WITHIN: Duration = Duration::from_secs(40);

#[test]
fn what_a_crowd_took_is_given_back() {
    let Some(relay) = relay() else { return };
    drop(crowd(&relay, FIRST));
    let before = Memory::when_all_left(&relay);
    let clients = crowd(&relay, settings().clients);
    let peak = relay.resident_bytes();
    drop(clients);
    before.expect_again(&relay, peak);
}

#[test]
fn what_floods_to_clients_that_do_not_read_took_is_given_back() {
    let Some(relay) = relay() else { return };
    drop(flooded(&relay, 1));
    let before = Memory::when_all_left(&relay);
    let clients = flooded(&relay, 20);
    let peak = relay.resident_bytes();
    assert!(peak > before.resident + (20 << 20), "a mebibyte waits for each");
    drop(clients);
    before.expect_again(&relay, peak);
}

#[test]
fn what_silent_connections_took_is_given_back() {
    let Some(relay) = relay() else { return };
    let silent = |count| {
        let connect =
            |_| TcpStream::connect_timeout(&relay.main(), PATIENCE).expect("a connection is accepted");
        let connections: Vec<_> = (0..count).map(connect).collect();
        // Served after all that came before.
        drop(Peer::join(&relay));
        connections
    };
    drop(silent(FIRST));
    let before = Memory::when_all_left(&relay);
    let connections = silent(2 * settings().clients);
    let peak = relay.resident_bytes();
    drop(connections);
    before.expect_again(&relay, peak);
}

/// So many clients, joined and idle.
fn crowd(relay: &Subject, count: usize) -> Vec<Peer> {
    const AT_A_TIME: usize = 4;
    let join = || (0..count / AT_A_TIME).map(|_| Peer::join(relay)).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(join)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("all join")).collect()
    })
}

/// So many clients that do not read, each with a sender that sends more than a mailbox holds.
fn flooded(relay: &Subject, count: usize) -> Vec<[Peer; 2]> {
    let packet = vec![7; MAX_PACKET];
    let pair = |_| {
        let (mut sender, receiver) = (Peer::join(relay), Peer::join(relay));
        sender.wire().send(&send_packet(&receiver.key(), &packet).repeat(96));
        sender.expect_silence();
        [sender, receiver]
    };
    (0..count).map(pair).collect()
}

/// The relay's memory with nobody there.
struct Memory {
    resident: usize,
}

impl Memory {
    /// The least there is for a while, after whoever was there has left.
    fn when_all_left(relay: &Subject) -> Self {
        let mut witness = Peer::join(relay);
        let mut resident = relay.resident_bytes();
        for _ in 0..10 {
            wait(&mut witness);
            resident = resident.min(relay.resident_bytes());
        }
        Self { resident }
    }

    /// The relay comes back near to it from `peak`.
    #[track_caller]
    fn expect_again(&self, relay: &Subject, peak: usize) {
        let grown = peak.saturating_sub(self.resident);
        let bound = self.resident + (grown / KEPT_SHARE).max(KEPT);
        let (mut witness, started) = (Peer::join(relay), Instant::now());
        while relay.resident_bytes() > bound {
            wait(&mut witness);
            let kept = relay.resident_bytes().saturating_sub(self.resident);
            assert!(started.elapsed() < GIVEN_BACK_WITHIN, "{kept} bytes are kept of {grown}");
        }
    }
}

/// Lets some time go by.
fn wait(witness: &mut Peer) {
    let heard = witness.wire().frame(Duration::from_millis(100));
    drop(heard);
}

/// A relay for one test; none if the subject keeps memory.
fn relay() -> Option<Subject> {
    let relay = Subject::start(&Setup::default())?;
    relay.differs(Difference::GivesMemoryBack).then_some(relay)
}
