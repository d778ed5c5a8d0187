//! YAML, as far as maps use it.

use std::collections::{BTreeMap, BTreeSet};

use granit_parser::{Event, Parser, ScalarStyle, Span, Tag, options};

use super::tree::{MAX_VALUES, Member, Number, Tree, Value, shorten};
use super::unread::Unread;
use crate::map::finding::At;

/// The deepest nesting: a map needs six.
const MAX_DEPTH: usize = 64;

/// The most memory that copies of what has an anchor may take, in bytes: the longest text that is read, four times.
const MAX_COPIED: usize = 16 << 20;

/// Reads the first document, and where the second begins.
pub(super) fn read(text: &str) -> Result<(Tree, Option<At>), Unread> {
    let options = options! {
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
        emit_comments: false,
    };
    let mut reader = Reader {
        parser: Parser::new_from_str_with_options(text, options),
        anchors: BTreeMap::new(),
        values: 0,
        copied: 0,
    };
    if let Some((directive, line)) = foreign_directive(text) {
        let reason = format!(
            "Headscale takes no other directive than %YAML 1.1 and refuses {directive}: remove the line"
        );
        return Err(Unread { at: At { line, column: 1 }, reason });
    }
    let mut tree = None;
    while let Some((event, span)) = reader.next()? {
        match event {
            Event::DocumentStart(..) if tree.is_some() => {
                return Ok((tree.unwrap_or_else(empty), Some(at(&span))));
            }
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            Event::StreamEnd => break,
            event => tree = Some(reader.tree(event, &span)?),
        }
    }
    Ok((tree.unwrap_or_else(empty), None))
}

/// The first directive before the document that Go's reader refuses, and its line.
fn foreign_directive(text: &str) -> Option<(String, usize)> {
    let head = text.lines().zip(1..).take_while(|(line, _)| line.is_empty() || line.starts_with(['%', '#']));
    let mut directives = head.filter(|(line, _)| line.starts_with('%'));
    let is_known = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let known = (words.next(), words.next());
        matches!(known, (Some("%YAML"), Some("1.1")) | (Some("%TAG"), _))
    };
    directives.find(|(line, _)| !is_known(line)).map(|(line, number)| (shorten(line), number))
}

fn empty() -> Tree {
    Tree { at: At { line: 1, column: 1 }, value: Value::Null }
}

struct Reader<'t, I: granit_parser::BorrowedInput<'t>> {
    parser: Parser<'t, I>,
    /// What each anchor stands for.
    anchors: BTreeMap<usize, Anchored>,
    /// Values so far.
    values: usize,
    /// Bytes of copies so far.
    copied: usize,
}

/// What an anchor stands for, and how many values that is.
struct Anchored {
    tree: Tree,
    values: usize,
}

impl<'t, I: granit_parser::BorrowedInput<'t>> Reader<'t, I> {
    fn next(&mut self) -> Result<Option<(Event<'t>, Span)>, Unread> {
        self.parser.next_event().transpose().map_err(|err| Unread {
            at: At { line: err.marker().line(), column: err.marker().col() + 1 },
            reason: err.info(),
        })
    }

    fn inner(&mut self, outer: &Span) -> Result<(Event<'t>, Span), Unread> {
        self.next()?.ok_or_else(|| Unread { at: at(outer), reason: "the document ends within it".to_owned() })
    }

    /// The value that begins with `event`.
    fn tree(&mut self, event: Event<'t>, span: &Span) -> Result<Tree, Unread> {
        self.count(1, span)?;
        let before = self.values;
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                (anchor, scalar(&text, is_plain(style, tag.as_deref())))
            }
            Event::SequenceStart(_, anchor, _) => {
                let mut list = Vec::new();
                loop {
                    match self.inner(span)? {
                        (Event::SequenceEnd, _) => break,
                        (event, span) => list.push(self.tree(event, &span)?),
                    }
                }
                (anchor, Value::List(list))
            }
            Event::MappingStart(_, anchor, _) => (anchor, Value::Object(self.members(span)?)),
            Event::Alias(anchor) => return self.repeat(anchor, span),
            _ => return Err(Unread { at: at(span), reason: "something else than a value".to_owned() }),
        };
        let tree = Tree { at: at(span), value };
        if anchor != 0 {
            let values = self.values.saturating_sub(before) + 1;
            let copy = self.copy(&tree, span)?;
            // An anchor of the same number does not come twice.
            drop(self.anchors.insert(anchor, Anchored { tree: copy, values }));
        }
        Ok(tree)
    }

    fn members(&mut self, outer: &Span) -> Result<Vec<Member>, Unread> {
        let mut members = Vec::new();
        let mut merged: Vec<Member> = Vec::new();
        loop {
            let (event, span) = self.inner(outer)?;
            if event == Event::MappingEnd {
                break;
            }
            let Event::Scalar(key, style, _, tag) = event else {
                return Err(Unread { at: at(&span), reason: "a key that is no word".to_owned() });
            };
            let is_plain = is_plain(style, tag.as_deref());
            self.count(1, &span)?;
            let (event, value_span) = self.inner(&span)?;
            let value = self.tree(event, &value_span)?;
            if is_plain && key == "<<" {
                merged.extend(inherited(value));
                continue;
            }
            let number = if is_plain { number(&key).and_then(|number| number.whole) } else { None };
            members.push(Member { key: key.into_owned(), number, at: at(&span), value });
        }
        // What is written here wins over what is merged in.
        let own: BTreeSet<&str> = members.iter().map(|own| own.key.as_str()).collect();
        merged.retain(|inherited| !own.contains(inherited.key.as_str()));
        members.extend(merged);
        Ok(members)
    }

    fn repeat(&mut self, anchor: usize, span: &Span) -> Result<Tree, Unread> {
        let Some(Anchored { tree, values }) = self.anchors.remove(&anchor) else {
            return Err(Unread { at: at(span), reason: "an alias within what it stands for".to_owned() });
        };
        self.count(values, span)?;
        let copy = self.copy(&tree, span)?;
        drop(self.anchors.insert(anchor, Anchored { tree, values }));
        Ok(copy)
    }

    /// A copy, if it is not too much with those before: anchors within anchors are copied with each around them, and a
    /// long text with each alias.
    fn copy(&mut self, tree: &Tree, span: &Span) -> Result<Tree, Unread> {
        self.copied = self.copied.saturating_add(tree.bytes());
        if self.copied > MAX_COPIED {
            let reason = format!("what anchors name and aliases repeat takes more than {MAX_COPIED} bytes");
            return Err(Unread { at: at(span), reason });
        }
        Ok(tree.clone())
    }

    fn count(&mut self, values: usize, span: &Span) -> Result<(), Unread> {
        self.values += values;
        if self.values > MAX_VALUES {
            let reason = format!("more than {MAX_VALUES} values, with those that aliases repeat");
            return Err(Unread { at: at(span), reason });
        }
        Ok(())
    }
}

/// The members that `<<` brings: of one object, or of each in a list, the first of a name first.
fn inherited(value: Tree) -> Vec<Member> {
    let mut all = Vec::new();
    let mut names = BTreeSet::new();
    let objects = match value.value {
        Value::List(list) => list,
        _ => vec![value],
    };
    for object in objects {
        let Value::Object(members) = object.value else { continue };
        all.extend(members.into_iter().filter(|member| names.insert(member.key.clone())));
    }
    all
}

/// Whether a scalar may be something else than a text: without quotes, or by its tag.
fn is_plain(style: ScalarStyle, tag: Option<&Tag>) -> bool {
    let is = |name| tag.is_some_and(|tag| tag.is_yaml_core_schema_tag(name));
    is("int") || is("float") || (style == ScalarStyle::Plain && !is("str"))
}

/// What a scalar without quotes means to Go's YAML reader.
fn scalar(text: &str, is_plain: bool) -> Value {
    if !is_plain {
        return Value::Text(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        text => number(text).map_or_else(|| Value::Text(text.to_owned()), Value::Number),
    }
}

/// A number in any of the notations of Go's YAML reader; where a whole one is wanted, it cuts fractions off.
fn number(text: &str) -> Option<Number> {
    if !text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) {
        return None;
    }
    let plain = text.replace('_', "");
    let (whole, real) = match whole(&plain) {
        #[expect(clippy::cast_precision_loss, reason = "as Go's reader does")]
        Some(whole) => (Some(whole), Some(whole as f64)),
        None => fraction(&plain).map(|real| (cut(real), Some(real).filter(|real| real.is_finite())))?,
    };
    Some(Number { written: text.to_owned(), whole, real })
}

/// A whole number as in Go's source: one that begins with 0 is octal.
fn whole(plain: &str) -> Option<i64> {
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", plain.strip_prefix('+').unwrap_or(plain)),
    };
    let (radix, digits) = match digits.get(..2) {
        Some("0x" | "0X") => (16, digits.get(2..)?),
        Some("0o" | "0O") => (8, digits.get(2..)?),
        Some("0b" | "0B") => (2, digits.get(2..)?),
        Some(_) if digits.starts_with('0') => (8, digits),
        _ => (10, digits),
    };
    // A second sign is none.
    if !digits.starts_with(|first: char| first.is_ascii_hexdigit()) {
        return None;
    }
    i64::from_str_radix(&format!("{sign}{digits}"), radix).ok()
}

/// Neither `infinity` nor `nan`, which are words to YAML, but `.inf` and `.nan`.
fn fraction(plain: &str) -> Option<f64> {
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(plain);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(plain, ".nan" | ".NaN" | ".NAN") {
        return Some(f64::NAN);
    }
    let has_digit = plain.contains(|any: char| any.is_ascii_digit());
    plain.parse().ok().filter(|_| has_digit)
}

/// The whole part, if it fits.
fn cut(real: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "the range was looked at")]
    (-MOST..MOST).contains(&real).then_some(real as i64)
}

/// One more than the greatest whole number.
const MOST: f64 = 9_223_372_036_854_775_808.0;

fn at(span: &Span) -> At {
    At { line: span.start.line(), column: span.start.col() + 1 }
}
