//! What is examined: a relay, a map, or a configuration.

use std::path::{Path, PathBuf};

use thiserror::Error;
use wherry_server::config::{Environment, Origin, Survey};

use super::args::DoctorArgs;
use crate::settings::{USUAL, usual};
use crate::subject;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// A relay on this host, by this file and the environment.
    Host(Option<PathBuf>),
    Map(String),
    Relay(String),
}

/// Nothing was asked for.
#[derive(Debug, Error)]
#[error(
    "nothing to examine: name a relay, a map or a configuration (there is no {USUAL}, and WHERRY_CONFIG is not set)"
)]
pub(super) struct NoQuestion;

impl Question {
    pub(super) fn of(args: &DoctorArgs, env: &Environment) -> Self {
        match (&args.config, &args.what) {
            (Some(file), _) => Self::Host(Some(file.clone())),
            (None, Some(words)) => Self::of_words(words),
            (None, None) => Self::Host(usual(env, Path::new(USUAL))),
        }
    }

    fn of_words(words: &str) -> Self {
        let is_url = words.contains("://");
        if !is_url && words.ends_with(".toml") {
            return Self::Host(Some(words.into()));
        }
        let is_web = ["http://", "https://"].iter().any(|scheme| words.starts_with(scheme));
        let is_file = || Path::new(words).exists() && !Path::new(words).is_dir();
        let is_map = match is_url {
            true => is_web && !subject::leads_to_derp(words),
            false => words == "-" || words.trim_start().starts_with('{') || is_file(),
        };
        if is_map { Self::Map(words.to_owned()) } else { Self::Relay(words.to_owned()) }
    }
}

/// Whether anybody wrote a setting of a relay down: how it logs and where it is asked are other tools' settings too.
pub(super) fn is_asked(file: Option<&PathBuf>, survey: &Survey) -> bool {
    let is_of_relay =
        |key: &str| !["log", "admin"].iter().any(|room| key.split(['.', '_']).next() == Some(room));
    let rows = || survey.rows.iter().filter(|row| is_of_relay(row.key));
    file.is_some() || rows().any(|row| matches!(row.origin, Origin::Env { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wherry_server::config::{Sources, load};

    #[test]
    fn words_are_a_relay_a_map_or_a_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("derp.yaml");
        std::fs::write(&file, "").unwrap();
        let file = file.to_str().unwrap();
        let relay = |words: &str| Question::Relay(words.to_owned());
        let map = |words: &str| Question::Map(words.to_owned());
        for words in
            ["relay.example", "https://relay.example/", "http://10.0.0.7:3340/derp", "wss://r.example/x"]
        {
            assert_eq!(Question::of_words(words), relay(words));
        }
        for words in ["https://relay.example/derpmap.json", "-", "{\"HostName\":\"x\"}", file] {
            assert_eq!(Question::of_words(words), map(words));
        }
        assert_eq!(Question::of_words("gone.toml"), Question::Host(Some("gone.toml".into())));
    }

    #[test]
    fn a_log_level_in_the_environment_is_no_relay() {
        let is_asked = |vars: &[(&'static str, &'static str)]| {
            let env = Environment::of(vars.iter().copied());
            let survey = load(&Sources { env, ..Sources::default() })
                .map_or_else(|wrong| wrong.survey, |good| good.survey);
            is_asked(None, &survey)
        };
        assert!(!is_asked(&[
            ("WHERRY_LOG", "debug"),
            ("WHERRY_LOG_FORMAT", "json"),
            ("WHERRY_ADMIN", "off")
        ]));
        assert!(is_asked(&[("WHERRY_HOSTNAME", "relay.example")]));
    }
}
