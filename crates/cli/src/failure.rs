//! What can go wrong for a user, and the exit code it gets. Rooms say themselves which class their errors are of.

use std::{error::Error, fmt, io};

use wherry_server::{
    clock::NoEntropy,
    config::{Origin, Problem, Problems, Settings, Survey},
    run::StartError,
};

use crate::sift::UnknownFlag;

/// Why a command did not do what was asked. Its text is one line for each thing that is wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A mistake on the command line.
    #[error(transparent)]
    Usage(Box<dyn Error>),
    /// A command line that names no command: the help that lists them.
    #[error("{0}")]
    Help(String),
    /// A mistake in the configuration, or in a map that is to be used.
    #[error(transparent)]
    Config(Box<dyn Error>),
    /// A measurement that is no result; to be tried again.
    #[error(transparent)]
    NoResult(Box<dyn Error>),
    /// Anything else.
    #[error(transparent)]
    Other(Box<dyn Error>),
}

impl Failure {
    /// The exit code, as sysexits.h has it.
    pub(crate) const fn code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Help(_) => 64,
            Self::NoResult(_) => 75,
            Self::Config(_) => 78,
            Self::Other(_) => 1,
        }
    }
}

/// A step that the system refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SystemError {
    #[error("cannot start: {0}")]
    Start(#[source] io::Error),
    #[error("cannot write to stdout: {0}")]
    Stdout(#[source] io::Error),
}

impl From<SystemError> for Failure {
    fn from(error: SystemError) -> Self {
        Self::Other(error.into())
    }
}

impl From<NoEntropy> for Failure {
    fn from(error: NoEntropy) -> Self {
        Self::Other(error.into())
    }
}

/// Everything that is wrong with the settings, and what could be made out.
#[derive(Debug, thiserror::Error)]
pub(crate) struct Mistakes {
    /// Flags that do not exist.
    pub(crate) flags: Box<[UnknownFlag]>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) survey: Survey,
    /// As [`Problems::settings`].
    pub(crate) settings: Option<Box<Settings>>,
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = self.flags.iter().map(ToString::to_string);
        let lines: Vec<_> = flags.chain(self.problems.iter().map(ToString::to_string)).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl From<Mistakes> for Failure {
    fn from(mistakes: Mistakes) -> Self {
        if mistakes.flags.is_empty() && !mistakes.problems.iter().all(is_bad_flag) {
            Self::Config(mistakes.into())
        } else {
            Self::Usage(mistakes.into())
        }
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        let Problems { all, survey, settings, .. } = problems;
        Mistakes { flags: Box::default(), problems: all, survey, settings }.into()
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::NodeKey { .. } | StartError::Admission(_) | StartError::Tls(_) => {
                Self::Config(error.into())
            }
            _ => Self::Other(error.into()),
        }
    }
}

/// Whether a problem is a value on the command line and nothing else.
fn is_bad_flag(problem: &Problem) -> bool {
    matches!(
        problem,
        Problem::BadValue { origin: Origin::Flag { .. }, .. }
            | Problem::TooMany { origin: Origin::Flag { .. }, .. }
    )
}
