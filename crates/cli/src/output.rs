//! Writing to stdout and stderr.

use std::io::{self, Write};

use clap::ValueEnum;
use serde::Serialize;

use crate::failure::{Failure, SystemError};

/// The form of what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    Text,
    Json,
    JsonLine,
}

impl Form {
    /// As `--json` has it.
    pub(crate) const fn json_if(is_json: bool) -> Self {
        if is_json { Self::Json } else { Self::Text }
    }
}

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

/// Writes a complaint to stderr, each line under the program's name and [`plain`].
pub(crate) fn complain(text: &str) {
    let lines = text.lines().map(|line| format!("wherry: {}\n", plain(line)));
    // There is nowhere left to say that stderr is gone.
    io::stderr().write_all(lines.collect::<String>().as_bytes()).unwrap_or_default();
}

/// Writes a text of our own to stderr as it is: what is more than a complaint.
pub(crate) fn tell(text: &str) {
    // There is nowhere left to say that stderr is gone.
    io::stderr().write_all(text.as_bytes()).unwrap_or_default();
}

/// A failure without a result. Whoever reads JSON gets the `answer` all the same.
pub(crate) fn failed<T: Serialize>(
    failure: Failure,
    form: Form,
    answer: impl FnOnce(String) -> T,
) -> Failure {
    let write = match form {
        Form::Text => return failure,
        Form::Json => serde_json::to_string_pretty,
        Form::JsonLine => serde_json::to_string,
    };
    let text = write(&answer(failure.to_string())).map_err(|err| SystemError::Stdout(err.into()));
    match text.and_then(|text| print(&format!("{text}\n"))) {
        Ok(()) => failure,
        Err(err) => err.into(),
    }
}

/// A text of others on one line of a report: what a terminal would obey, or hide, is shown as an escape.
pub(crate) fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            // Marks without a width, and those that turn the direction of what follows.
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => {
                shown.extend(character.escape_default());
            }
            character if character.is_control() => shown.extend(character.escape_default()),
            character => shown.push(character),
        }
    }
    shown
}

/// The same for a whole report, whose lines and tabs are its own.
pub(crate) fn plain_lines(text: &str) -> String {
    let of_line = |line: &str| line.split('\t').map(plain).collect::<Vec<_>>().join("\t");
    text.split('\n').map(of_line).collect::<Vec<_>>().join("\n")
}

/// Lays out rows in columns, the first row being the heading, each cell [`plain`]. `right` says which columns hold numbers.
pub(crate) fn table<const N: usize>(rows: &[[String; N]], right: [bool; N]) -> String {
    let rows: Vec<_> = rows.iter().map(|row| row.each_ref().map(|cell| plain(cell))).collect();
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let mut out = String::new();
    for row in &rows {
        let cells = row.iter().zip(widths).zip(right).map(|((cell, width), right)| {
            if right { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        out += cells.collect::<Vec<_>>().join("  ").trim_end();
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_or_hide_is_shown() {
        assert_eq!(plain("Zürich 東京 \u{1f5fc} \"a\\b\""), "Zürich 東京 \u{1f5fc} \"a\\b\"");
        let shown = plain("\u{1b}[2J\r\n\t\u{7f}\u{9b}\u{202e}\u{200b}");
        assert_eq!(shown, "\\u{1b}[2J\\r\\n\\t\\u{7f}\\u{9b}\\u{202e}\\u{200b}");
        assert_eq!(plain_lines("\n\ta\u{7}\n\n"), "\n\ta\\u{7}\n\n");
    }

    #[test]
    fn a_cell_of_a_table_stays_on_its_line() {
        let rows = [["a".to_owned(), "b".to_owned()], ["\n".to_owned(), "c".to_owned()]];
        assert_eq!(table(&rows, [false, true]), "a   b\n\\n  c\n");
    }
}
