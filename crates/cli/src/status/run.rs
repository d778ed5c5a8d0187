//! The arguments, and what is printed.

use std::path::PathBuf;

use serde::Serialize;
use wherry_server::{admin::Status, config::Environment};

use super::{
    address::address,
    ask::{AskError, ask},
    table::{Rate, rows, summary, table},
};
use crate::{
    derper,
    failure::{Failure, SystemError},
    output::{self, Form},
    runtime,
};

/// Arguments of `wherry status`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct StatusArgs {
    /// Private listener of the relay, its key admin [env: WHERRY_ADMIN] [default: as the file says, else 127.0.0.1:3341]
    #[arg(long, value_name = "HOST:PORT")]
    admin: Option<String>,
    /// TOML file with the relay's settings [env: WHERRY_CONFIG] [default: /etc/wherry.toml]
    #[arg(long, value_name = "FILE", conflicts_with = "admin")]
    config: Option<PathBuf>,
    /// Time between the two samples that rates are made of; 0s takes one sample and shows no rates
    #[arg(long, value_name = "TIME", default_value = "1s")]
    interval: String,
    /// Print JSON; where there is no status, an object with `error`
    #[arg(long)]
    json: bool,
}

const AFTER: &str = "\
Exit code: 0 shown, 1 no relay answers there or its admin is off, 64 the question was wrong, 78 the settings are.";

/// A time that is none.
#[derive(Debug, thiserror::Error)]
#[error("--interval <TIME>: {0:?} is not allowed; allowed: a number with its unit: 500ms, 2s, 1m")]
struct BadInterval(String);

/// Shows who is connected.
///
/// # Errors
/// [`Failure::Usage`] and [`Failure::Config`] for words that cannot be read, [`Failure::Other`] if nothing answers.
pub(crate) fn run(args: &StatusArgs, env: &Environment) -> Result<(), Failure> {
    let (before, now) = samples(args, env)
        .map_err(|failure| output::failed(failure, Form::json_if(args.json), |error| NoReport { error }))?;
    let rows = rows(before.as_ref(), &now);
    if args.json {
        let report = Report { status: &now, rates: rows.iter().filter_map(|row| row.rate).collect() };
        let text = serde_json::to_string_pretty(&report).map_err(|err| SystemError::Stdout(err.into()))?;
        return Ok(output::print(&format!("{text}\n"))?);
    }
    Ok(output::print(&(summary(&now) + &table(&rows)))?)
}

/// The status now, and what it was an interval before if rates are asked for.
fn samples(args: &StatusArgs, env: &Environment) -> Result<(Option<Status>, Status), Failure> {
    let interval = derper::parse_duration(&args.interval)
        .ok_or_else(|| Failure::Usage(BadInterval(args.interval.clone()).into()))?;
    let admin = address(args.admin.as_deref(), args.config.as_deref(), env)?;
    Ok(runtime::run(async {
        let before = ask(&admin).await?;
        if interval.is_zero() {
            return Ok((None, before));
        }
        tokio::time::sleep(interval).await;
        Ok::<_, AskError>((Some(before), ask(&admin).await?))
    })??)
}

/// What JSON says where there is no status.
#[derive(Serialize)]
struct NoReport {
    error: String,
}

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    status: &'a Status,
    rates: Vec<Rate>,
}
