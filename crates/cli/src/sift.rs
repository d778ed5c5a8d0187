//! Flags that do not exist, found all at once.
//!
//! The parser of the command line stops at the first; somebody who mistyped two wants to hear of both, and of what is
//! wrong with the configuration besides.

use std::fmt;

use clap::{Arg, Command};

/// A flag that the command does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnknownFlag {
    /// As it was written, without a value.
    given: String,
    /// The nearest flag there is.
    suggestion: Option<String>,
}

impl UnknownFlag {
    /// Whether `flag`, without its dashes, was meant, as far as one can tell.
    pub(crate) fn means(&self, flag: &str) -> bool {
        self.suggestion.as_deref() == Some(flag)
    }
}

impl fmt::Display for UnknownFlag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown flag {}", self.given)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, "; did you mean --{suggestion}?"),
            None => f.write_str("; --help lists those there are"),
        }
    }
}

/// Takes flags that do not exist out of the arguments of `serve` and `config check`. The arguments of other commands
/// are few and left alone.
pub(crate) fn sift(argv: Vec<String>, cli: &Command) -> (Vec<String>, Vec<UnknownFlag>) {
    let words: Vec<_> = argv.iter().skip(1).take(2).map(String::as_str).collect();
    let (depth, command) = match words.as_slice() {
        ["serve", ..] => (2, cli.find_subcommand("serve")),
        ["config", "check"] => {
            (3, cli.find_subcommand("config").and_then(|config| config.find_subcommand("check")))
        }
        _ => return (argv, Vec::new()),
    };
    let Some(command) = command else { return (argv, Vec::new()) };
    let mut kept: Vec<String> = argv.iter().take(depth).cloned().collect();
    let mut unknown = Vec::new();
    let mut rest = argv.into_iter().skip(depth).peekable();
    while let Some(arg) = rest.next() {
        let (name, value) =
            arg.split_once('=').map_or((arg.as_str(), None), |(name, value)| (name, Some(value)));
        let flag = flag_of(command, name);
        let follows = value.is_none() && rest.peek().is_some_and(|next| !next.starts_with('-'));
        match flag {
            Some(flag) if takes_value(flag) && follows => {
                kept.push(arg);
                kept.extend(rest.next());
            }
            None if name.starts_with('-') && !matches!(name, "-h" | "--help" | "-" | "--") => {
                unknown.push(UnknownFlag { given: name.to_owned(), suggestion: nearest(command, name) });
                if follows {
                    rest.next();
                }
            }
            _ => kept.push(arg),
        }
    }
    (kept, unknown)
}

fn flag_of<'c>(command: &'c Command, name: &str) -> Option<&'c Arg> {
    let long = name.strip_prefix("--")?;
    command.get_arguments().find(|arg| arg.get_long() == Some(long))
}

fn takes_value(flag: &Arg) -> bool {
    flag.get_action().takes_values() && !flag.is_require_equals_set()
}

fn nearest(command: &Command, name: &str) -> Option<String> {
    let given = name.trim_start_matches('-').replace('_', "-");
    let flags = command.get_arguments().filter_map(Arg::get_long);
    let near = flags.map(|flag| (strsim::damerau_levenshtein(&given, flag), flag));
    near.filter(|(distance, flag)| *distance <= 1 + flag.len() / 5)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, flag)| flag.to_owned())
}
