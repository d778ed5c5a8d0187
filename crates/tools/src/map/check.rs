//! From texts to findings.

use wherry_wire::derp_map::DerpMap;

use super::finding::{At, Finding, Place, Rule, Severity};
use super::judge::{Destination, judge};
use super::outline::{Outline, Pen, Sense, outline};
use super::read::{Form, Sign, Text, Unread, conflict, leftover, parse, sign, unquoted};
use super::source::{Origin, Source};

/// A text that was read and judged.
#[derive(Debug, Clone)]
pub struct Checked {
    /// File name, URL, or `stdin`.
    pub source: String,
    /// The map with the fields that its readers take, as far as it could be read; none if there is no map.
    pub map: Option<DerpMap>,
    /// What is wrong, in the order of the lines.
    pub findings: Vec<Finding>,
    /// The same map with its places.
    pub(super) outline: Option<Outline>,
}

/// A text that was read.
struct Read {
    text: Text,
    /// As its readers have it.
    written: Outline,
    /// As it is judged.
    meant: Outline,
}

impl Checked {
    /// Whether anything is wrong that clients or control planes fail on.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// Whether its readers refuse the whole text, so that no client has anything of the map.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        let is_yaml = self.outline.as_ref().is_some_and(|outline| outline.form == Form::Yaml);
        self.findings.iter().any(|finding| match finding.rule {
            Rule::WrongType => true,
            Rule::DuplicateKey => is_yaml,
            _ => false,
        })
    }

    /// Adds what was found later, each finding at its line.
    pub(super) fn add(&mut self, pen: Pen) {
        self.findings.extend(pen.findings);
        // Stable: what stands at one place stays in the order in which the rules found it.
        self.findings.sort_by_key(|finding| finding.place.at);
    }
}

/// Reads a text as a map and writes down what keeps it from being read: its syntax, its keys, its types.
#[must_use]
pub fn load(source: &Source) -> Checked {
    let mut pen = Pen::default();
    let written = read(source, &mut pen).map(|read| read.written);
    finish(source, written, pen)
}

/// Reads a text as a map and writes down everything that is wrong, without asking the network. `destination` is who is
/// going to read the map; where nothing is said, it is guessed.
#[must_use]
pub fn check(source: &Source, destination: Option<Destination>) -> Checked {
    let mut pen = Pen::default();
    let read = read(source, &mut pen);
    let written = read.map(|Read { text, written, meant }| {
        let destination = destination.or_else(|| guess(source, &meant));
        judge(&meant, &text, destination, &mut pen);
        written
    });
    finish(source, written, pen)
}

fn read(source: &Source, pen: &mut Pen) -> Option<Read> {
    if let Some(sign) = conflict(&source.text) {
        note(source, sign, pen);
        return None;
    }
    let place = |at| Place { source: source.name.clone(), at, ..Place::default() };
    let begin = source.text.trim_start_matches('\u{feff}').trim_start();
    // Two of them are a merge of YAML, or of git.
    if begin.starts_with('<') && !begin.starts_with("<<") {
        let (found, cure) = match source.origin {
            Origin::Url => (
                "the URL answers with a web page",
                "check the URL's path: a login page, an error page or the page of a repository is no map (there, take the \
                 address of the raw file)",
            ),
            _ => ("it is a web page or XML", "give the map itself, not the page that shows it"),
        };
        pen.note(Rule::WebPage, place(Some(At { line: 1, column: 1 })), found, "a map in JSON or YAML", cure);
        return None;
    }
    let (form, parsed) = parse(&source.text);
    match parsed {
        Ok(text) => {
            let meant = outline(&text, &source.name, Sense::Meant, pen)?;
            // All that is wrong was written down the first time.
            let written = outline(&text, &source.name, Sense::Written, &mut Pen::default())?;
            Some(Read { text, written, meant })
        }
        Err(Unread { at, reason }) => {
            let in_yaml = || unquoted(&source.text, at).filter(|_| form == Form::Yaml);
            let sign = sign(&source.text, at, form).or_else(|| leftover(&source.text, at));
            if let Some(sign) = sign.or_else(in_yaml) {
                note(source, sign, pen);
                return None;
            }
            let (expected, cure) = match form {
                Form::Json => ("JSON", "correct it here; what follows was not looked at"),
                Form::Yaml => (
                    "YAML, indented by spaces",
                    "correct it here, or on the line before or after; what follows was not looked at",
                ),
            };
            pen.note(Rule::Syntax, place(Some(at)), reason, expected, cure);
            None
        }
    }
}

fn note(source: &Source, sign: Sign, pen: &mut Pen) {
    let Sign { at, found, expected, cure } = sign;
    let place = Place { source: source.name.clone(), at: Some(at), ..Place::default() };
    pen.note(Rule::Syntax, place, found, expected, cure);
}

fn guess(source: &Source, outline: &Outline) -> Option<Destination> {
    let is_yaml_file = [".yaml", ".yml"].iter().any(|ending| source.name.ends_with(ending));
    match (source.origin, outline.form) {
        _ if outline.is_policy => Some(Destination::Policy),
        (Origin::Url, _) => Some(Destination::HeadscaleUrls),
        (_, Form::Yaml) => Some(Destination::HeadscalePaths),
        (Origin::File, Form::Json) if is_yaml_file => Some(Destination::HeadscalePaths),
        _ => None,
    }
}

fn finish(source: &Source, outline: Option<Outline>, pen: Pen) -> Checked {
    let map = outline.as_ref().map(Outline::to_map);
    let mut checked = Checked { source: source.name.clone(), map, findings: Vec::new(), outline };
    checked.add(pen);
    checked
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
