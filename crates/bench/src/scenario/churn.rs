//! A pair's packets while clients come and go.

use std::io;
use std::sync::atomic::Ordering;
use std::thread;

use super::bench::{Bench, ratio};
use super::dialling::Dialling;
use super::findings::{Findings, per_second};
use super::packets::{Pace, layout};
use crate::histogram::Histogram;
use crate::report::{Figure, Unit};

/// Clients that each dialler connects in turn.
const CLIENTS: usize = 64;

/// Clients connect by the clock and hang up at once, beside packets by the clock.
pub(super) fn run(bench: &Bench<'_>) -> io::Result<Findings> {
    let settings = bench.settings;
    let layout = layout(settings, Pace::Rate(settings.rate));
    let dialling = Dialling::new(Some(settings.connect_rate), CLIENTS);
    let (outcome, ages) = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..settings.diallers).map(|_| scope.spawn(|| dialling.work(&bench.aim))).collect();
        let outcome = bench.measure(&layout, "sending while clients come and go");
        dialling.end();
        let mut ages = Histogram::default();
        for thread in threads {
            let own = thread.join().unwrap_or_else(|_| Err(io::Error::other("a dialling thread died")))?;
            ages.add(&own);
        }
        Ok::<_, io::Error>((outcome?, ages))
    })?;
    let mut findings = Findings::of_load(bench, &layout, &outcome);
    findings.loss_and_latency("pair", "pair", &outcome.tally.class(0));
    let sessions = dialling.sessions.load(Ordering::Relaxed);
    let whole = settings.warm_up.as_secs_f64() + outcome.seconds;
    let quantile = |name, label, quantile| {
        Figure::maybe(name, label, Unit::Micros, ages.quantile(quantile), "no session came about")
    };
    findings.figures.extend([
        Figure::new("sessions_per_second", "sessions", Unit::PerSecond, per_second(sessions, whole)),
        quantile("session_p50_us", "time to connect p50", 0.5),
        quantile("session_p99_us", "time to connect p99", 0.99),
        Figure::new(
            "failures",
            "dials that failed",
            Unit::Count,
            ratio(dialling.failures.load(Ordering::Relaxed), 1),
        ),
    ]);
    Ok(findings)
}
