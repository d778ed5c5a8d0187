//! Prometheus text, format 0.0.4.

use std::fmt::Write;

use super::{FAMILIES, Family, Totals};

/// What an HTTP answer with this text says of itself.
/// What an HTTP answer with the text of [`Metrics`](super::Metrics) says of itself.
pub const TEXT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Writes all families in the order of the register.
pub(super) fn write(totals: &Totals) -> String {
    let mut out = String::new();
    for family in FAMILIES {
        let Some(series) = totals.series.get(family.name) else { continue };
        // Writing to a string cannot fail.
        write!(out, "# HELP {0} {1}\n# TYPE {0} {2}\n", family.name, family.help, family.kind.name())
            .unwrap_or_default();
        for (labels, value) in series {
            writeln!(out, "{}{} {value}", family.name, label_set(family, labels)).unwrap_or_default();
        }
    }
    out
}

fn label_set(family: &Family, values: &[String]) -> String {
    if values.is_empty() {
        return String::new();
    }
    let pairs: Vec<_> = family
        .labels
        .iter()
        .zip(values)
        .map(|(name, value)| format!("{name}=\"{}\"", escape(value)))
        .collect();
    format!("{{{}}}", pairs.join(","))
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
