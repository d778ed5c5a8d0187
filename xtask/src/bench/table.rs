//! The tables, as Markdown.

use crate::load::{LOADS, Plan};
use crate::number;
use crate::results::{Line, Results};
use crate::row::ROWS;
use crate::subject::DERPERS;

/// Every row that was measured, under its heading.
pub(crate) fn figures(results: &Results) -> String {
    let mut text = String::new();
    let mut group = "";
    for line in ROWS.iter().filter_map(|row| results.line(row)) {
        if line.row.group != group {
            group = line.row.group;
            text.push_str(&format!(
                "\n### {group}\n\n| figure | wherry | derper | ratio | aim | reached |\n|---|---|---|---|---|---|\n"
            ));
        }
        text.push_str(&row(&line));
    }
    text
}

fn row(line: &Line) -> String {
    let Line { row, ours, theirs } = line;
    let theirs = theirs.map_or_else(
        || "–".to_owned(),
        |(spread, name)| {
            let procs = if name == DERPERS[0] { "¹" } else { "²" };
            format!("{} {procs}", number::spread(spread, row.unit))
        },
    );
    let ratio = line.ratio().map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2} ×"));
    let reached = match (line.is_reached(), row.aim == crate::row::Aim::None) {
        (_, true) => "",
        (Some(true), _) => "yes",
        (Some(false), _) => "**no**",
        (None, _) => "no result",
    };
    format!(
        "| {} | {} | {theirs} | {ratio} | {} | {reached} |\n",
        row.label,
        number::spread(*ours, row.unit),
        number::aim(row.aim, row.unit)
    )
}

/// What each load is, and how to drive it alone.
pub(crate) fn loads(plan: &Plan) -> String {
    let mut text = String::from("| load | what it is | `wherry bench` |\n|---|---|---|\n");
    for load in LOADS {
        let words = load.words(plan);
        let words = if words.is_empty() { "–".to_owned() } else { format!("`{words}`") };
        text.push_str(&format!("| {} | {} | {words} |\n", load.name, load.about));
    }
    text
}
