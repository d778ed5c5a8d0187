//! What waits together takes no more memory than it may.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use wherry_tests::bystanders::Bystanders;
use wherry_tests::frame::{MAX_PACKET, send_packet};
use wherry_tests::http::fetch_plain;
use wherry_tests::node::random_bytes;
use wherry_tests::pipe::{Ended, Pipe};
use wherry_tests::subject::Setup;
use wherry_tests::{Difference, PATIENCE, Peer, Subject};

/// The least that can be set.
const LIMIT: usize = 16 << 20;

/// What the process may take beyond: buffers of workers, state of the clients, and what the allocator holds ready.
const SLACK: usize = 16 << 20;

/// Receivers that would let 1.5 MiB each wait, more than there is.
const RECEIVERS: usize = 24;

/// More than there is memory for, if each holds a packet and sealed bytes.
const MANY_RECEIVERS: usize = 400;

#[test]
fn floods_to_many_that_do_not_read_take_no_more_memory_than_they_may() {
    let Some(mut relay) = Bounded::start() else { return };
    let resident = relay.subject.resident_bytes();
    let bystanders = Bystanders::start(&relay.subject);
    let packet = vec![7; MAX_PACKET];
    let mut peers: Vec<_> = (0..RECEIVERS)
        .map(|_| {
            let (mut sender, receiver) = (Peer::join(&relay.subject), Peer::join(&relay.subject));
            sender.wire().send(&send_packet(&receiver.key(), &packet).repeat(64));
            sender.expect_silence();
            [sender, receiver]
        })
        .collect();
    let grown = relay.subject.resident_bytes().saturating_sub(resident);
    assert!(grown <= LIMIT + SLACK, "grown by {grown}");
    let used = relay.metric("wherry_memory_used_bytes");
    assert!((LIMIT / 4..=LIMIT).contains(&used), "{used} bytes are held");
    assert!(relay.metric("derp_packets_dropped{reason=\"memory\",kind=\"other\"}") > 0);
    relay.wait_until("/readyz", "it is said in /readyz", |text| text.contains("note: memory: "));
    assert!(relay.subject.log().contains("memory is short"), "{}", relay.subject.log());

    // Those who come now are served.
    let (mut one, mut two) = (Peer::join(&relay.subject), Peer::join(&relay.subject));
    one.send_packet(&two.key(), &packet);
    two.expect_packet(&one.key(), &packet);
    bystanders.expect_undisturbed();

    // Some read what is left for them, the others leave.
    peers.truncate(RECEIVERS / 2);
    for [_, receiver] in &mut peers {
        assert!(!receiver.settle().is_empty(), "something was left");
    }
    relay.wait_until_nothing_is_held();
}

#[test]
fn handshakes_that_are_begun_take_no_more_memory_than_they_may() {
    let Some(mut relay) = Bounded::start() else { return };
    let bystanders = Bystanders::start(&relay.subject);
    let connections: Vec<_> = (0..600).map(|_| begun_handshake(relay.subject.main())).collect();
    let refused = "wherry_refused_total{reason=\"memory\"}";
    relay.wait_until("/metrics", "the last are refused", |text| value(text, refused) > 100);
    let used = relay.metric("wherry_memory_used_bytes");
    assert!((LIMIT / 2..=LIMIT).contains(&used), "{used} bytes are held");
    bystanders.expect_undisturbed();
    drop(connections);
    relay.wait_until_nothing_is_held();
    drop(Peer::join(&relay.subject));
}

#[test]
fn whose_sealed_bytes_find_no_memory_is_cut_and_who_lets_nothing_wait_notices_nothing() {
    let Some(relay) = Bounded::start() else { return };
    let bystanders = Bystanders::start(&relay.subject);
    let cut = || relay.metric("wherry_closed_total{reason=\"memory\"}");
    let packet = vec![7; MAX_PACKET];
    let mut sender = Peer::join(&relay.subject);
    // All come first: newcomers are refused before sessions are.
    let receivers: Vec<Peer> = (0..MANY_RECEIVERS).map(|_| Peer::join(&relay.subject)).collect();
    // Each lets sealed bytes wait, and a packet: what is sealed cannot be left out, so there must be memory for it.
    let mut finds_none = |receiver: &Peer| {
        sender.wire().send(&send_packet(&receiver.key(), &packet).repeat(64));
        sender.expect_silence();
        cut() > 0
    };
    let last = receivers.iter().position(&mut finds_none).expect("there is not memory for all");
    assert!(relay.metric("wherry_memory_used_bytes") <= LIMIT);
    let mut last = receivers.into_iter().nth(last).expect("one was cut");
    // What was under way arrives; then it is over, at once and not when a deadline passes.
    let ended = loop {
        match last.wire().frame(PATIENCE) {
            Ok(_) => {}
            Err(ended) => break ended,
        }
    };
    assert_eq!(ended, Ended::Closed, "who is cut is told so");
    assert_eq!(cut(), 1);
    bystanders.expect_undisturbed();
}

/// A connection that sent the beginning of a `ClientHello`.
fn begun_handshake(addr: SocketAddr) -> TcpStream {
    let mut pipe = Pipe::plain(addr);
    // Source: RFC 8446, section 5.1: a handshake record, of which the rest does not come.
    pipe.write_all(&[0x16, 3, 1, 1, 0], Instant::now() + PATIENCE).expect("a fresh socket takes bytes");
    pipe.tcp().try_clone().expect("a socket can be held twice")
}

/// A relay with little memory for what waits, and its private listener.
struct Bounded {
    subject: Subject,
    admin: SocketAddr,
    /// Joined first.
    witness: Peer,
}

impl Bounded {
    /// Starts it; none if the subject has no such bound.
    fn start() -> Option<Self> {
        let [a, b, c] = random_bytes::<3>();
        let admin = SocketAddr::from(([127, a | 1, b, c | 1], 8341));
        let settings = [
            ("WHERRY_LIMITS_MEMORY", format!("{LIMIT}B")),
            // Nothing is too old on a machine that is busy otherwise.
            ("WHERRY_LIMITS_MAILBOX_AGE", "1m".to_owned()),
            ("WHERRY_ADMIN", admin.to_string()),
        ];
        let envs = settings.map(|(name, value)| (name.to_owned(), value)).into();
        let flags = vec!["-tcp-write-timeout=1m".to_owned()];
        let subject = Subject::start(&Setup { envs, flags, ..Setup::default() })?;
        let witness = Peer::join(&subject);
        subject.differs(Difference::BoundsMemory).then_some(Self { subject, admin, witness })
    }

    fn page(&self, path: &str) -> String {
        fetch_plain(self.admin, "GET", path, &self.admin.to_string(), &[]).text().to_owned()
    }

    fn metric(&self, series: &str) -> usize {
        value(&self.page("/metrics"), series)
    }

    fn wait_until_nothing_is_held(&mut self) {
        self.wait_until("/metrics", "nothing is held", |text| value(text, "wherry_memory_used_bytes") == 0);
    }

    #[track_caller]
    fn wait_until(&mut self, path: &str, what: &str, is_so: impl Fn(&str) -> bool) {
        let started = Instant::now();
        loop {
            let page = self.page(path);
            if is_so(&page) {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "{what} was expected: {page}");
            let heard = self.witness.wire().frame(Duration::from_millis(50));
            drop(heard);
        }
    }
}

/// The value of a series in a text of metrics.
fn value(text: &str, series: &str) -> usize {
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.and_then(|value| value.parse().ok()).expect("the series is there")
}
