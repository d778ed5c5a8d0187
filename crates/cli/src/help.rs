//! How help is laid out: each paragraph is one line until it is wrapped, and it is wrapped once.

/// The command line whose texts after the options the parser wraps to the terminal, and nobody else.
pub(crate) fn flowing(command: clap::Command) -> clap::Command {
    let command = match command.get_after_help().map(ToString::to_string) {
        Some(text) => command.after_help(joined(&text)),
        None => command,
    };
    command.mut_subcommands(flowing)
}

/// The text with each paragraph on one line; what is indented is a line of its own, as an example is.
fn joined(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_paragraph = false;
    for line in text.lines() {
        let goes_on = !line.is_empty() && !line.starts_with(' ');
        if !out.is_empty() {
            out.push(if in_paragraph && goes_on { ' ' } else { '\n' });
        }
        out.push_str(line);
        in_paragraph = goes_on;
    }
    out
}

/// What every terminal has.
const COLUMNS: usize = 80;

/// The words in lines of [`COLUMNS`] at most, each after `indent` spaces: where no parser wraps.
pub(crate) fn filled(text: &str, indent: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let width = lines.last().map_or(0, |line| line.chars().count());
        match lines.last_mut() {
            Some(line) if width == 0 => line.push_str(word),
            Some(line) if indent + width + 1 + word.chars().count() <= COLUMNS => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| format!("{:indent$}{line}\n", "")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_is_one_line_and_an_example_stays_one() {
        let text = "Examples:\n  one\n  two\n\nA paragraph\nof two lines:\n  item\nand more\nof it.";
        assert_eq!(
            joined(text),
            "Examples:\n  one\n  two\n\nA paragraph of two lines:\n  item\nand more of it."
        );
    }

    #[test]
    fn no_line_is_wider_than_a_terminal_unless_a_word_is() {
        let text = filled(&format!("{} {} end", "word ".repeat(30), "x".repeat(90)), 8);
        let widths: Vec<_> = text.lines().map(str::len).collect();
        assert_eq!(widths, [77, 77, 17, 98, 11]);
        assert!(text.lines().all(|line| line.starts_with("        ")), "{text}");
    }
}
