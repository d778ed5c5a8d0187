//! The flags of the settings, for every command that takes them.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, FromArgMatches};
use wherry_server::config::{Effective, Environment, Flag, KEYS, Key, Problems, Shape, Sources, load};

use crate::failure::Mistakes;
use crate::sift::UnknownFlag;

/// Where the unit that comes with the relay has its settings.
pub(crate) const USUAL: &str = "/etc/wherry.toml";

/// The file that is meant where none is named.
pub(crate) fn usual(env: &Environment, file: &Path) -> Option<PathBuf> {
    env.var("WHERRY_CONFIG").map(PathBuf::from).or_else(|| file.is_file().then(|| file.to_owned()))
}

/// Flags of the settings, made from the register of keys.
#[derive(Debug, Default)]
pub(crate) struct SettingArgs {
    file: Option<PathBuf>,
    dev: bool,
    flags: Vec<Flag>,
    unknown: Vec<UnknownFlag>,
}

impl SettingArgs {
    /// No flag but this file, if any.
    pub(crate) fn of_file(file: Option<PathBuf>) -> Self {
        Self { file, ..Self::default() }
    }

    /// The same with flags that do not exist.
    pub(crate) fn marked(self, unknown: Vec<UnknownFlag>) -> Self {
        Self { unknown, ..self }
    }

    /// Whether any was given.
    pub(crate) fn are_given(&self) -> bool {
        self.file.is_some() || self.dev || !self.flags.is_empty()
    }

    /// The same with the file that a word names.
    pub(crate) fn with_file(self, file: Option<PathBuf>) -> Self {
        Self { file: file.or(self.file), ..self }
    }

    /// Where settings come from. The usual file is for who says nothing at all.
    pub(crate) fn sources(self, env: &Environment) -> Asked {
        let is_said = self.are_given()
            || !self.unknown.is_empty()
            || KEYS.iter().any(|key| env.var(&key.env()).is_some());
        let file = self.file.or_else(|| match is_said {
            true => env.var("WHERRY_CONFIG").map(PathBuf::from),
            false => usual(env, Path::new(USUAL)),
        });
        let incomplete = !self.unknown.is_empty();
        let sources = Sources { flags: self.flags, env: env.clone(), file, dev: self.dev, incomplete };
        Asked { sources, unknown: self.unknown }
    }
}

/// The sources of settings, and flags that are none.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) sources: Sources,
    pub(crate) unknown: Vec<UnknownFlag>,
}

impl Asked {
    /// Checked settings.
    pub(crate) fn load(self) -> Result<Effective, Mistakes> {
        let flags = self.unknown.into_boxed_slice();
        match load(&self.sources) {
            Ok(effective) if flags.is_empty() => Ok(effective),
            Ok(Effective { survey, .. }) => {
                Err(Mistakes { flags, problems: Vec::new(), survey, settings: None })
            }
            Err(Problems { all, survey, settings, .. }) => {
                Err(Mistakes { flags, problems: all, survey, settings })
            }
        }
    }
}

impl FromArgMatches for SettingArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let values = |key: &Key| matches.get_many::<String>(key.name).map(|values| values.cloned().collect());
        let flags = KEYS.iter().filter_map(|&key| Some(Flag { key, values: values(key)? })).collect();
        let file = matches.get_one::<PathBuf>("config").cloned();
        Ok(Self { file, dev: matches.get_flag("dev"), flags, unknown: Vec::new() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for SettingArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        let file = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help("TOML file with settings [env: WHERRY_CONFIG] [default: /etc/wherry.toml, where no setting is given]");
        let dev = Arg::new("dev")
            .long("dev")
            .action(ArgAction::SetTrue)
            .help("Take defaults for one's own machine: loopback, self-signed, open to anybody, STUN");
        KEYS.iter().fold(command.arg(file).arg(dev), |command, key| command.arg(setting(key)))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

fn setting(key: &'static Key) -> Arg {
    // Repeated flags that may not be are the checker's to complain about, beside everything else.
    let arg = Arg::new(key.name).long(key.flag()).action(ArgAction::Append).value_name(key.value_name);
    let arg = match key.shape {
        Shape::Switch => arg.num_args(0..=1).require_equals(true).default_missing_value("true"),
        _ => arg.allow_hyphen_values(false),
    };
    let default = match key.default {
        "" => String::new(),
        default => format!(" [default: {default}]"),
    };
    let heading = match key.name.split_once('.') {
        Some(("map", _)) => "Map",
        Some(_) => "Limits",
        None => "Settings",
    };
    arg.help(format!("{}{default}", key.summary())).help_heading(heading)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_file_is_taken_if_it_is_there_and_no_other_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let gone = file.path().with_extension("gone");
        assert_eq!(usual(&Environment::of([]), file.path()).as_deref(), Some(file.path()));
        assert_eq!(usual(&Environment::of([]), &gone), None);
        let named = Environment::of([("WHERRY_CONFIG", "other.toml")]);
        assert_eq!(usual(&named, file.path()), Some("other.toml".into()));
    }

    #[test]
    fn the_usual_file_is_not_mixed_with_what_is_said() {
        let file = |args: SettingArgs, vars: &[(&'static str, &'static str)]| {
            args.sources(&Environment::of(vars.iter().copied())).sources.file
        };
        let named = [("WHERRY_CONFIG", "mine.toml"), ("WHERRY_HOSTNAME", "r.example")];
        assert_eq!(file(SettingArgs::default(), &named), Some("mine.toml".into()));
        assert_eq!(file(SettingArgs::default(), &named[1..]), None);
        assert_eq!(file(SettingArgs { dev: true, ..SettingArgs::default() }, &[]), None);
        let both = SettingArgs::of_file(Some("flag.toml".into())).with_file(None);
        assert_eq!(file(both, &named), Some("flag.toml".into()));
    }
}
