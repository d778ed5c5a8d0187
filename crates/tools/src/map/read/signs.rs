//! Signs that look like those of JSON and YAML and are none: of a full-width keyboard, or from a web page.

use super::text::Form;
use crate::map::finding::At;

/// A sign that stands where one of ASCII belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::map) struct Sign {
    pub(in crate::map) at: At,
    /// What it is, with its code point.
    pub(in crate::map) found: String,
    /// What may be there.
    pub(in crate::map) expected: &'static str,
    /// What to do.
    pub(in crate::map) cure: String,
}

/// The first such sign outside of quotes and comments on the line of a syntax error, or on the line before: readers of YAML fail
/// only there, for a key without a colon may go on. Of letters and digits of a full-width keyboard YAML makes words, JSON
/// nothing.
pub(in crate::map) fn sign(text: &str, err: At, form: Form) -> Option<Sign> {
    let lines = text.lines().zip(1..).filter(|(_, line)| *line + 1 == err.line || *line == err.line);
    lines.into_iter().find_map(|(line, number)| of_line(line, number, form))
}

fn of_line(text: &str, line: usize, form: Form) -> Option<Sign> {
    let (mut is_quoted, mut before) = (false, ' ');
    for (one, column) in text.chars().zip(1..) {
        match one {
            '"' if before != '\\' => is_quoted = !is_quoted,
            '#' if !is_quoted && before.is_whitespace() => return None,
            _ => {}
        }
        before = one;
        let is_sign = |meant: &char| form == Form::Json || !meant.is_ascii_alphanumeric();
        let Some(meant) = meant(one).filter(|meant| !is_quoted && is_sign(meant)) else { continue };
        let point = u32::from(one);
        let found = match one.is_whitespace() {
            true => format!("a space of another kind, U+{point:04X}, stands here"),
            false => {
                format!("{one:?}, U+{point:04X}, stands here, which is none of the signs of JSON and YAML")
            }
        };
        let cure = match meant {
            ' ' => "write a plain space, and so for its like in what follows".to_owned(),
            meant => format!("write {meant} for it, and so for its like in what follows"),
        };
        let expected = "the signs of ASCII around keys and values";
        return Some(Sign { at: At { line, column }, found, expected, cure });
    }
    None
}

/// The sign of ASCII that one is taken for.
fn meant(one: char) -> Option<char> {
    match one {
        '\u{00A0}' | '\u{2007}' | '\u{202F}' | '\u{3000}' => Some(' '),
        '“' | '”' | '„' | '‟' | '«' | '»' => Some('"'),
        '‘' | '’' => Some('\''),
        '–' | '—' | '−' => Some('-'),
        '、' => Some(','),
        '。' => Some('.'),
        // The full-width forms stand in the order of ASCII.
        '！'..='～' => char::from_u32(u32::from(one).saturating_sub(0xFEE0)),
        _ => None,
    }
}

/// The text in signs of ASCII, if it has others that look like them.
pub(in crate::map) fn plain(text: &str) -> Option<String> {
    let plain: String = text.chars().map(|one| meant(one).unwrap_or(one)).collect();
    (plain != text).then_some(plain)
}
