//! A document, whatever its form.

use crate::map::finding::At;

/// The most values a document may have, keys among them, and those that aliases repeat counted again: the largest map in
/// the world has some ten thousand.
pub(super) const MAX_VALUES: usize = 200_000;

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::map) struct Tree {
    pub(in crate::map) at: At,
    pub(in crate::map) value: Value,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::map) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Tree>),
    Object(Vec<Member>),
}

/// A number.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::map) struct Number {
    pub(in crate::map) written: String,
    /// What its readers take it for where a whole one is wanted, if they do and it fits.
    pub(in crate::map) whole: Option<i64>,
    /// Its value, if it is finite.
    pub(in crate::map) real: Option<f64>,
}

/// A key and its value; an object may have the same key more than once.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::map) struct Member {
    pub(in crate::map) key: String,
    /// Its value as the number of a region: in YAML mostly one without quotes.
    pub(in crate::map) number: Option<i64>,
    pub(in crate::map) at: At,
    pub(in crate::map) value: Tree,
}

impl Tree {
    /// What it is, for people.
    pub(in crate::map) fn kind(&self) -> String {
        match &self.value {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Number(number) => number.written.clone(),
            Value::Text(text) => format!("the text {:?}", shorten(text)),
            Value::List(_) => "a list".to_owned(),
            Value::Object(_) => "an object".to_owned(),
        }
    }

    /// About how much memory it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let inner = match &self.value {
            Value::Null | Value::Bool(_) => 0,
            Value::Number(number) => number.written.len(),
            Value::Text(text) => text.len(),
            Value::List(list) => list.iter().map(Self::bytes).sum(),
            Value::Object(members) => {
                // The value itself is part of its member.
                let own = |member: &Member| size_of::<Member>() - size_of::<Self>() + member.key.len();
                members.iter().map(|member| own(member) + member.value.bytes()).sum()
            }
        };
        size_of::<Self>() + inner
    }

    /// The same with other places.
    pub(super) fn moved(self, place: &impl Fn(At) -> At) -> Self {
        let value = match self.value {
            Value::List(list) => Value::List(list.into_iter().map(|one| one.moved(place)).collect()),
            Value::Object(members) => {
                let moved = |one: Member| Member { at: place(one.at), value: one.value.moved(place), ..one };
                Value::Object(members.into_iter().map(moved).collect())
            }
            value => value,
        };
        Self { at: place(self.at), value }
    }

    pub(in crate::map) fn members(&self) -> &[Member] {
        match &self.value {
            Value::Object(members) => members,
            _ => &[],
        }
    }
}

/// The longest text of a map that is shown whole, in characters: a pin has 75.
const SHOWN: usize = 90;

/// A text that may be anything, for a line of a report.
pub(in crate::map) fn shorten(text: &str) -> String {
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    text.chars().take(SHOWN).chain("…".chars()).collect()
}
