//! Memory per client that is connected and says nothing.

use std::io;
use std::sync::Mutex;
use std::time::Duration;

use super::bench::{Bench, ratio, share};
use super::findings::Findings;
use crate::engine::{Member, gather};
use crate::report::{Figure, MemoryPoint, Reason, ReasonCode, Unit};

/// Clients that are connected before the first reading, so that what start-up costs is not charged to clients.
const FIRST: usize = 100;

/// Readings on the way from the first clients to the last.
const READINGS: usize = 40;

/// Time for the relay to settle before the first reading.
const SETTLE: Duration = Duration::from_secs(1);

/// Reads memory after the first hundred clients and after all.
pub(super) fn run(bench: &Bench<'_>) -> io::Result<Findings> {
    let settings = bench.settings;
    let before = bench.meter.read()?;
    let first = bench.gather(&vec![Member::default(); FIRST], "connecting the first hundred")?;
    bench.nap(settings.duration.min(SETTLE), "waiting until the relay has settled");
    let memory = || bench.meter.server().and_then(|process| process.memory().ok());
    let base = memory();
    let more = settings.clients.saturating_sub(FIRST);
    let every = (more / READINGS).max(1);
    let points = Mutex::new(Vec::from_iter(base.map(|bytes| MemoryPoint { clients: FIRST, bytes })));
    let rest = gather(&|_| &bench.aim, &vec![Member::default(); more], settings.diallers, &|count| {
        bench.watch.progress("connecting idle clients", share(count, more));
        if count % every == 0
            && let (Some(bytes), Ok(mut points)) = (memory(), points.lock())
        {
            points.push(MemoryPoint { clients: FIRST + count, bytes });
        }
        bench.watch.goes_on()
    })?;
    bench.nap(settings.duration, "waiting until the relay has settled");
    let full = memory();
    let usage = bench.meter.read()?.since(&before);
    let connected = first.len() + rest.len();
    let mut findings = Findings::of_work(bench, &usage, settings.diallers, count(connected));
    // Memory is no worse for a generator or a machine that was busy.
    findings.reasons.clear();
    findings.memory = points.into_inner().unwrap_or_default();
    findings.memory.sort_by_key(|point| point.clients);
    findings.memory.extend(full.map(|bytes| MemoryPoint { clients: connected, bytes }));
    let growth = base.zip(full).map(|(base, full)| full.saturating_sub(base));
    findings.reasons.extend(growth.and_then(|growth| no_growth(growth, rest.len())));
    let per_client = growth.map(|growth| ratio(growth, count(rest.len())));
    let reason = match bench.meter.server() {
        Some(_) => "the system does not show this user the memory of the relay's process",
        None => &bench.no_server,
    };
    let maybe = |name, label, value| Figure::maybe(name, label, Unit::Bytes, value, reason);
    let bytes = |bytes: Option<u64>| bytes.map(|bytes| ratio(bytes, 1));
    findings.figures = vec![
        maybe("bytes_per_client", "memory per idle client", per_client),
        maybe("bytes_first", "memory with 100 clients", bytes(base)),
        maybe("bytes_all", "memory with all clients", bytes(full)),
        Figure::new("clients", "clients connected", Unit::Count, ratio(count(connected), 1)),
    ];
    Ok(findings)
}

/// Why memory that did not grow tells nothing.
fn no_growth(growth: u64, clients: usize) -> Option<Reason> {
    let text = format!(
        "the relay's memory did not grow with {clients} more after the first {FIRST} clients: it takes more --clients to tell what \
         one costs"
    );
    (growth == 0 && clients > 0).then_some(Reason { code: ReasonCode::NoGrowth, text })
}

fn count(clients: usize) -> u64 {
    u64::try_from(clients).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_did_not_grow_is_no_result() {
        let reason = no_growth(0, 1).unwrap();
        assert_eq!(reason.code, ReasonCode::NoGrowth);
        assert!(reason.text.contains("with 1 more after the first 100 clients"), "{}", reason.text);
        assert_eq!(no_growth(4096, 1), None);
    }
}
