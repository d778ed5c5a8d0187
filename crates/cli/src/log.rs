//! The log subscriber: the only one, on stderr.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use wherry_server::config::{LogFormat, LogSettings};

use crate::failure::Failure;

/// Installs the subscriber for the rest of the process.
pub(crate) fn start(settings: &LogSettings) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&settings.filter).map_err(|err| Failure::Config(err.into()))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match settings.format {
        LogFormat::Json => builder.json().flatten_event(true).init(),
        _ => builder.with_ansi(io::stderr().is_terminal()).init(),
    }
    Ok(())
}
