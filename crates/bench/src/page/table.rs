//! Tables as HTML.

use crate::markup::Text;

/// One cell.
#[derive(Debug, Clone)]
pub(super) enum Cell {
    /// Words.
    Words(String),
    /// A number with its unit, at the right.
    Number(String),
    /// Why there is no number.
    Absent(String),
}

impl Cell {
    /// Words from any text.
    pub(super) fn words(text: &str) -> Self {
        Self::Words(text.to_owned())
    }

    fn html(&self, tag: &str) -> String {
        match self {
            Self::Words(text) => format!("<{tag}>{}</{}>", Text(text), closing(tag)),
            Self::Number(text) => format!("<td class=\"number\">{}</td>", Text(text)),
            Self::Absent(why) => format!("<td class=\"absent\">not known: {}</td>", Text(why)),
        }
    }
}

/// Names at the left, what they stand for at the right.
pub(super) fn pairs(rows: &[(String, Cell)]) -> String {
    let row = |(name, value): &(String, Cell)| {
        let name = Cell::words(name).html("th scope=\"row\"");
        format!("<tr>{name}{}</tr>\n", value.html("td"))
    };
    format!("<table>\n{}</table>\n", rows.iter().map(row).collect::<String>())
}

/// Rows below a heading; a column with numbers has its heading at the right, too.
pub(super) fn rows<const N: usize>(heading: [&str; N], rows: &[[Cell; N]]) -> String {
    let has_numbers = |at: usize| rows.iter().any(|row| matches!(row.get(at), Some(Cell::Number(_))));
    let heads = heading.iter().enumerate().map(|(at, text)| {
        let class = if has_numbers(at) { " class=\"number\"" } else { "" };
        format!("<th scope=\"col\"{class}>{}</th>", Text(text))
    });
    let row = |cells: &[Cell; N]| {
        let cells = cells.iter().map(|cell| cell.html("td"));
        format!("<tr>{}</tr>\n", cells.collect::<String>())
    };
    format!(
        "<div class=\"wide\"><table>\n<thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody></table></div>\n",
        heads.collect::<String>(),
        rows.iter().map(row).collect::<String>()
    )
}

/// The name of a tag without its attributes.
fn closing(tag: &str) -> &str {
    tag.split(' ').next().unwrap_or(tag)
}
