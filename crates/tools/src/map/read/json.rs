//! JSON, and the JSON with comments and trailing commas that Tailscale's policy files are.

use jsonc_parser::ast::{ObjectProp, ObjectPropName, Value as Ast};
use jsonc_parser::common::Ranged;
use jsonc_parser::errors::ParseErrorKind;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::tree::{MAX_VALUES, Member, Number, Tree, Value};
use super::unread::Unread;
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
    // The parser counts lines in its own way, where a carriage return stands alone.
    let parsed = parse_to_ast(text, &CollectOptions::default(), &options).map_err(|err| Unread {
        at: Reader::of(text).at(err.range().start),
        reason: match err.kind() {
            ParseErrorKind::MultipleRootJsonValues => {
                "the text goes on after the brace that closes all: what follows belongs before that brace, after a comma".to_owned()
            }
            kind => decapitalised(&kind.to_string()),
        },
    })?;
    match parsed.value {
        Some(value) => Reader::of(text).tree(value),
        None => Err(Unread { at: At { line: 1, column: 1 }, reason: "nothing in it".to_owned() }),
    }
}

fn decapitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// Goes through a text once, from the first value to the last.
struct Reader<'a> {
    text: &'a str,
    /// How far it has come: a byte, and its place.
    byte: usize,
    at: At,
    /// Values so far.
    values: usize,
}

impl<'a> Reader<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, byte: 0, at: At { line: 1, column: 1 }, values: 0 }
    }

    /// The place of a byte, which is not before the last that was asked for: counting from there and not from the start
    /// of the line keeps a long line linear.
    fn at(&mut self, byte: usize) -> At {
        for character in self.text.get(self.byte..byte).unwrap_or_default().chars() {
            self.at = match character {
                '\n' => At { line: self.at.line + 1, column: 1 },
                _ => At { column: self.at.column + 1, ..self.at },
            };
        }
        self.byte = byte;
        self.at
    }

    fn tree(&mut self, ast: Ast<'_>) -> Result<Tree, Unread> {
        let at = self.at(ast.range().start);
        self.count(at)?;
        let value = match ast {
            Ast::NullKeyword(_) => Value::Null,
            Ast::BooleanLit(literal) => Value::Bool(literal.value),
            Ast::NumberLit(literal) => Value::Number(Number {
                written: literal.value.to_owned(),
                whole: literal.value.parse().ok(),
                real: literal.value.parse().ok().filter(|value: &f64| value.is_finite()),
            }),
            Ast::StringLit(literal) => Value::Text(literal.value.into_owned()),
            Ast::Array(array) => {
                Value::List(array.elements.into_iter().map(|one| self.tree(one)).collect::<Result<_, _>>()?)
            }
            Ast::Object(object) => {
                let members = object.properties.into_iter().map(|one| self.member(one));
                Value::Object(members.collect::<Result<_, _>>()?)
            }
        };
        Ok(Tree { at, value })
    }

    fn member(&mut self, property: ObjectProp<'_>) -> Result<Member, Unread> {
        let at = self.at(property.name.range().start);
        self.count(at)?;
        let key = match property.name {
            ObjectPropName::String(name) => name.value.into_owned(),
            ObjectPropName::Word(name) => name.value.to_owned(),
        };
        Ok(Member { number: key.parse().ok(), key, at, value: self.tree(property.value)? })
    }

    /// Counts as the other form does: a key is one, and its value another.
    fn count(&mut self, at: At) -> Result<(), Unread> {
        self.values += 1;
        match self.values > MAX_VALUES {
            true => Err(Unread { at, reason: format!("more than {MAX_VALUES} values") }),
            false => Ok(()),
        }
    }
}
