//! JSON, and the JSON with comments and trailing commas that Tailscale's policy files are.

use jsonc_parser::ast::{ObjectProp, ObjectPropName, Value as Ast};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::text::Unread;
use super::tree::{Member, Number, Tree, Value};
use crate::map::finding::At;

/// Which liberties are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// What Go's `encoding/json` reads.
    Json,
    /// Comments and trailing commas too, as in policy files.
    Policy,
}

/// Reads one document.
pub(super) fn read(text: &str, dialect: Dialect) -> Result<Tree, Unread> {
    let is_policy = dialect == Dialect::Policy;
    let options = ParseOptions {
        allow_comments: is_policy,
        allow_trailing_commas: is_policy,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let lines = Lines::of(text);
    // The parser counts lines in its own way, where a carriage return stands alone.
    let parsed = parse_to_ast(text, &CollectOptions::default(), &options).map_err(|err| Unread {
        at: lines.at(err.range().start),
        reason: decapitalised(&err.kind().to_string()),
    })?;
    match parsed.value {
        Some(value) => Ok(lines.tree(value)),
        None => Err(Unread { at: At { line: 1, column: 1 }, reason: "nothing in it".to_owned() }),
    }
}

fn decapitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// Where the lines of a text begin.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let after_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(after_breaks).collect() }
    }

    /// The place of a byte.
    fn at(&self, byte: usize) -> At {
        let line = self.starts.partition_point(|start| *start <= byte);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let before = self.text.get(start..byte).unwrap_or_default();
        At { line, column: before.chars().count() + 1 }
    }

    fn tree(&self, ast: Ast<'_>) -> Tree {
        let at = self.at(ast.range().start);
        let value = match ast {
            Ast::NullKeyword(_) => Value::Null,
            Ast::BooleanLit(literal) => Value::Bool(literal.value),
            Ast::NumberLit(literal) => {
                Value::Number(Number { written: literal.value.to_owned(), whole: literal.value.parse().ok() })
            }
            Ast::StringLit(literal) => Value::Text(literal.value.into_owned()),
            Ast::Array(array) => Value::List(array.elements.into_iter().map(|one| self.tree(one)).collect()),
            Ast::Object(object) => {
                Value::Object(object.properties.into_iter().map(|one| self.member(one)).collect())
            }
        };
        Tree { at, value }
    }

    fn member(&self, property: ObjectProp<'_>) -> Member {
        let at = self.at(property.name.range().start);
        let key = match property.name {
            ObjectPropName::String(name) => name.value.into_owned(),
            ObjectPropName::Word(name) => name.value.to_owned(),
        };
        Member { number: key.parse().ok(), key, at, value: self.tree(property.value) }
    }
}
