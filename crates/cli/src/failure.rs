//! What can go wrong for a user, and the exit code it gets.

use std::{io, path::PathBuf};

use wherry_server::{
    clock::NoEntropy,
    config::{KeyFileError, Origin, Problem, Problems},
    run::StartError,
    tls::TlsError,
};

use crate::{derper::FlagProblems, sift::UnknownFlag, status::StatusError};

/// A mistake on the command line.
const USAGE: u8 = 64;
/// A mistake in the configuration.
const CONFIG: u8 = 78;
/// Anything else.
const FAILED: u8 = 1;

/// Why a command did not do what was asked. Its text is one line for each thing that is wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// clap's complaint, as it words it.
    #[error("{0}")]
    Usage(String),
    /// Flags nobody knows, and what else is wrong.
    #[error("{}", unknown_flags(.unknown, .problems.as_ref()))]
    UnknownFlags { unknown: Vec<UnknownFlag>, problems: Option<Problems> },
    #[error(transparent)]
    Settings(#[from] Problems),
    /// The same from a command whose only purpose is to look at the configuration.
    #[error("{0}")]
    Checked(Problems),
    #[error(transparent)]
    Derper(#[from] FlagProblems),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Certificates(#[from] TlsError),
    #[error("log: {0}")]
    Log(#[from] tracing_subscriber::filter::ParseError),
    #[error("cannot start: {0}")]
    Runtime(#[source] io::Error),
    #[error("{}: {err}", .path.display())]
    KeyFile { path: PathBuf, err: KeyFileError },
    #[error("{path}: no such file; make one with: wherry key new --out {path}", path = .0.display())]
    NoKeyFile(PathBuf),
    #[error("{}: exists already and stays as it is; choose another name, or remove it first", .0.display())]
    KeyFileExists(PathBuf),
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    #[error(transparent)]
    Status(#[from] StatusError),
    #[error("cannot write to stdout: {0}")]
    Stdout(#[source] io::Error),
}

impl Failure {
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::UnknownFlags { .. } | Self::Derper(_) => USAGE,
            Self::Settings(problems) if problems.all.iter().all(is_bad_flag) => USAGE,
            Self::Settings(_) | Self::Checked(_) | Self::Certificates(_) | Self::Log(_) => CONFIG,
            Self::Start(StartError::NodeKey { .. } | StartError::Admission(_) | StartError::Tls(_)) => CONFIG,
            _ => FAILED,
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

fn unknown_flags(unknown: &[UnknownFlag], problems: Option<&Problems>) -> String {
    let flags = unknown.iter().map(ToString::to_string);
    flags.chain(problems.map(ToString::to_string)).collect::<Vec<_>>().join("\n")
}
