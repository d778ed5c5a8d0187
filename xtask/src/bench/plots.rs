//! The plots of the page.

use crate::load::Load;
use crate::sample::Outcome;
use wherry_bench::Report;
use wherry_bench::plot::{Axis, Mark, Measure, Plot, Series};

/// A run that is plotted: the load, the relay, the whole report.
pub(crate) type Plotted = (&'static Load, &'static str, Report);

/// Loads of which the reports are kept whole until the plots are drawn.
const PLOTTED: [&str; 3] = ["ladder", "light", "idle"];

/// Keeps a report if it is to be plotted; a later one of the same relay takes the place of an earlier if it is a result.
pub(crate) fn keep(kept: &mut Vec<Plotted>, (load, relay): (&'static Load, &'static str), outcome: Outcome) {
    let is_same = |(known, name, _): &Plotted| known.name == load.name && *name == relay;
    let is_wanted = !outcome.sample.is_worth_a_second_try() || !kept.iter().any(is_same);
    if !PLOTTED.contains(&load.name) || !is_wanted {
        return;
    }
    if let Ok(report) = serde_json::from_value(outcome.report) {
        kept.retain(|plotted| !is_same(plotted));
        kept.push((load, relay, report));
    }
}

/// The files, each with its name and what stands beside it on the page; those without data left out.
pub(crate) fn files(kept: &[Plotted]) -> Vec<(&'static str, &'static str, String)> {
    let of = |load: &str, points: fn(&Report) -> Vec<(f64, f64)>, mark| -> Vec<Series> {
        let reports = kept.iter().filter(|(known, ..)| known.name == load);
        reports.map(|(_, relay, report)| Series::new(relay, mark, points(report))).collect()
    };
    let plots = [
        ("ladder", loss(of("ladder", loss_points, Mark::LineAndDots))),
        ("latency", latency(of("light", latency_points, Mark::Line))),
        ("memory", memory(of("idle", memory_points, Mark::Line))),
    ];
    let plots = plots.into_iter().filter(|(_, plot)| !plot.series.is_empty());
    plots.map(|(name, plot)| (name, caption(name), plot.file())).collect()
}

fn caption(name: &str) -> &'static str {
    match name {
        "ladder" => "Packets offered a second against the share that is lost",
        "latency" => "Latency at 20,000 packets a second by percentile",
        _ => "Memory of the whole relay against connected idle clients",
    }
}

fn loss(series: Vec<Series>) -> Plot {
    Plot {
        title: "Rate against loss".to_owned(),
        description: caption("ladder").to_owned(),
        x: Axis::log("offered, packets a second", Measure::Count),
        y: Axis::linear("lost", Measure::Share),
        series,
    }
}

fn latency(series: Vec<Series>) -> Plot {
    Plot {
        title: "Latency at 20,000 packets a second".to_owned(),
        description: caption("latency").to_owned(),
        x: Axis::percentiles("packets at most that late"),
        y: Axis::log("from due to read", Measure::Micros),
        series,
    }
}

fn memory(series: Vec<Series>) -> Plot {
    Plot {
        title: "Memory against idle clients".to_owned(),
        description: caption("memory").to_owned(),
        x: Axis::linear("connected clients", Measure::Count),
        y: Axis::linear("proportional set size", Measure::Bytes),
        series,
    }
}

fn loss_points(report: &Report) -> Vec<(f64, f64)> {
    report.rates.iter().filter(|rate| rate.valid).map(|rate| (rate.offered_per_second, rate.loss)).collect()
}

fn latency_points(report: &Report) -> Vec<(f64, f64)> {
    let latency = report.streams.first().and_then(|stream| stream.latency.as_ref());
    latency
        .into_iter()
        .flat_map(|latency| &latency.points)
        .map(|point| (point.quantile, point.micros))
        .collect()
}

fn memory_points(report: &Report) -> Vec<(f64, f64)> {
    report.memory.iter().map(|point| (point.clients as f64, point.bytes as f64)).collect()
}
