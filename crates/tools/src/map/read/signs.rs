//! Signs that look like those of JSON and YAML and are none: of a full-width keyboard, or from a web page.

use crate::map::finding::At;

/// A sign that stands where one of ASCII belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::map) struct Sign {
    pub(in crate::map) at: At,
    /// What it is, with its code point.
    pub(in crate::map) found: String,
    /// What to do.
    pub(in crate::map) cure: String,
}

/// The first such sign outside of quotes and comments on the line of a syntax error, or on the line before: readers of YAML fail
/// only there, for a key without a colon may go on.
pub(in crate::map) fn sign(text: &str, err: At) -> Option<Sign> {
    let lines = text.lines().zip(1..).filter(|(_, line)| *line + 1 == err.line || *line == err.line);
    lines.into_iter().find_map(|(line, number)| of_line(line, number))
}

fn of_line(text: &str, line: usize) -> Option<Sign> {
    let (mut is_quoted, mut before) = (false, ' ');
    for (one, column) in text.chars().zip(1..) {
        match one {
            '"' if before != '\\' => is_quoted = !is_quoted,
            '#' if !is_quoted && before.is_whitespace() => return None,
            _ => {}
        }
        before = one;
        let Some(meant) = meant(one).filter(|_| !is_quoted) else { continue };
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
        return Some(Sign { at: At { line, column }, found, cure });
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
        // The full-width forms stand in the order of ASCII; of letters and digits each reader makes a word.
        '！'..='～' => {
            char::from_u32(u32::from(one).saturating_sub(0xFEE0)).filter(char::is_ascii_punctuation)
        }
        _ => None,
    }
}
