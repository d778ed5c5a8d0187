//! New sessions: TCP, TLS without resumption, the upgrade, the DERP handshake.

use std::io;
use std::sync::atomic::Ordering;
use std::thread;

use super::bench::{Bench, ratio};
use super::dialling::Dialling;
use super::findings::{Findings, per_second};
use crate::histogram::Histogram;
use crate::report::{Figure, Unit};

/// Dials and hangs up, several at a time, as fast as it goes.
pub(super) fn run(bench: &Bench<'_>) -> io::Result<Findings> {
    let settings = bench.settings;
    let dialling = Dialling::new(None, settings.clients.div_ceil(settings.diallers));
    let (counts, usage, ages) = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..settings.diallers).map(|_| scope.spawn(|| dialling.work(&bench.aim))).collect();
        bench.nap(settings.warm_up, "warming up");
        let before = (bench.meter.read(), counts(&dialling));
        bench.nap(settings.duration, "connecting");
        let after = (bench.meter.read(), counts(&dialling));
        dialling.end();
        let mut ages = Histogram::default();
        for thread in threads {
            let own = thread.join().unwrap_or_else(|_| Err(io::Error::other("a dialling thread died")))?;
            ages.add(&own);
        }
        let counts = [after.1[0] - before.1[0], after.1[1] - before.1[1]];
        Ok::<_, io::Error>((counts, after.0?.since(&before.0?), ages))
    })?;
    let [sessions, failures] = counts;
    let mut findings = Findings::of_work(bench, &usage, settings.diallers, sessions);
    findings.per_cpu(bench, "sessions", &usage, sessions);
    let rate = per_second(sessions, usage.wall);
    let quantile = |name, label, quantile| {
        Figure::maybe(name, label, Unit::Micros, ages.quantile(quantile), "no session came about")
    };
    findings.figures.extend([
        Figure::new("sessions_per_second", "sessions", Unit::PerSecond, rate),
        quantile("session_p50_us", "time to connect p50", 0.5),
        quantile("session_p99_us", "time to connect p99", 0.99),
        Figure::new("failures", "dials that failed", Unit::Count, ratio(failures, 1)),
    ]);
    Ok(findings)
}

fn counts(dialling: &Dialling) -> [u64; 2] {
    [dialling.sessions.load(Ordering::Relaxed), dialling.failures.load(Ordering::Relaxed)]
}
