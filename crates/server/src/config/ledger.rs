//! What was written for each key, what that came to, and what is wrong with it.

use std::{collections::BTreeMap, fmt::Display, path::PathBuf};

use wherry_client::without_secrets;

use super::{
    Origin, Problem, Sources, ValueError,
    file_error::FileError,
    key::Key,
    layers::{Given, merge},
    problem::{Conflict, Missing, Way},
    register::KEYS,
};

/// What could be made out of all sources, right or wrong.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Survey {
    /// One row for each key, in the order of the register; fewer if a file that may set them cannot be read.
    pub rows: Vec<Row>,
    /// The admission list, if it can be opened; its content is not looked at.
    pub list: Option<PathBuf>,
    /// The folder of certificates, if it can be opened; its content is not looked at.
    pub cert_dir: Option<PathBuf>,
}

/// The effective value of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// The key.
    pub key: &'static str,
    /// Its values as they would be written, with `auto` replaced by what it came to; empty if not set.
    pub values: Vec<String>,
    /// Where the value was written.
    pub origin: Origin,
    /// Why `auto` came to this value, where that is not plain.
    pub reason: Option<String>,
    /// The values with what is a secret in them.
    whole: Vec<String>,
}

impl Survey {
    /// The keys that come to another value in `later`: their rows here and there.
    pub fn changes<'a>(&'a self, later: &'a Self) -> impl Iterator<Item = (&'a Row, &'a Row)> {
        let same_key = |row: &Row| later.rows.iter().find(|one| one.key == row.key);
        self.rows
            .iter()
            .filter_map(move |row| Some((row, same_key(row)?)))
            .filter(|(before, now)| before.whole != now.whole)
    }
}

impl Row {
    /// The value as one word for people.
    #[must_use]
    pub fn value(&self) -> String {
        if self.values.is_empty() { "none".to_owned() } else { self.values.join(", ") }
    }
}

/// The book that the checks are kept in.
pub(super) struct Ledger {
    written: BTreeMap<&'static str, Given>,
    pub(super) dev: bool,
    /// Where what is missing would be written.
    pub(super) way: Way,
    /// Flags could not be made sense of, so a key that seems not set may be.
    doubtful: bool,
    problems: Vec<Problem>,
    rows: BTreeMap<&'static str, Row>,
    pub(super) survey: Survey,
}

impl Ledger {
    /// Takes in what was written.
    pub(super) fn open(sources: &Sources) -> Self {
        let mut problems = Vec::new();
        let written = merge(sources, &mut problems);
        let doubtful = sources.incomplete;
        let way = if sources.file.is_some() { Way::File } else { Way::Flags };
        let (rows, survey) = (BTreeMap::new(), Survey::default());
        Self { written, dev: sources.dev, way, doubtful, problems, rows, survey }
    }

    /// The problems, and what could be made out.
    pub(super) fn close(mut self) -> (Vec<Problem>, Survey) {
        for key in KEYS.iter().filter(|key| !self.rows.contains_key(key.name)).collect::<Vec<_>>() {
            self.note(key);
        }
        let unread = self.problems.iter().any(Problem::hides_a_file);
        let known = |row: &Row| !unread || !row.origin.is_preset();
        let rows = KEYS.iter().filter_map(|key| self.rows.remove(key.name)).filter(known).collect();
        (self.problems, Survey { rows, ..self.survey })
    }

    /// The winning values of a key and where they were written.
    pub(super) fn given(&self, key: &Key) -> (Vec<String>, Origin) {
        let preset = |text: &str, origin| {
            (text.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect(), origin)
        };
        match self.written.get(key.name) {
            Some(given) => (given.items.clone(), given.origin.clone()),
            None if self.dev && !key.dev.is_empty() => preset(key.dev, Origin::Dev),
            None => preset(key.default, Origin::Default),
        }
    }

    /// The only value of a key, if it has just one.
    pub(super) fn word(&self, key: &Key) -> Option<String> {
        <[String; 1]>::try_from(self.given(key).0).ok().map(|[word]| word)
    }

    /// The one value of a key, read by `parse`.
    pub(super) fn one<T>(
        &mut self,
        key: &'static Key,
        parse: impl FnOnce(&str) -> Result<T, ValueError>,
    ) -> Option<T> {
        self.note(key);
        let (items, origin) = self.given(key);
        let [item] = match <[String; 1]>::try_from(items) {
            Ok(item) => item,
            Err(items) => {
                let count = items.len();
                self.problems.push(Problem::TooMany { key: key.name, origin, count, takes: key.takes });
                return None;
            }
        };
        let result = parse(&item);
        self.accept(key, &item, origin, result)
    }

    /// All values of a key, each read by `parse`.
    pub(super) fn many<T: PartialEq>(
        &mut self,
        key: &'static Key,
        parse: impl Fn(&str) -> Result<T, ValueError>,
    ) -> Option<Vec<T>> {
        self.note(key);
        let (items, origin) = self.given(key);
        let count = items.len();
        let mut found = Vec::new();
        for item in items {
            let result = parse(&item);
            let result =
                result.and_then(|one| if found.contains(&one) { Err(ValueError::Twice) } else { Ok(one) });
            found.extend(self.accept(key, &item, origin.clone(), result));
        }
        (found.len() == count).then_some(found)
    }

    fn accept<T>(
        &mut self,
        key: &'static Key,
        given: &str,
        origin: Origin,
        result: Result<T, ValueError>,
    ) -> Option<T> {
        let bad =
            |why| Problem::BadValue { key: key.name, given: public(given), origin, why, takes: key.takes };
        result.map_err(|why| self.problems.push(bad(why))).ok()
    }

    /// Takes what came of a file that a setting names as `given`.
    pub(super) fn file<T>(
        &mut self,
        key: &'static Key,
        given: impl Display,
        result: Result<T, FileError>,
    ) -> Option<T> {
        let (origin, counts) = (self.given(key).1, !self.may_be_set(key));
        let bad = |err| Problem::BadFile { key: key.name, given: public(&given.to_string()), origin, err };
        result.map_err(|err| self.problems.extend(counts.then(|| bad(err)))).ok()
    }

    /// Whether a key that nobody seems to have set may be set all the same.
    pub(super) fn may_be_set(&self, key: &Key) -> bool {
        let doubted = || self.doubtful || self.problems.iter().any(|problem| problem.may_set(key));
        self.given(key).1.is_preset() && doubted()
    }

    /// Notes that a key should have been set, unless it may have been.
    pub(super) fn missing(&mut self, key: &'static Key, missing: Missing) {
        if !self.may_be_set(key) {
            self.problems.push(Problem::Missing { key: key.name, missing });
        }
    }

    pub(super) fn conflict(&mut self, key: &'static Key, conflict: Conflict) {
        let (items, origin) = self.given(key);
        self.problems.push(Problem::Conflict { key: key.name, given: items.join(","), origin, conflict });
    }

    /// Notes the value of a key as it was written, for people.
    fn note(&mut self, key: &'static Key) {
        let (whole, origin) = self.given(key);
        self.put(key, whole, origin);
    }

    /// Notes what a key came to.
    pub(super) fn show<T: Display>(&mut self, key: &'static Key, values: impl Iterator<Item = T>) {
        let whole = values.map(|value| value.to_string()).collect();
        let origin = self.given(key).1;
        self.put(key, whole, origin);
    }

    fn put(&mut self, key: &'static Key, whole: Vec<String>, origin: Origin) {
        let values = whole.iter().map(|value| public(value)).collect();
        self.rows.insert(key.name, Row { key: key.name, values, origin, reason: None, whole });
    }

    /// Notes why a key came to what was shown.
    pub(super) fn explain(&mut self, key: &'static Key, reason: String) {
        if let Some(row) = self.rows.get_mut(key.name) {
            row.reason = Some(reason);
        }
    }
}

/// A value for people, which is pasted elsewhere: no key that stands where its file should, and of a URL, or of what may be a
/// mistyped one, what is no secret.
pub(super) fn public(value: &str) -> String {
    if is_secret_key(value) {
        return "a key, which is not shown".to_owned();
    }
    if value.contains("://") || value.contains('@') { without_secrets(value) } else { value.to_owned() }
}

/// Whether it is a private key or a mesh key itself.
pub(super) fn is_secret_key(value: &str) -> bool {
    const HEX: usize = 64;
    value.contains("privkey:") || (value.len() == HEX && value.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
