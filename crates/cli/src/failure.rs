//! What can go wrong for a user, and the exit code it gets. Rooms say themselves which class their errors are of.

use std::{error::Error, io};

use wherry_server::{
    clock::NoEntropy,
    config::{Origin, Problem, Problems},
    run::StartError,
};

/// Why a command did not do what was asked. Its text is one line for each thing that is wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A mistake on the command line.
    #[error(transparent)]
    Usage(Box<dyn Error>),
    /// A mistake in the configuration.
    #[error(transparent)]
    Config(Box<dyn Error>),
    /// Anything else.
    #[error(transparent)]
    Other(Box<dyn Error>),
}

impl Failure {
    /// The exit code, as sysexits.h has it.
    pub(crate) const fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => 64,
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

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        if problems.all.iter().all(is_bad_flag) {
            Self::Usage(problems.into())
        } else {
            Self::Config(problems.into())
        }
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
