//! Which form a text has, and what its reading gave.

use super::json::{self, Dialect};
use super::tree::{Member, Tree};
use super::unread::Unread;
use super::yaml;
use crate::map::finding::At;

/// The form of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::map) enum Form {
    /// Go's names, in any case.
    Json,
    /// Go's names in lower case.
    Yaml,
}

/// Keys that are looked at to tell YAML with braces from broken JSON: a map has no more at its outermost.
const KEYS: usize = 16;

/// A text that was read.
#[derive(Debug)]
pub(in crate::map) struct Text {
    pub(in crate::map) form: Form,
    pub(in crate::map) tree: Tree,
    /// The first comment or trailing comma in JSON, which only policy files may have.
    pub(in crate::map) liberty: Option<Unread>,
    /// Where a second document begins.
    pub(in crate::map) second: Option<At>,
    /// Whether a byte order mark comes first.
    pub(in crate::map) has_mark: bool,
}

impl Text {
    fn of(form: Form, tree: Tree) -> Self {
        Self { form, tree, liberty: None, second: None, has_mark: false }
    }
}

/// Reads a text in the form that it has: what begins with a brace is JSON, or YAML that looks like it.
pub(in crate::map) fn parse(text: &str) -> (Form, Result<Text, Unread>) {
    let (text, has_mark) = match text.strip_prefix('\u{feff}') {
        Some(text) => (text, true),
        None => (text, false),
    };
    let (form, read) = parse_unmarked(text);
    (form, read.map(|text| Text { has_mark, ..text }))
}

fn parse_unmarked(text: &str) -> (Form, Result<Text, Unread>) {
    let begin = begin(text);
    if begin.starts_with("\"derpMap\"") {
        let read = snippet(text);
        // YAML may have a key of that name, which its readers pass over.
        return match in_yaml(text, |member| member.key == "regions").filter(|_| read.is_err()) {
            Some(read) => (Form::Yaml, Ok(read)),
            None => (Form::Json, read),
        };
    }
    // A comment of a policy file may come first.
    if !begin.starts_with(['{', '[']) && begin.len() == text.trim_start().len() {
        let read = yaml::read(text);
        // YAML has such keys too, but no tabs, and Go's readers of it know none of these names.
        let is_piece = begin.starts_with("\"Regions\"") || (begin.starts_with('"') && read.is_err());
        if is_piece && snippet(text).is_ok() {
            let reason = "it is a piece of JSON without the braces around it: put { before it and } after it";
            let at = At { line: 1, column: 1 };
            return (Form::Json, Err(Unread { at, reason: reason.to_owned() }));
        }
        return (Form::Yaml, read.map(|(tree, second)| Text { second, ..Text::of(Form::Yaml, tree) }));
    }
    let strict = match json::read(text, Dialect::Json) {
        Ok(tree) => return (Form::Json, Ok(Text::of(Form::Json, tree))),
        Err(unread) => unread,
    };
    let unread = match json::read(text, Dialect::Policy) {
        Ok(tree) => return (Form::Json, Ok(Text { liberty: Some(strict), ..Text::of(Form::Json, tree) })),
        // What a policy file may have is not what is wrong with it.
        Err(unread) => unread,
    };
    // YAML may be written with braces too, but then its keys have no quotes, or are those of its own.
    match in_yaml(text, |member| member.key == "regions" || is_bare(text, member)) {
        Some(read) => (Form::Yaml, Ok(read)),
        None => (Form::Json, Err(unread)),
    }
}

/// The text as YAML, if it has such a key there.
fn in_yaml(text: &str, is_wanted: impl Fn(&Member) -> bool) -> Option<Text> {
    let (tree, second) = yaml::read(text).ok()?;
    let has_it = tree.members().iter().take(KEYS).any(is_wanted);
    has_it.then(|| Text { second, ..Text::of(Form::Yaml, tree) })
}

/// What stands between the braces of a policy file: `"derpMap": {…}`.
fn snippet(text: &str) -> Result<Text, Unread> {
    // The added brace moves the first line by one; what is missing at the end is missing on the last line.
    let last = text.matches('\n').count() + 1;
    let back = |at: At| match at.line {
        line if line > last => At { line: last, column: 1 },
        1 => At { column: at.column.saturating_sub(1).max(1), ..at },
        _ => at,
    };
    match json::read(&format!("{{{text}\n}}"), Dialect::Policy) {
        Ok(tree) => Ok(Text::of(Form::Json, tree.moved(&back))),
        // The brace that nobody wrote.
        Err(Unread { at, .. }) if at.line > last => {
            Err(Unread { at: back(at), reason: "the text ends before all is closed".to_owned() })
        }
        Err(unread) => Err(Unread { at: back(unread.at), ..unread }),
    }
}

/// The text from where something stands that is no comment of a policy file.
fn begin(text: &str) -> &str {
    let mut text = text.trim_start();
    loop {
        let comment = match text.get(..2) {
            Some("//") => text.split_once('\n'),
            Some("/*") => text.split_once("*/"),
            _ => None,
        };
        match comment {
            Some((_, rest)) => text = rest.trim_start(),
            None => return text,
        }
    }
}

fn is_bare(text: &str, member: &Member) -> bool {
    let line = text.lines().nth(member.at.line.saturating_sub(1)).unwrap_or_default();
    let first = line.chars().nth(member.at.column.saturating_sub(1));
    first.is_some_and(|first| first != '"' && first != '\'')
}
