//! The report for people.

use wherry_bench::{Figure, RatePoint, Report, Unit};

use crate::output;

/// The whole report as text.
pub(super) fn table(report: &Report) -> String {
    let tls = if report.is_tls { "TLS 1.3" } else { "plain HTTP" };
    let settings = report.settings.iter().map(|setting| format!("{} {}", setting.name, setting.value));
    let mut out = format!(
        "{} {} ({tls}): {}\n\n",
        report.scenario,
        relays(report),
        settings.collect::<Vec<_>>().join(", ")
    );
    out += &figures(&report.figures);
    if !report.streams.is_empty() {
        out += &format!("\n{}", streams(report));
    }
    if !report.rates.is_empty() {
        out += &format!("\n{}", rates(&report.rates));
    }
    out += &format!("\n{}\n", beside(report));
    for missing in &report.unchecked {
        out += &format!("not known: {missing}\n");
    }
    if report.interrupted {
        out += "stopped before its end\n";
    }
    if !report.valid {
        out += "NOT A RESULT\n";
    }
    out
}

/// Of which relay, or from which to which.
fn relays(report: &Report) -> String {
    match &report.far {
        Some(far) => format!("from {} to {}", report.relay, far.relay),
        None => format!("of {}", report.relay),
    }
}

fn figures(figures: &[Figure]) -> String {
    let rows =
        figures.iter().filter_map(|figure| Some([figure.label.clone(), figure.unit.show(figure.value?)]));
    output::table(&rows.collect::<Vec<_>>(), [false, true])
}

fn streams(report: &Report) -> String {
    let heading = ["stream", "due", "arrived", "lost", "of them held back", "loss"];
    let mut rows = vec![heading.map(str::to_owned)];
    rows.extend(report.streams.iter().map(|stream| {
        let counts = [stream.offered, stream.received, stream.lost, stream.held_back];
        let [due, arrived, lost, held_back] = counts.map(|count| Unit::Count.show(float(count)));
        [stream.name.clone(), due, arrived, lost, held_back, Unit::Share.show(stream.loss)]
    }));
    output::table(&rows, [false, true, true, true, true, true])
}

fn rates(points: &[RatePoint]) -> String {
    let heading = ["offered/s", "delivered/s", "loss", "p50", "p99", "per CPU s", ""];
    let mut rows = vec![heading.map(str::to_owned)];
    let maybe =
        |value: Option<f64>, unit: Unit| value.map_or_else(|| "–".to_owned(), |value| unit.show(value));
    rows.extend(points.iter().map(|point| {
        [
            Unit::Count.show(point.offered_per_second),
            Unit::Count.show(point.delivered_per_second),
            Unit::Share.show(point.loss),
            maybe(point.p50_us, Unit::Micros),
            maybe(point.p99_us, Unit::Micros),
            maybe(point.per_cpu_second, Unit::Count),
            if point.valid { String::new() } else { "generator at its limit".to_owned() },
        ]
    }));
    output::table(&rows, [true, true, true, true, true, true, false])
}

fn beside(report: &Report) -> String {
    let generator = &report.generator;
    let mut parts = vec![format!("generator busy {:.0} %", generator.busy * 100.0)];
    if let Some(server) = &report.server {
        parts.push(format!("relay {:.2} cores", server.cores_used));
        parts.extend(server.memory.map(|bytes| format!("{} MiB", Unit::Count.show(mebibytes(bytes)))));
    }
    if let Some(server) = report.far.as_ref().and_then(|far| far.server.as_ref()) {
        parts.push(format!("second relay {:.2} cores", server.cores_used));
    }
    parts.extend(generator.others_cores.map(|cores| format!("other programs {cores:.2} cores")));
    if generator.late > 0.0 {
        parts.push(format!(
            "{:.2} % left late, by {} at most",
            generator.late * 100.0,
            Unit::Micros.show(generator.latest_us)
        ));
    }
    if generator.cut_off > 0 {
        parts.push(format!("{} clients cut off by the relay", generator.cut_off));
    }
    parts.join(" · ")
}

fn mebibytes(bytes: u64) -> f64 {
    float(bytes) / f64::from(1 << 20)
}

#[expect(clippy::cast_precision_loss, reason = "counts and bytes stay far below 2^52")]
fn float(count: u64) -> f64 {
    count as f64
}
