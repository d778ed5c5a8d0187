//! What was measured, as plots.

use crate::plot::{Axis, Mark, Measure, Plot, Series};
use crate::report::{Latency, MemoryPoint, RatePoint, Report, Stream};

/// The plots that the report has values for.
pub(super) fn plots(report: &Report) -> Vec<Plot> {
    let mut plots = Vec::new();
    plots.extend(latencies(&report.streams));
    if !report.rates.is_empty() {
        plots.extend([delivered(&report.rates), lost(&report.rates), latency_by_rate(&report.rates)]);
    }
    if !report.memory.is_empty() {
        plots.push(memory(&report.memory));
    }
    plots
}

/// The distribution of each stream that has one.
fn latencies(streams: &[Stream]) -> Option<Plot> {
    let line =
        |stream: &Stream| Some(Series::new(&stream.name, Mark::Line, distribution(stream.latency.as_ref()?)));
    let series: Vec<Series> = streams.iter().filter_map(line).collect();
    (!series.is_empty()).then(|| Plot {
        title: "Latency distribution".to_owned(),
        description: "Latency that a share of all packets stays within, for each stream.".to_owned(),
        x: Axis::percentiles("percentile"),
        y: Axis::log("latency", Measure::Micros),
        series,
    })
}

/// Percentiles; the greatest of n values is where the last nth begins, since 100 % is infinitely far away.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn distribution(latency: &Latency) -> Vec<(f64, f64)> {
    let last = 1.0 - 1.0 / latency.count.max(1) as f64;
    latency.points.iter().map(|point| (point.quantile.min(last), point.micros)).collect()
}

fn delivered(rates: &[RatePoint]) -> Plot {
    let most = rates.iter().map(|point| point.offered_per_second).fold(0.0, f64::max);
    let value = |point: &RatePoint| Some(point.delivered_per_second);
    let all = Series::new("all that is offered", Mark::Guide, vec![(0.0, 0.0), (most, most)]);
    Plot {
        title: "Delivered by offered rate".to_owned(),
        description: "Packets a second that arrived, against those that were due.".to_owned(),
        x: offered(),
        y: Axis::linear("delivered, packets/s", Measure::Count),
        series: [by_rate(rates, "delivered", value), all].into_iter().chain(late(rates, value)).collect(),
    }
}

fn lost(rates: &[RatePoint]) -> Plot {
    let value = |point: &RatePoint| Some(point.loss);
    Plot {
        title: "Loss by offered rate".to_owned(),
        description: "Share of packets that did not arrive, against the rate at which they were due."
            .to_owned(),
        x: offered(),
        y: Axis::linear("loss", Measure::Share),
        series: [by_rate(rates, "loss", value)].into_iter().chain(late(rates, value)).collect(),
    }
}

fn latency_by_rate(rates: &[RatePoint]) -> Plot {
    Plot {
        title: "Latency by offered rate".to_owned(),
        description: "Median and 99th percentile of latency, against the rate at which packets were due."
            .to_owned(),
        x: offered(),
        y: Axis::log("latency", Measure::Micros),
        series: vec![
            by_rate(rates, "p50", |point| point.p50_us),
            by_rate(rates, "p99", |point| point.p99_us),
        ],
    }
}

fn memory(points: &[MemoryPoint]) -> Plot {
    #[expect(clippy::cast_precision_loss, reason = "clients and bytes stay far below 2^52")]
    let at = |point: &MemoryPoint| (point.clients as f64, point.bytes as f64);
    Plot {
        title: "Memory by clients".to_owned(),
        description: "Proportional set size of the relay, against the clients that are connected.".to_owned(),
        x: Axis::linear("connected clients", Measure::Count),
        y: Axis::linear("memory of the relay", Measure::Bytes),
        series: vec![Series::new("memory", Mark::Line, points.iter().map(at).collect())],
    }
}

fn offered() -> Axis {
    Axis::linear("offered, packets/s", Measure::Count)
}

/// A value of each step.
fn by_rate(rates: &[RatePoint], name: &str, value: fn(&RatePoint) -> Option<f64>) -> Series {
    let at = |point: &RatePoint| Some((point.offered_per_second, value(point)?));
    Series::new(name, Mark::LineAndDots, rates.iter().filter_map(at).collect())
}

/// Rings around the steps in which the generator was late, if there were any.
fn late(rates: &[RatePoint], value: fn(&RatePoint) -> Option<f64>) -> Option<Series> {
    let late: Vec<RatePoint> = rates.iter().filter(|point| !point.valid).cloned().collect();
    (!late.is_empty()).then(|| Series { mark: Mark::Rings, ..by_rate(&late, "generator late", value) })
}
