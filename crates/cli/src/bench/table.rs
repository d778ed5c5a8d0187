//! The report for people.

use wherry_bench::{Figure, RatePoint, Report, Unit};

use crate::output;

/// The whole report as text.
pub(super) fn table(report: &Report) -> String {
    let tls = if report.is_tls { "TLS 1.3" } else { "plain HTTP" };
    let settings = report.settings.iter().map(|setting| format!("{} {}", setting.name, setting.value));
    let mut out = format!(
        "{} of {} ({tls}): {}\n\n",
        report.scenario,
        report.relay,
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

fn figures(figures: &[Figure]) -> String {
    let rows =
        figures.iter().filter_map(|figure| Some([figure.label.clone(), shown(figure.value?, figure.unit)]));
    output::table(&rows.collect::<Vec<_>>(), [false, true])
}

fn streams(report: &Report) -> String {
    let heading = ["stream", "due", "arrived", "lost", "of them held back", "loss"];
    let mut rows = vec![heading.map(str::to_owned)];
    rows.extend(report.streams.iter().map(|stream| {
        let counts =
            [stream.offered, stream.received, stream.lost, stream.held_back].map(|count| count.to_string());
        let [due, arrived, lost, held_back] = counts.map(|digits| grouped(&digits));
        [stream.name.clone(), due, arrived, lost, held_back, shown(stream.loss, Unit::Share)]
    }));
    output::table(&rows, [false, true, true, true, true, true])
}

fn rates(points: &[RatePoint]) -> String {
    let heading = ["offered/s", "delivered/s", "loss", "p50", "p99", "per CPU s", ""];
    let mut rows = vec![heading.map(str::to_owned)];
    let maybe = |value: Option<f64>, unit| value.map_or_else(|| "–".to_owned(), |value| shown(value, unit));
    rows.extend(points.iter().map(|point| {
        [
            number(point.offered_per_second),
            number(point.delivered_per_second),
            shown(point.loss, Unit::Share),
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
        parts.extend(server.memory.map(|bytes| format!("{} MiB", number(mebibytes(bytes)))));
    }
    parts.extend(generator.others_cores.map(|cores| format!("other programs {cores:.2} cores")));
    if generator.late > 0.0 {
        parts.push(format!(
            "{:.2} % left late, by {} at most",
            generator.late * 100.0,
            shown(generator.latest_us, Unit::Micros)
        ));
    }
    if generator.cut_off > 0 {
        parts.push(format!("{} clients cut off by the relay", generator.cut_off));
    }
    parts.join(" · ")
}

#[expect(clippy::cast_precision_loss, reason = "bytes stay far below 2^52")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn shown(value: f64, unit: Unit) -> String {
    match unit {
        Unit::PerSecond => format!("{} /s", number(value)),
        Unit::PerCpuSecond => format!("{} /CPU s", number(value)),
        Unit::Micros if value >= 10_000.0 => format!("{:.1} ms", value / 1000.0),
        Unit::Micros if value >= 1000.0 => format!("{:.2} ms", value / 1000.0),
        Unit::Micros => format!("{value:.0} µs"),
        Unit::Bytes => format!("{} bytes", number(value)),
        Unit::Share if value == 0.0 => "0 %".to_owned(),
        Unit::Share => format!("{:.3} %", value * 100.0),
        _ => number(value),
    }
}

/// Three to four digits that matter, thousands apart.
fn number(value: f64) -> String {
    if value != 0.0 && value.abs() < 10.0 && value.fract() != 0.0 {
        format!("{value:.2}")
    } else {
        grouped(&format!("{value:.0}"))
    }
}

fn grouped(digits: &str) -> String {
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_with_their_unit_and_thousands_apart() {
        assert_eq!(shown(1_029_097.4, Unit::PerCpuSecond), "1,029,097 /CPU s");
        assert_eq!(shown(35.2, Unit::Micros), "35 µs");
        assert_eq!(shown(1234.0, Unit::Micros), "1.23 ms");
        assert_eq!(shown(0.000_21, Unit::Share), "0.021 %");
        assert_eq!(shown(0.0, Unit::Share), "0 %");
        assert_eq!(number(999.4), "999");
        assert_eq!(number(2.0), "2");
    }
}
