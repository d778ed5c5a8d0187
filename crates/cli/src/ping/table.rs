//! The report for people.

use std::time::Duration;
use std::{fmt, iter};

use super::report::{Name, Report, Step};
use crate::output::{self, plain};

/// The report as lines of text, without the problems.
pub(super) struct Table<'a>(pub(super) &'a Report);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        head(f, self.0)?;
        let heading = ["step", "min", "median", "max", "rounds", ""].map(str::to_owned);
        let rows: Vec<_> =
            iter::once(heading).chain(self.0.steps.iter().map(|step| row(step, self.0.closed))).collect();
        f.write_str(&output::table(&rows, [false, true, true, true, true, false]))?;
        if let Some(addr) = self.0.your_addr {
            writeln!(f, "your address as the relay sees it: {addr}")?;
        }
        for note in &self.0.notes {
            writeln!(f, "note: {}", plain(note))?;
        }
        let verdict = match self.0 {
            Report { healthy: false, .. } => "NOT HEALTHY",
            Report { closed: true, .. } => {
                "healthy, as far as a stranger may see: admission is closed to a throw-away key (--key FILE goes beyond)"
            }
            _ => "healthy",
        };
        writeln!(f, "{verdict}\n")
    }
}

fn head(out: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    let brackets = if report.host.contains(':') { ("[", "]") } else { ("", "") };
    write!(out, "{}{}{}:{}", brackets.0, report.host, brackets.1, report.port)?;
    if report.name != report.host {
        write!(out, "  {}", plain(&report.name))?;
    }
    if let Some(addr) = report.addr.filter(|addr| addr.ip().to_string() != report.host) {
        write!(out, "  at {addr}")?;
    }
    if let Some(tls) = &report.tls {
        write!(out, "  TLS {}{}", tls.version, if tls.fast_start { ", fast start" } else { "" })?;
    }
    writeln!(out)?;
    if let Some(key) = &report.server_key {
        writeln!(out, "the relay's key  {key}")?;
    }
    if let Some(key) = &report.asked_as {
        writeln!(out, "asked as         {key}")?;
    }
    Ok(())
}

fn row(step: &Step, is_closed: bool) -> [String; 6] {
    let [min, median, max] = [step.min, step.median, step.max].map(millis);
    let rounds = format!("{}/{}", step.worked, step.tried);
    let mark = match (&step.problem, step.worked) {
        (Some(_), _) => "failed",
        (None, 0) if is_closed && step.step == Name::Handshake => "closed",
        (None, 0) => "no answer",
        _ => "",
    };
    [step.step.word().to_owned(), min, median, max, rounds, mark.to_owned()]
}

fn millis(time: Option<Duration>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| format!("{:.2} ms", time.as_secs_f64() * 1000.0))
}
