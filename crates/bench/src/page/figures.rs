//! What was measured, as tables.

use super::table::{Cell, pairs, rows};
use crate::report::{Figure, Generator, RatePoint, Report, Server, Stream, Unit};

/// What the scenario is for.
pub(super) fn figures(figures: &[Figure]) -> String {
    let cell = |figure: &Figure| match (figure.value, &figure.absent) {
        (Some(value), _) => Cell::Number(figure.unit.show(value)),
        (None, why) => Cell::Absent(why.clone().unwrap_or_default()),
    };
    pairs(&figures.iter().map(|figure| (figure.label.clone(), cell(figure))).collect::<Vec<_>>())
}

/// What happened to packets, by kind.
pub(super) fn streams(streams: &[Stream]) -> String {
    let heading = [
        "stream",
        "due",
        "arrived",
        "lost",
        "of them held back",
        "loss",
        "p50",
        "p90",
        "p99",
        "p99.9",
        "max",
    ];
    let row = |stream: &Stream| {
        let late =
            |pick: fn(&crate::report::Latency) -> f64| maybe(stream.latency.as_ref().map(pick), Unit::Micros);
        [
            Cell::words(&stream.name),
            count(stream.offered),
            count(stream.received),
            count(stream.lost),
            count(stream.held_back),
            Cell::Number(Unit::Share.show(stream.loss)),
            late(|latency| latency.p50_us),
            late(|latency| latency.p90_us),
            late(|latency| latency.p99_us),
            late(|latency| latency.p999_us),
            late(|latency| latency.max_us),
        ]
    };
    rows(heading, &streams.iter().map(row).collect::<Vec<_>>())
}

/// The steps of a ladder.
pub(super) fn rates(points: &[RatePoint]) -> String {
    let heading = [
        "offered",
        "delivered",
        "loss",
        "p50",
        "p99",
        "per CPU second",
        "relay, cores",
        "generator busy",
        "",
    ];
    let row = |point: &RatePoint| {
        [
            Cell::Number(Unit::PerSecond.show(point.offered_per_second)),
            Cell::Number(Unit::PerSecond.show(point.delivered_per_second)),
            Cell::Number(Unit::Share.show(point.loss)),
            maybe(point.p50_us, Unit::Micros),
            maybe(point.p99_us, Unit::Micros),
            maybe(point.per_cpu_second, Unit::Count),
            Cell::Number(point.server_cores.map_or_else(|| "–".to_owned(), |cores| format!("{cores:.2}"))),
            Cell::Number(percent(point.generator_busy)),
            Cell::words(if point.valid { "" } else { "generator late" }),
        ]
    };
    rows(heading, &points.iter().map(row).collect::<Vec<_>>())
}

/// What was asked for.
pub(super) fn settings(report: &Report) -> String {
    let given = report.settings.iter().map(|setting| (setting.name.clone(), Cell::words(&setting.value)));
    pairs(&given.collect::<Vec<_>>())
}

/// The machine of the generator.
pub(super) fn machine(report: &Report) -> String {
    let machine = &report.machine;
    let cores = format!("{}, of which the generator may use {}", machine.cores, machine.generator_cores);
    let facts =
        [("processor", machine.processor.clone()), ("cores", cores), ("kernel", machine.kernel.clone())];
    pairs(&facts.map(|(name, value)| (name.to_owned(), Cell::Words(value))))
}

/// How the generator fared, and what the relay used.
pub(super) fn beside(report: &Report) -> String {
    let Generator { threads, busy, cores_used, late, latest_us, cut_off, others_cores } = report.generator;
    let mut facts = vec![
        ("generator threads", threads.to_string()),
        ("busiest of them", percent(busy)),
        ("generator, cores", format!("{cores_used:.2}")),
    ];
    if late > 0.0 {
        let at_most = Unit::Micros.show(latest_us);
        facts.push(("left late", format!("{}, by {at_most} at most", Unit::Share.show(late))));
    }
    if cut_off > 0 {
        facts.push(("clients cut off by the relay", Unit::Count.show(float(cut_off))));
    }
    facts.extend(others_cores.map(|cores| ("other programs, cores", format!("{cores:.2}"))));
    facts.extend(used(["relay, cores", "relay, CPU time", "relay, memory"], report.server.as_ref()));
    let far = report.far.as_ref().and_then(|far| far.server.as_ref());
    facts.extend(used(["second relay, cores", "second relay, CPU time", "second relay, memory"], far));
    pairs(&facts.into_iter().map(|(name, value)| (name.to_owned(), Cell::Words(value))).collect::<Vec<_>>())
}

/// What a relay used, under these names.
fn used([cores, time, memory]: [&'static str; 3], server: Option<&Server>) -> Vec<(&'static str, String)> {
    let Some(server) = server else { return Vec::new() };
    let mut facts =
        vec![(cores, format!("{:.2}", server.cores_used)), (time, format!("{:.2} s", server.cpu_seconds))];
    facts.extend(server.memory.map(|bytes| (memory, mebibytes(bytes))));
    facts
}

fn maybe(value: Option<f64>, unit: Unit) -> Cell {
    Cell::Number(value.map_or_else(|| "–".to_owned(), |value| unit.show(value)))
}

fn count(count: u64) -> Cell {
    Cell::Number(Unit::Count.show(float(count)))
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", float(bytes) / f64::from(1 << 20))
}

#[expect(clippy::cast_precision_loss, reason = "counts and bytes stay far below 2^52")]
fn float(count: u64) -> f64 {
    count as f64
}
