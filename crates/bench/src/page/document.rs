//! The page as a whole.

use super::date::utc;
use super::{figures, plots};
use crate::markup::Text;
use crate::plot::{Plot, STYLE};
use crate::report::Report;

/// The page with gaps such as `{{title}}`.
const TEMPLATE: &str = include_str!("page.html");

/// What it looks like.
const CSS: &str = include_str!("page.css");

/// The report as one HTML page that loads nothing, for a light and a dark screen, a phone and paper.
#[must_use]
pub fn html(report: &Report) -> String {
    let transport = if report.is_tls { "TLS 1.3" } else { "plain HTTP" };
    let (relays, addresses) = match &report.far {
        Some(far) => (
            format!("from {} to {}", report.relay, far.relay),
            format!("{} to {}", report.address, far.address),
        ),
        None => (format!("of {}", report.relay), report.address.clone()),
    };
    let title = format!("wherry bench: {} {relays}", report.scenario);
    let summary = format!("{addresses}, {transport}; {}; wherry {}", utc(report.started), report.version);
    let (verdict, class) = if report.valid { ("A result", "") } else { ("Not a result", "none") };
    fill(
        TEMPLATE,
        &[
            ("title", Text(&title).to_string()),
            ("style", format!("{CSS}{STYLE}")),
            ("summary", Text(&summary).to_string()),
            ("verdict", verdict.to_owned()),
            ("verdict_class", class.to_owned()),
            ("reasons", reasons(report)),
            ("figures", figures::figures(&report.figures)),
            ("measured", measured(report)),
            ("settings", figures::settings(report)),
            ("machine", figures::machine(report)),
            ("beside", figures::beside(report)),
        ],
    )
}

/// Why it is no result, and what else a reader must know before the figures.
fn reasons(report: &Report) -> String {
    let mut lines: Vec<String> = report.reasons.iter().map(|reason| reason.text.clone()).collect();
    if report.interrupted {
        lines.push("stopped before its end".to_owned());
    }
    lines.extend(report.unchecked.iter().map(|what| format!("not known: {what}")));
    if lines.is_empty() {
        return "<p>Neither the generator nor another program was the limit, as far as could be seen.</p>\n"
            .to_owned();
    }
    let items: String = lines.iter().map(|line| format!("<li>{}</li>\n", Text(line))).collect();
    format!("<ul>\n{items}</ul>\n")
}

/// Plots and tables beyond the figures, those that there is something for.
fn measured(report: &Report) -> String {
    let mut out = String::new();
    let plots = plots::plots(report);
    if !plots.is_empty() {
        let figures: String = plots.iter().map(figure).collect();
        out += &section("Plots", &format!("<div class=\"plots\">\n{figures}</div>\n"));
    }
    if !report.streams.is_empty() {
        out += &section("Packets", &figures::streams(&report.streams));
    }
    if !report.rates.is_empty() {
        out += &section("Rates", &figures::rates(&report.rates));
    }
    out
}

fn figure(plot: &Plot) -> String {
    format!("<figure>\n<figcaption>{}</figcaption>\n{}\n</figure>\n", Text(&plot.title), plot.inline())
}

fn section(heading: &str, body: &str) -> String {
    format!("<section>\n<h2>{heading}</h2>\n{body}</section>\n")
}

/// Fills the gaps of a template; what is filled in is not looked through again.
fn fill(template: &str, values: &[(&str, String)]) -> String {
    let mut parts = template.split("{{");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once("}}").unwrap_or(("", part));
        out.extend(values.iter().filter(|(known, _)| *known == name).map(|(_, value)| value.as_str()));
        out += rest;
    }
    out
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
