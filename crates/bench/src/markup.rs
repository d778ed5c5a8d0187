//! Text inside HTML and SVG.
//!
//! Uses nothing. Must stay true: whatever a name or a message holds, a browser shows it and takes nothing of it for markup.

use std::fmt;

/// A text that displays itself escaped, for the inside of an element or of a quoted attribute.
///
/// Characters that XML knows no way to write, such as NUL, become U+FFFD.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a>(pub(crate) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for letter in self.0.chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\t' | '\n' => f.write_char(letter)?,
                '\u{fffe}' | '\u{ffff}' => f.write_char(char::REPLACEMENT_CHARACTER)?,
                _ if letter.is_control() => f.write_char(char::REPLACEMENT_CHARACTER)?,
                _ => f.write_char(letter)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_markup_is_shown_instead() {
        let text = "<a href='x' title=\"y\">R&D</a>\0";
        let shown = "&lt;a href=&#39;x&#39; title=&quot;y&quot;&gt;R&amp;D&lt;/a&gt;\u{fffd}";
        assert_eq!(Text(text).to_string(), shown);
    }
}
