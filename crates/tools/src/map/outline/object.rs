//! One object: which of its members are which fields.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::known::{Field, Kind, Meaning, UNMERGED, meaning, plainly, written};
use super::model::Places;
use crate::map::finding::{At, Finding, Place, Rule};
use crate::map::read::{Form, Member, Number, Tree, Value, is_placeholder, plain, shorten};

/// Where findings are written down.
#[derive(Debug, Default)]
pub(in crate::map) struct Pen {
    pub(in crate::map) findings: Vec<Finding>,
    /// Places of values of another type of which nobody can say what they were meant to be.
    pub(super) unread: BTreeSet<At>,
}

impl Pen {
    /// Writes one down.
    pub(in crate::map) fn note(
        &mut self,
        rule: Rule,
        place: Place,
        found: impl Into<String>,
        expected: impl Into<String>,
        cure: impl Into<String>,
    ) {
        let (found, expected, cure) = (found.into(), expected.into(), cure.into());
        self.findings.push(Finding { severity: rule.severity(), rule, place, found, expected, cure });
    }
}

/// Which fields of a map count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::map) enum Sense {
    /// Those that its readers take: what a client dials.
    Written,
    /// Those too that were most likely meant, so that all that is wrong with them is said at once.
    Meant,
}

/// Where an object stands: the place of each finding in it, but for its line and field.
#[derive(Debug, Clone)]
pub(super) struct Around {
    pub(super) form: Form,
    pub(super) sense: Sense,
    pub(super) place: Place,
    /// What the object is, for people.
    pub(super) what: &'static str,
}

impl Around {
    pub(super) fn at(&self, at: At) -> Place {
        Place { at: Some(at), ..self.place.clone() }
    }

    pub(super) fn field(&self, at: At, field: &str) -> Place {
        Place { field: Some(field.to_owned()), ..self.at(at) }
    }
}

/// The fields of an object.
#[derive(Debug, Default)]
pub(super) struct Fields<'t> {
    /// Values of simple fields, under Go's names.
    pub(super) simple: serde_json::Map<String, Json>,
    /// Fields with fields of their own.
    pub(super) inner: Vec<(&'static str, &'t Tree)>,
    pub(super) places: Places,
}

impl<'t> Fields<'t> {
    /// The last of that name.
    pub(super) fn inner(&self, name: &str) -> Option<&'t Tree> {
        self.all_inner(name).last()
    }

    pub(super) fn all_inner(&self, name: &str) -> impl Iterator<Item = &'t Tree> {
        self.inner.iter().filter(move |(known, _)| *known == name).map(|(_, tree)| *tree)
    }
}

/// Sorts the members of an object into the fields it may have; `elsewhere` are those of its neighbours.
pub(super) fn fields<'t>(
    tree: &'t Tree,
    known: &[Field],
    elsewhere: &[(&str, &[Field])],
    around: &Around,
    pen: &mut Pen,
) -> Fields<'t> {
    let mut fields = Fields::default();
    if !is_object(tree) {
        let expected =
            format!("{}, an object with fields such as {}", around.what, examples(known, around.form));
        let found = format!("{} is {}", around.what, tree.kind());
        pen.note(
            Rule::WrongType,
            around.at(tree.at),
            found,
            expected,
            "write the fields, each with its name",
        );
        return fields;
    }
    let mut present: Vec<_> =
        tree.members().iter().filter_map(|one| plainly(&one.key, known, around.form)).collect();
    for member in tree.members() {
        match meaning(&member.key, known, around.form, &present) {
            Meaning::Is(field) => take(field, member, &mut fields, around, pen),
            // As Tailscale's own documentation of the policy file writes it.
            Meaning::OtherCase(field) if member.key == "OmitDefaultRegions" => {
                take(field, member, &mut fields, around, pen);
            }
            Meaning::OtherCase(field) => {
                pen.note(
                    Rule::OtherCase,
                    around.field(member.at, &member.key),
                    format!("the key is written {:?}", member.key),
                    format!("{:?}", field.name),
                    "Go reads it in any case, but other readers of JSON do not: write it as Go does",
                );
                take(field, member, &mut fields, around, pen);
            }
            Meaning::MeansPerhaps(field) if around.form == Form::Yaml && UNMERGED.contains(&field.name) => {
                unmerged(field, member, around, pen);
            }
            // Such as `stun: true`, which is no port: nobody meant the field, and no reader takes it for that.
            Meaning::MeansPerhaps(field)
                if matches!(member.value.value, Value::Bool(_)) && field.kind != Kind::Switch =>
            {
                unknown(member, known, elsewhere, around, pen);
            }
            Meaning::MeansPerhaps(field) if present.contains(&field.name) => {
                spare(field, member, around, pen)
            }
            Meaning::MeansPerhaps(field) => {
                mistyped(field, member, around, pen);
                present.push(field.name);
                if around.sense == Sense::Meant {
                    take(field, member, &mut fields, around, pen);
                }
            }
            Meaning::Unknown => unknown(member, known, elsewhere, around, pen),
        }
    }
    fields
}

/// Whether it has fields; what has none was found out to be of another type.
pub(super) fn is_object(tree: &Tree) -> bool {
    matches!(tree.value, Value::Object(_))
}

fn examples(known: &[Field], form: Form) -> String {
    known.iter().take(3).map(|field| written(field.name, form)).collect::<Vec<_>>().join(", ")
}

fn take<'t>(field: Field, member: &'t Member, fields: &mut Fields<'t>, around: &Around, pen: &mut Pen) {
    if let Some(first) = fields.places.insert(field.name, member.value.at) {
        repeated(member, &member.key, field.kind, first, around, pen);
    }
    if field.kind == Kind::Inner {
        fields.inner.push((field.name, &member.value));
        return;
    }
    match simple(&member.value, field.kind, around.form) {
        Ok(value) => {
            if let (Kind::Whole, Value::Number(number)) = (field.kind, &member.value.value) {
                odd(number, member, around, pen);
            }
            drop(fields.simple.insert(field.name.to_owned(), value));
        }
        Err(expected) => {
            let written = match &member.value.value {
                Value::Text(text) => aside(text),
                _ => None,
            };
            let (also, cure) = written
                .unwrap_or_else(|| ("", cure_of_type(&member.value, field.kind, around.form).to_owned()));
            let found = format!("it is {}{also}", member.value.kind());
            pen.note(Rule::WrongType, around.field(member.value.at, &member.key), found, expected, cure);
            match meant(&member.value, field.kind) {
                Some(meant) if around.sense == Sense::Meant => {
                    drop(fields.simple.insert(field.name.to_owned(), meant));
                }
                Some(_) => {}
                None => drop(pen.unread.insert(member.value.at)),
            }
        }
    }
}

/// What is to be said of a text that somebody meant otherwise, and what to do.
fn aside(text: &str) -> Option<(&'static str, String)> {
    match plain(text) {
        Some(plain) => Some((FULL_WIDTH, format!("write {}", shorten(&plain)))),
        None if is_placeholder(text) => {
            Some((", a placeholder that nobody filled in", "write the value that it stands for".to_owned()))
        }
        None => None,
    }
}

/// What is said of letters and digits that are none of ASCII.
pub(super) const FULL_WIDTH: &str = ", in signs of a full-width keyboard";

/// What a value of another type would be without or with quotes.
fn meant(tree: &Tree, kind: Kind) -> Option<Json> {
    match (kind, &tree.value) {
        (Kind::Whole, Value::Text(text)) => {
            plain(text).as_deref().unwrap_or(text).trim().parse::<i64>().ok().map(Json::from)
        }
        (Kind::Number, Value::Text(text)) => {
            text.trim().parse().ok().filter(|value: &f64| value.is_finite()).map(Json::from)
        }
        (Kind::Switch, Value::Text(text)) => text.trim().parse::<bool>().ok().map(Json::from),
        (Kind::Text, Value::Number(number)) => Some(Json::from(number.written.clone())),
        _ => None,
    }
}

/// A number that people read otherwise than Go does.
fn odd(number: &Number, member: &Member, around: &Around, pen: &mut Pen) {
    let Some(whole) = number.whole else { return };
    let is_octal = |real| {
        number.written.trim_start_matches(['+', '-']).starts_with('0')
            && number.written.parse().is_ok_and(|decimal: f64| decimal != real)
    };
    let found = match number.real {
        Some(real) if real.fract() != 0.0 => {
            format!("it is {}, which Headscale cuts to {whole}", number.written)
        }
        Some(real) if is_octal(real) => {
            format!("it is {}, which Headscale reads as octal for its leading 0: as {whole}", number.written)
        }
        _ => return,
    };
    let cure = format!("write {whole}, or the number that was meant");
    pen.note(
        Rule::NumberOdd,
        around.field(member.value.at, &member.key),
        found,
        "a whole number as people write it",
        cure,
    );
}

/// A key that is there twice: Go's JSON takes the last, but of objects with names all members; its YAML takes none.
pub(super) fn repeated(member: &Member, field: &str, kind: Kind, first: At, around: &Around, pen: &mut Pen) {
    let effect = match (around.form, kind) {
        (Form::Json, Kind::Inner) if member.value.value != Value::Null => {
            "some readers of JSON take the last, Go's what is in both"
        }
        (Form::Json, _) => "readers of JSON silently take the last",
        (Form::Yaml, _) => "Headscale refuses the whole file",
    };
    pen.note(
        Rule::DuplicateKey,
        around.field(member.at, field),
        format!("the key is here a second time; its first value is at line {}", first.line),
        format!("each key once in {}; {effect}", around.what),
        "remove one of the two, or give it its own name",
    );
}

fn mistyped(field: Field, member: &Member, around: &Around, pen: &mut Pen) {
    let right = written(field.name, around.form);
    let effect = match around.form {
        Form::Json => "whoever reads the map passes over it in silence",
        Form::Yaml => "Headscale knows the names in lower case alone and passes over it in silence",
    };
    pen.note(
        Rule::MistypedKey,
        around.field(member.at, &shorten(&member.key)),
        format!("no field of {} has this name; {effect}", around.what),
        right.clone(),
        format!("write {right}"),
    );
}

/// Another name for a field that is there.
fn spare(field: Field, member: &Member, around: &Around, pen: &mut Pen) {
    let right = written(field.name, around.form);
    pen.note(
        Rule::UnknownKey,
        around.field(member.at, &shorten(&member.key)),
        format!("no field of {} has this name, so it has no effect; {right} is there too", around.what),
        format!("{right} alone"),
        "remove it",
    );
}

/// Headscale has no use for the field, so its name does no harm.
fn unmerged(field: Field, member: &Member, around: &Around, pen: &mut Pen) {
    let right = written(field.name, around.form);
    pen.note(
        Rule::NotMerged,
        around.field(member.at, &shorten(&member.key)),
        "Headscale takes nothing but the regions of a map: this has no effect there, and other readers know it by another name",
        format!("regions alone, or {right}"),
        format!("remove it, or write {right} for other readers"),
    );
}

fn unknown(member: &Member, known: &[Field], elsewhere: &[(&str, &[Field])], around: &Around, pen: &mut Pen) {
    let owner = elsewhere
        .iter()
        .find(|(_, fields)| !matches!(meaning(&member.key, fields, around.form, &[]), Meaning::Unknown));
    let cure = match owner {
        Some((owner, _)) => format!("it is a field of {owner}: move it there"),
        None => "remove it, or correct its name".to_owned(),
    };
    let names: Vec<_> = known.iter().map(|field| written(field.name, around.form)).collect();
    pen.note(
        Rule::UnknownKey,
        around.field(member.at, &shorten(&member.key)),
        format!("no field of {} has this name, so it has no effect", around.what),
        names.join(", "),
        cure,
    );
}

/// What is wanted in place of `.inf` and its like.
pub(super) const FINITE: &str = "a finite number, for JSON carries no other";

/// A simple value as JSON under Go's rules: null is zero.
fn simple(tree: &Tree, kind: Kind, form: Form) -> Result<Json, &'static str> {
    match (kind, &tree.value) {
        (_, Value::Null) => Ok(Json::Null),
        (Kind::Text, Value::Text(text)) => Ok(Json::from(text.clone())),
        // YAML's reader takes any word for a text.
        (Kind::Text, Value::Number(number)) if form == Form::Yaml => Ok(Json::from(number.written.clone())),
        (Kind::Text, Value::Bool(value)) if form == Form::Yaml => Ok(Json::from(value.to_string())),
        (Kind::Text, _) if form == Form::Json => Err("a text in quotes"),
        (Kind::Text, _) => Err("a text"),
        (Kind::Whole, Value::Number(number)) => {
            number.whole.map(Json::from).ok_or("a whole number without fraction and exponent")
        }
        (Kind::Whole, _) => Err("a whole number without quotes"),
        (Kind::Number, Value::Number(number)) => number.real.map(Json::from).ok_or(FINITE),
        (Kind::Number, _) => Err("a number without quotes"),
        (Kind::Switch, Value::Bool(value)) => Ok(Json::from(*value)),
        (Kind::Switch, Value::Text(text)) if form == Form::Yaml && is_old_yaml(text).is_some() => {
            Ok(Json::from(is_old_yaml(text)))
        }
        (Kind::Switch, _) => Err("true or false without quotes"),
        (Kind::Inner, _) => Err("an object or a list"),
    }
}

/// The switches of YAML 1.1, which Go's reader still takes.
fn is_old_yaml(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

fn cure_of_type(tree: &Tree, kind: Kind, form: Form) -> &'static str {
    match (&tree.value, kind) {
        (Value::Text(_), Kind::Whole | Kind::Number | Kind::Switch) if meant(tree, kind).is_some() => {
            "take away the quotes"
        }
        (Value::Text(text), Kind::Whole | Kind::Number) if form == Form::Yaml && text.contains('#') => {
            "write the number alone; a comment begins with a space and #"
        }
        (Value::Text(_), Kind::Whole | Kind::Number) => "write the number alone",
        (Value::Text(_), Kind::Switch) => "write true or false",
        (Value::Number(_) | Value::Bool(_), Kind::Text) => "put it in quotes",
        _ => "correct the value; the whole map is refused until then",
    }
}
