//! Where a value can come from, and which one wins: flag, environment, file, `--dev`, default.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use toml::de::{DeTable, DeValue};

use super::{
    Problem, ValueError,
    key::{Key, PREFIX, Shape, bare},
    problem::nearest,
    register::{KEYS, key},
};

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// On the command line.
    Flag {
        /// The flag without its dashes.
        name: String,
    },
    /// In the environment.
    Env {
        /// The variable.
        name: String,
    },
    /// In the file.
    File {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
    },
    /// Implied by `--dev`.
    Dev,
    /// Nowhere.
    Default,
}

impl Origin {
    /// Whether nobody wrote the value: it is a default or what `--dev` implies.
    #[must_use]
    pub fn is_preset(&self) -> bool {
        matches!(self, Self::Default | Self::Dev)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag { name } => write!(f, "flag --{name}"),
            Self::Env { name } => write!(f, "environment {name}"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Dev => f.write_str("--dev"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A flag from the command line.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "made by whoever parses the command line")]
pub struct Flag {
    /// The key it sets.
    pub key: &'static Key,
    /// Its values, in order.
    pub values: Vec<String>,
}

/// Everything a configuration is made from.
#[derive(Clone, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "made by whoever parses the command line")]
pub struct Sources {
    /// Flags given.
    pub flags: Vec<Flag>,
    /// The environment.
    pub env: Environment,
    /// The file to read, if any.
    pub file: Option<PathBuf>,
    /// Whether `--dev` was given.
    pub dev: bool,
    /// Whether something was written besides that could not be made sense of: a key that seems not set may be.
    pub incomplete: bool,
}

/// The environment of the process, as far as settings depend on it.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<String, Option<String>>,
    root: bool,
}

impl Environment {
    /// The environment of this process. A variable that is set but empty counts as not set, which is what
    /// `${NAME:-}` in a compose file means.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn of_process() -> Self {
        let variables = std::env::vars_os()
            .filter(|(_, value)| !value.is_empty())
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok())))
            .collect();
        Self { variables, root: nix::unistd::geteuid().is_root() }
    }

    /// An environment of these variables, for tests and tools; not of root.
    #[must_use]
    pub fn of<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let variables =
            variables.into_iter().map(|(name, value)| (name.to_owned(), Some(value.to_owned()))).collect();
        Self { variables, root: false }
    }

    /// The value of a variable, if it is set, not empty and Unicode.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&str> {
        self.variables.get(name)?.as_deref()
    }

    /// Whether the process runs as root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.root
    }

    /// The folder for state if none is set: what systemd gives, root's, or the user's.
    #[must_use]
    pub fn state_dir(&self) -> Option<PathBuf> {
        if let Some(dir) = self.var("STATE_DIRECTORY") {
            // systemd separates several by a colon; the first is ours.
            return dir.split(':').next().map(PathBuf::from);
        }
        if self.root {
            return Some("/var/lib/wherry".into());
        }
        let absolute = |name| self.var(name).map(Path::new).filter(|path| path.is_absolute());
        absolute("XDG_STATE_HOME")
            .map(|dir| dir.join("wherry"))
            .or_else(|| absolute("HOME").map(|home| home.join(".local/state/wherry")))
    }
}

/// A value as written, and where.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) items: Vec<String>,
    pub(super) origin: Origin,
}

/// The winning value of each key that was written anywhere.
pub(super) fn merge(sources: &Sources, problems: &mut Vec<Problem>) -> BTreeMap<&'static str, Given> {
    let mut written = BTreeMap::new();
    if let Some(path) = &sources.file {
        read_file(path, &mut written, problems);
    }
    read_env(&sources.env, &mut written, problems);
    for flag in &sources.flags {
        let origin = Origin::Flag { name: flag.key.flag() };
        let items = flag.values.iter().flat_map(|value| split(flag.key, value)).collect();
        written.insert(flag.key.name, Given { items, origin });
    }
    written
}

fn split(key: &Key, value: &str) -> Vec<String> {
    match key.shape {
        Shape::Many => value.split(',').map(|item| item.trim().to_owned()).collect(),
        Shape::One | Shape::Switch => vec![value.to_owned()],
    }
}

fn read_env(env: &Environment, written: &mut BTreeMap<&'static str, Given>, problems: &mut Vec<Problem>) {
    let ours = env.variables.iter().filter(|(name, _)| name.starts_with(PREFIX) && !is_foreign(name));
    for (name, value) in ours {
        let origin = Origin::Env { name: name.clone() };
        let Some(key) = KEYS.iter().find(|key| key.env() == *name) else {
            let known: Vec<String> = KEYS.iter().map(|key| key.env()).collect();
            let near = nearest(bare(name), known.iter().map(|known| bare(known)));
            let near = near.or_else(|| of_derper(bare(name)).map(str::to_uppercase));
            let suggestion = near.map(|near| format!("{PREFIX}{near}"));
            problems.push(Problem::UnknownKey { name: name.clone(), origin, suggestion });
            continue;
        };
        match value {
            Some(value) => {
                written.insert(key.name, Given { items: split(key, value), origin });
            }
            None => problems.push(bad(key, "…", origin, ValueError::NotUnicode)),
        }
    }
}

/// Variables with our prefix that are not settings: the file's own name, what the test suites of this repository are
/// told by, and what Kubernetes and Docker put into every container beside a service named `wherry`.
fn is_foreign(name: &str) -> bool {
    const EXACT: [&str; 8] =
        ["CONFIG", "PORT", "BIN", "DERPER", "REQUIRE_ALL", "SIBLING_CMD", "SUBJECT", "SUBJECT_CMD"];
    const PREFIXES: [&str; 4] = ["TEST_", "PORT_", "SERVICE_", "ENV_"];
    let rest = bare(name);
    EXACT.contains(&rest) || PREFIXES.iter().any(|prefix| rest.starts_with(prefix))
}

fn read_file(path: &Path, written: &mut BTreeMap<&'static str, Given>, problems: &mut Vec<Problem>) {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(err) => return problems.push(Problem::Unreadable { path: path.to_owned(), err }),
    };
    let line = |at: usize| text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
    let (table, errors) = DeTable::parse_recoverable(&text);
    for err in &errors {
        problems.push(Problem::Syntax {
            path: path.to_owned(),
            line: err.span().map_or(1, |span| line(span.start)),
            message: said(err.message(), err.span().and_then(|span| text.get(span))),
        });
    }
    if !errors.is_empty() {
        // What the parser makes of the rest is a guess.
        return;
    }
    let origin = |at| Origin::File { path: path.to_owned(), line: line(at) };
    read_table(table.get_ref(), "", &origin, written, problems);
}

/// What the parser says as one line, with the key `at` its place where it speaks of one.
fn said(message: &str, at: Option<&str>) -> String {
    let line = message.lines().collect::<Vec<_>>().join(", ");
    match at {
        Some(at) if line == "duplicate key" => {
            format!("{line} `{at}`; all of it must stand in one place")
        }
        _ => line,
    }
}

fn read_table(
    table: &DeTable<'_>,
    prefix: &str,
    origin: &dyn Fn(usize) -> Origin,
    written: &mut BTreeMap<&'static str, Given>,
    problems: &mut Vec<Problem>,
) {
    for (word, value) in table {
        let name = format!("{prefix}{}", word.get_ref());
        let origin_here = origin(word.span().start);
        match (key(&name), value.get_ref()) {
            (Some(key), value) => match items(value) {
                Ok(items) => {
                    written.insert(key.name, Given { items, origin: origin_here });
                }
                Err(kind) => problems.push(bad(key, kind, origin_here, ValueError::Kind { kind })),
            },
            (None, DeValue::Table(inner)) if is_table(&name) => {
                read_table(inner, &format!("{name}."), origin, written, problems);
            }
            (None, value) if !prefix.is_empty() && belongs_above(word.get_ref(), value) => {
                let table = prefix.trim_end_matches('.').to_owned();
                let name = match value {
                    DeValue::Table(inner) => {
                        inner.keys().next().map(|key| format!("{}.{}", word.get_ref(), key.get_ref()))
                    }
                    _ => None,
                };
                let name = name.unwrap_or_else(|| word.get_ref().to_string());
                problems.push(Problem::Misplaced { name, table, origin: origin_here });
            }
            (None, _) => {
                let suggestion = match is_table(&name) {
                    true => Some(format!("[{name}]")),
                    false => nearest(&name, known_names()).or_else(|| of_derper(&name).map(str::to_owned)),
                };
                problems.push(Problem::UnknownKey { name, origin: origin_here, suggestion });
            }
        }
    }
}

/// The key that does what a flag of `derper` does.
fn of_derper(name: &str) -> Option<&'static str> {
    Some(match name.to_lowercase().replace('-', "_").as_str() {
        "a" | "addr" | "address" | "port" => "listen",
        "http_port" => "http",
        "stun_port" => "stun",
        "verify_clients" | "verify_client_url" => "admit",
        "certdir" | "certs" => "cert_dir",
        "certmode" | "cert_mode" => "self_signed",
        "domain" => "hostname",
        "mesh_psk_file" => "mesh_key_file",
        _ => return None,
    })
}

/// Whether `word`, found in a table, is a key that belongs above all tables.
fn belongs_above(word: &str, value: &DeValue<'_>) -> bool {
    key(word).is_some() || (matches!(value, DeValue::Table(_)) && is_table(word))
}

fn is_table(name: &str) -> bool {
    KEYS.iter().any(|key| key.name.split_once('.').is_some_and(|(table, _)| table == name))
}

fn known_names() -> impl Iterator<Item = &'static str> {
    KEYS.iter().flat_map(|key| [Some(key.name), key.name.split_once('.').map(|(table, _)| table)]).flatten()
}

/// The items of an array, or the one value; the error is what TOML calls what it is instead.
fn items(value: &DeValue<'_>) -> Result<Vec<String>, &'static str> {
    match value {
        DeValue::Array(array) => array.iter().map(|item| scalar(item.get_ref())).collect(),
        value => scalar(value).map(|item| vec![item]),
    }
}

fn scalar(value: &DeValue<'_>) -> Result<String, &'static str> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) => Ok(number.to_string()),
        DeValue::Float(number) => Ok(number.to_string()),
        DeValue::Boolean(state) => Ok(state.to_string()),
        DeValue::Datetime(_) => Err("a date"),
        DeValue::Array(_) => Err("a nested array"),
        DeValue::Table(_) => Err("a table"),
    }
}

fn bad(key: &'static Key, given: &str, origin: Origin, why: ValueError) -> Problem {
    Problem::BadValue { key: key.name, given: given.to_owned(), origin, why, takes: key.takes }
}
