//! STUN binding requests, a bounded number on their way at once.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use wherry_wire::stun;

use super::bench::{Bench, ratio};
use super::findings::{Findings, per_second};
use crate::clock::{Clock, nanos};
use crate::report::{Figure, Unit};

/// How long a missing answer is waited for.
const PATIENCE: Duration = Duration::from_millis(100);

/// Between two looks at whether somebody wants to stop.
const GLANCE: u64 = 50_000_000;

/// Asks for the length of the settings.
pub(super) fn run(bench: &Bench<'_>) -> io::Result<Findings> {
    let settings = bench.settings;
    let to = bench.stun.ok_or_else(|| io::Error::other("this relay's entry says that it has no STUN"))?;
    let any: SocketAddr =
        if to.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(any)?;
    socket.connect(to)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let warm = ask(bench, &socket, settings.warm_up.max(PATIENCE), "warming up")?;
    if warm.answers == 0 {
        return Err(io::Error::other(format!("no STUN answer from {to}")));
    }
    let before = bench.meter.read()?;
    let counted = ask(bench, &socket, settings.duration, "asking")?;
    let usage = bench.meter.read()?.since(&before);
    let mut findings = Findings::of_work(bench, &usage, 1, counted.answers);
    findings.per_cpu(bench, "answers", &usage, counted.answers);
    let lost = counted.requests.saturating_sub(counted.answers);
    findings.figures.extend([
        Figure::new(
            "answers_per_second",
            "answers",
            Unit::PerSecond,
            per_second(counted.answers, usage.wall),
        ),
        Figure::new("loss", "loss", Unit::Share, ratio(lost, counted.requests)),
    ]);
    Ok(findings)
}

/// What was asked and answered.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    requests: u64,
    answers: u64,
}

fn ask(bench: &Bench<'_>, socket: &UdpSocket, length: Duration, phase: &str) -> io::Result<Counts> {
    let clock = Clock::start();
    let until = nanos(length);
    let mut counts = Counts::default();
    let mut looked = 0;
    loop {
        let now = clock.now();
        if now >= until {
            return Ok(counts);
        }
        if now >= looked {
            bench.watch.progress(phase, ratio(now, until));
            looked = now + GLANCE;
            if !bench.watch.goes_on() {
                return Ok(counts);
            }
        }
        burst(socket, bench.settings.outstanding, &mut counts)?;
    }
}

/// Sends that many requests, then takes their answers.
fn burst(socket: &UdpSocket, outstanding: usize, counts: &mut Counts) -> io::Result<()> {
    let mut answer = [0; 128];
    for turn in 0..outstanding {
        let mut id = [0; 12];
        let number = u64::try_from(turn).unwrap_or(0).to_be_bytes();
        id.iter_mut().zip(number).for_each(|(to, from)| *to = from);
        socket.send(&stun::request(stun::TxId(id)))?;
        counts.requests += 1;
    }
    for _ in 0..outstanding {
        match socket.recv(&mut answer) {
            Ok(_) => counts.answers += 1,
            // Lost on the way: the next burst goes on.
            Err(err) if matches!(err.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => break,
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            Err(err) => return Err(err),
        }
    }
    Ok(())
}
