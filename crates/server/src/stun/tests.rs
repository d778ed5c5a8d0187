//! Real sockets on loopback addresses.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use wherry_wire::stun::{TxId, parse_response, request};

use super::mailing::{BATCH, Outbox};
use super::{Responder, Voice, bind};
use crate::clock::Clock;
use crate::metrics::StunCounters;

struct Subject {
    responder: Responder,
    voice: Voice,
    counters: Arc<StunCounters>,
}

fn serve(addr: &str, dual_stack: bool) -> Subject {
    let (voice, counters) = (Voice::new(true), Arc::new(StunCounters::default()));
    let socket = bind(addr.parse().unwrap(), dual_stack).unwrap();
    let responder = socket.serve(voice.clone(), Arc::clone(&counters)).unwrap();
    Subject { responder, voice, counters }
}

impl Subject {
    /// Ends the thread, so that all is counted.
    fn counted(self) -> Arc<StunCounters> {
        drop(self.responder);
        self.counters
    }
}

/// A client's socket at `ip` that talks to `port` there.
fn client(ip: &str, port: u16) -> UdpSocket {
    let socket = UdpSocket::bind((ip, 0)).unwrap();
    socket.connect((ip, port)).unwrap();
    // Only a failing test waits as long.
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket
}

fn id(number: u8) -> TxId {
    TxId([number; 12])
}

/// The next answer: its length, whom it is for, and what it says.
fn answer(socket: &UdpSocket) -> (usize, TxId, SocketAddr) {
    let mut bytes = [0; 100];
    let len = socket.recv(&mut bytes).unwrap();
    let (id, addr) = parse_response(&bytes[..len]).unwrap();
    (len, id, addr)
}

#[test]
fn each_family_is_told_its_own_address() {
    for (addr, ip, len) in [("127.0.0.1:0", "127.0.0.1", 32), ("[::1]:0", "::1", 44)] {
        let subject = serve(addr, false);
        let socket = client(ip, subject.responder.local_addr().port());
        socket.send(&request(id(7))).unwrap();
        assert_eq!(answer(&socket), (len, id(7), socket.local_addr().unwrap()));
        let counters = subject.counted();
        let families = (counters.ipv4.value(), counters.ipv6.value());
        assert_eq!(families, if len == 32 { (1, 0) } else { (0, 1) });
        assert_eq!(counters.success.value(), 1);
    }
}

#[test]
fn dual_stack_socket_tells_an_ipv4_client_its_ipv4_address() {
    let subject = serve("[::]:0", true);
    let port = subject.responder.local_addr().port();
    let (v4, v6) = (client("127.0.0.1", port), client("::1", port));
    v4.send(&request(id(4))).unwrap();
    v6.send(&request(id(6))).unwrap();
    assert_eq!(answer(&v4), (32, id(4), v4.local_addr().unwrap()), "family 1, not the mapped form");
    assert_eq!(answer(&v6), (44, id(6), v6.local_addr().unwrap()));
    let counters = subject.counted();
    assert_eq!((counters.ipv4.value(), counters.ipv6.value()), (1, 1));
}

#[test]
fn wildcards_of_both_families_share_a_port() {
    let v6 = serve("[::]:0", false);
    let port = v6.responder.local_addr().port();
    let _v4 = serve(&format!("0.0.0.0:{port}"), false);
    let socket = client("127.0.0.1", port);
    socket.send(&request(id(1))).unwrap();
    assert_eq!(answer(&socket).0, 32);
    assert_eq!(v6.counted().success.value(), 0);
}

#[test]
fn what_is_no_valid_request_is_counted_and_gets_no_answer() {
    let subject = serve("127.0.0.1:0", false);
    let socket = client("127.0.0.1", subject.responder.local_addr().port());
    let good = request(id(9));
    let mut wrong_checksum = good;
    wrong_checksum[39] ^= 1;
    for junk in [&b""[..], b"x", &good[..39], &wrong_checksum, &[0xff; 9000]] {
        socket.send(junk).unwrap();
    }
    socket.send(&good).unwrap();
    assert_eq!(answer(&socket).1, id(9), "the first to be answered");
    let counters = subject.counted();
    assert_eq!((counters.not_stun.value(), counters.success.value()), (5, 1));
}

#[test]
fn every_request_of_a_burst_is_answered_once() {
    let subject = serve("127.0.0.1:0", false);
    let socket = client("127.0.0.1", subject.responder.local_addr().port());
    for _ in 0..20 {
        // More than one call takes, less than the client's socket holds.
        let burst = u8::try_from(BATCH * 2).unwrap();
        for number in 0..burst {
            socket.send(&request(id(number))).unwrap();
        }
        let mut seen: Vec<_> = (0..burst).map(|_| answer(&socket).1.0[0]).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..burst).collect::<Vec<_>>());
    }
    assert_eq!(subject.counted().success.value(), 20 * BATCH as u64 * 2);
}

#[test]
fn silence_leaves_requests_unanswered_for_good() {
    let subject = serve("127.0.0.1:0", false);
    let socket = client("127.0.0.1", subject.responder.local_addr().port());
    subject.voice.set(false);
    socket.send(&request(id(1))).unwrap();
    while subject.counters.ipv4.value() == 0 {
        std::thread::yield_now();
    }
    subject.voice.set(true);
    socket.send(&request(id(2))).unwrap();
    assert_eq!(answer(&socket).1, id(2));
}

#[test]
fn an_idle_thread_ends_when_asked() {
    let clock = Clock::start();
    let subject = serve("127.0.0.1:0", false);
    let addr = subject.responder.local_addr();
    drop(subject.responder);
    assert!(
        clock.now() < Duration::from_secs(1),
        "it looks every 50 ms; the rest is room for a busy machine"
    );
    bind(addr, false).unwrap();
}

#[test]
fn one_answer_that_cannot_be_sent_does_not_stop_the_others() {
    let (server, reader) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    reader.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut outbox = Outbox::new();
    let unreachable: SocketAddr = "[::1]:9".parse().unwrap();
    for to in [unreachable, reader.local_addr().unwrap(), unreachable, reader.local_addr().unwrap()] {
        outbox.add(to, |bytes| {
            bytes[0] = 5;
            1
        });
    }
    let mut results = Vec::new();
    outbox.send(&server, |sent| results.push(sent.ok()));
    assert_eq!(results, [None, Some(1), None, Some(1)]);
    let mut bytes = [0; 10];
    for _ in 0..2 {
        assert_eq!(reader.recv(&mut bytes).unwrap(), 1);
    }
}

#[test]
fn a_taken_port_is_told_with_the_remedy() {
    let subject = serve("127.0.0.1:0", false);
    let addr = subject.responder.local_addr();
    let text = bind(addr, false).unwrap_err().to_string();
    assert!(text.starts_with(&format!("cannot serve STUN on {addr} (stun): ")), "{text}");
    assert!(text.ends_with("or do without: --stun off"), "{text}");
}
