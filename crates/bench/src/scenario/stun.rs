//! STUN binding requests, a bounded number on their way at once.

use std::array;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg};
use wherry_wire::stun::{self, MAX_RESPONSE_LEN, TxId};

use super::bench::{Bench, ratio};
use super::findings::{Findings, per_second};
use crate::clock::{Clock, nanos};
use crate::histogram::Histogram;
use crate::report::{Figure, Unit};

/// How long a missing answer is waited for.
const PATIENCE: Duration = Duration::from_millis(100);

/// Between two looks at whether somebody wants to stop, nanoseconds.
const GLANCE: u64 = 50_000_000;

/// Datagrams of one system call: the relay's core, not the generator's, shall be the limit.
const BATCH: usize = 64;

/// Asks for the length of the settings.
pub(super) fn run(bench: &Bench<'_>) -> io::Result<Findings> {
    let settings = bench.settings;
    let to = bench.stun.ok_or_else(|| {
        io::Error::other(format!(
            "the relay at {} is said to have no STUN (STUNPort -1 in its entry, or --stun-port off); if it has, name its port \
             with --stun-port PORT",
            bench.aim.addr
        ))
    })?;
    let mut asker = Asker::new(to).map_err(|err| told(to, &err))?;
    let warm =
        asker.ask(bench, settings.warm_up.max(PATIENCE), "warming up").map_err(|err| told(to, &err))?;
    if warm.ages.latency().is_none() {
        return Err(told(to, &io::ErrorKind::TimedOut.into()));
    }
    let before = bench.meter.read()?;
    let counted = asker.ask(bench, settings.duration, "asking").map_err(|err| told(to, &err))?;
    let usage = bench.meter.read()?.since(&before);
    let mut findings = Findings::of_work(bench, &usage, 1, counted.answers);
    findings.per_cpu(bench, "answers", &usage, counted.answers);
    let quantile = |name, label, quantile| {
        Figure::maybe(name, label, Unit::Micros, counted.ages.quantile(quantile), "no answer came")
    };
    findings.figures.extend([
        Figure::new(
            "answers_per_second",
            "answers",
            Unit::PerSecond,
            per_second(counted.answers, usage.wall),
        ),
        Figure::new("loss", "loss", Unit::Share, ratio(counted.lost, counted.lost + counted.answers)),
        quantile("p50_us", "time to the answer p50", 0.5),
        quantile("p99_us", "time to the answer p99", 0.99),
    ]);
    Ok(findings)
}

/// Why there is no answer, and what to do.
fn told(to: SocketAddr, err: &io::Error) -> io::Error {
    let what = match err.kind() {
        io::ErrorKind::ConnectionRefused => format!("nothing listens for STUN on {to}/udp"),
        io::ErrorKind::TimedOut => format!("no STUN answer from {to}/udp"),
        _ => format!("STUN to {to}/udp failed: {err}"),
    };
    io::Error::new(
        err.kind(),
        format!("{what}; see that the relay answers STUN there, or name its port with --stun-port PORT"),
    )
}

/// What was asked and answered.
#[derive(Debug, Clone, Default)]
struct Counts {
    answers: u64,
    /// Requests without an answer.
    lost: u64,
    /// From request to answer, nanoseconds.
    ages: Histogram,
}

/// One socket with what many datagrams a call need.
struct Asker {
    socket: UdpSocket,
    clock: Clock,
    outbox: MultiHeaders<SockaddrStorage>,
    inbox: MultiHeaders<SockaddrStorage>,
}

impl Asker {
    fn new(to: SocketAddr) -> io::Result<Self> {
        let any: SocketAddr = match to {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any)?;
        socket.connect(to)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let (outbox, inbox) =
            (MultiHeaders::preallocate(BATCH, None), MultiHeaders::preallocate(BATCH, None));
        Ok(Self { socket, clock: Clock::start(), outbox, inbox })
    }

    /// Keeps the settings' number of requests on their way for that long.
    fn ask(&mut self, bench: &Bench<'_>, length: Duration, phase: &str) -> io::Result<Counts> {
        let outstanding = bench.settings.outstanding;
        let begin = self.clock.now();
        let until = begin.saturating_add(nanos(length));
        let mut counts = Counts::default();
        let (mut looked, mut on_their_way) = (0, 0);
        loop {
            let now = self.clock.now();
            if now >= looked {
                bench.watch.progress(phase, ratio(now.saturating_sub(begin), nanos(length)));
                looked = now + GLANCE;
            }
            if now >= until || !bench.watch.goes_on() {
                return Ok(counts);
            }
            while on_their_way < outstanding {
                on_their_way += self.send((outstanding - on_their_way).min(BATCH))?;
            }
            match self.receive(begin, &mut counts)? {
                // Whatever is missing for so long is lost.
                0 => {
                    counts.lost += u64::try_from(on_their_way).unwrap_or(0);
                    on_their_way = 0;
                }
                answers => on_their_way = on_their_way.saturating_sub(answers),
            }
        }
    }

    /// Sends up to that many requests with one call, each with the time as its id; returns how many left.
    fn send(&mut self, count: usize) -> io::Result<usize> {
        let mut id = [0; 12];
        id.iter_mut().zip(self.clock.now().to_be_bytes()).for_each(|(to, from)| *to = from);
        let request = stun::request(TxId(id));
        let slices: [_; BATCH] = array::from_fn(|_| [IoSlice::new(&request)]);
        // The socket is connected.
        let nobody = [None::<SockaddrStorage>; BATCH];
        let (slices, nobody) = (slices.iter().take(count), nobody.get(..count).unwrap_or_default());
        let sent = sendmmsg(self.socket.as_raw_fd(), &mut self.outbox, slices, nobody, [], MsgFlags::empty());
        match sent {
            Ok(sent) => Ok(sent.count().max(1)),
            Err(Errno::EINTR) => Ok(0),
            Err(err) => Err(err.into()),
        }
    }

    /// Takes the answers that have come, after waiting for the first; returns how many, those from before `begin` left out
    /// of the counts.
    fn receive(&mut self, begin: u64, counts: &mut Counts) -> io::Result<usize> {
        let mut memory = [[0; MAX_RESPONSE_LEN]; BATCH];
        let mut slots = memory.iter_mut();
        let mut slices: [_; BATCH] = array::from_fn(|_| {
            [IoSliceMut::new(slots.next().map(<[u8; _]>::as_mut_slice).unwrap_or_default())]
        });
        let wait_for_one = MsgFlags::MSG_WAITFORONE;
        let received =
            match recvmmsg(self.socket.as_raw_fd(), &mut self.inbox, slices.iter_mut(), wait_for_one, None) {
                Ok(received) => received,
                Err(Errno::EAGAIN) => return Ok(0),
                Err(Errno::EINTR) => return Ok(0),
                Err(err) => return Err(err.into()),
            };
        let now = self.clock.now();
        let mut answers = 0;
        for datagram in received {
            let bytes = datagram.iovs().next().unwrap_or_default();
            let Ok((TxId(id), _)) = stun::parse_response(bytes) else { continue };
            answers += 1;
            let asked = id.first_chunk().map_or(0, |time| u64::from_be_bytes(*time));
            if asked >= begin {
                counts.answers += 1;
                counts.ages.record(now.saturating_sub(asked));
            }
        }
        Ok(answers)
    }
}
