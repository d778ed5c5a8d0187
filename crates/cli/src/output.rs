//! Writing to stdout and stderr.

use std::io::{self, Write};

use crate::failure::SystemError;

/// Whether anybody reads what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    There,
    Gone,
}

/// Writes data to stdout. A reader that went away, as `head` does, is no failure.
pub(crate) fn print(text: &str) -> Result<(), SystemError> {
    offer(text).map(|_| ())
}

/// As [`print()`], for who would go on printing as long as somebody reads.
pub(crate) fn offer(text: &str) -> Result<Reader, SystemError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(Reader::There),
        Err(err) if err.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(err) => Err(SystemError::Stdout(err)),
    }
}

/// Writes a complaint to stderr, each line under the program's name.
pub(crate) fn complain(text: &str) {
    let lines = text.lines().map(|line| format!("wherry: {line}\n"));
    // There is nowhere left to say that stderr is gone.
    io::stderr().write_all(lines.collect::<String>().as_bytes()).unwrap_or_default();
}

/// Lays out rows in columns, the first row being the heading. `right` says which columns hold numbers.
pub(crate) fn table<const N: usize>(rows: &[[String; N]], right: [bool; N]) -> String {
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let mut out = String::new();
    for row in rows {
        let cells = row.iter().zip(widths).zip(right).map(|((cell, width), right)| {
            if right { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        out += cells.collect::<Vec<_>>().join("  ").trim_end();
        out.push('\n');
    }
    out
}
