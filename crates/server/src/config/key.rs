//! What a key of the configuration is.

/// How many values a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shape {
    /// One value.
    One,
    /// Any number of values: an array in the file, commas in the environment, a repeated flag.
    Many,
    /// `true` or `false`; as a flag the bare name means `true`.
    Switch,
}

/// What every variable of ours begins with.
pub(super) const PREFIX: &str = "WHERRY_";

/// The name of a variable without what all have in common, which would make everything look alike.
pub(super) fn bare(name: &str) -> &str {
    name.strip_prefix(PREFIX).unwrap_or(name)
}

/// One key of the configuration.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Key {
    /// Name in the file; a dot separates a table from its key.
    pub name: &'static str,
    /// How many values it takes.
    pub shape: Shape,
    /// Placeholder for the value in help texts.
    pub value_name: &'static str,
    /// What is allowed, as the end of an error message.
    pub takes: &'static str,
    /// The default as it would be written; empty where there is none.
    pub default: &'static str,
    /// What `--dev` writes in place of the default; empty where nothing changes.
    pub dev: &'static str,
    /// What it does, in whole sentences; the first one is the help of the flag.
    pub doc: &'static str,
}

impl Key {
    /// Name of the command line flag, without the dashes.
    #[must_use]
    pub fn flag(&self) -> String {
        self.name.replace(['.', '_'], "-")
    }

    /// Name of the environment variable.
    #[must_use]
    pub fn env(&self) -> String {
        format!("{PREFIX}{}", self.name.replace('.', "_").to_uppercase())
    }

    /// The first sentence of the documentation.
    #[must_use]
    pub fn summary(&self) -> &'static str {
        self.doc.split_once(". ").map_or(self.doc, |(first, _)| first).trim_end_matches('.')
    }
}

/// A key with nothing in it, to be written out.
pub(super) const NONE: Key =
    Key { name: "", shape: Shape::One, value_name: "", takes: "", default: "", dev: "", doc: "" };
/// What a duration may be.
pub(super) const DURATION: &str = "a number with its unit: 500ms, 10s, 5m, 1h";
