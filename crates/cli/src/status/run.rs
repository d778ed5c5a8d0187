//! The arguments, and what is printed.

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
    output, runtime,
};

/// Arguments of `wherry status`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct StatusArgs {
    /// Private listener of the relay, its key admin [env: WHERRY_ADMIN] [default: 127.0.0.1:3341]
    #[arg(long, value_name = "HOST:PORT")]
    admin: Option<String>,
    /// Time between the two samples that rates are made of; 0s takes one sample and shows no rates
    #[arg(long, value_name = "TIME", default_value = "1s")]
    interval: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const AFTER: &str = "\
Exit code: 0 shown, 1 no relay answers there, 64 the question was wrong, 78 WHERRY_ADMIN is.";

/// A time that is none.
#[derive(Debug, thiserror::Error)]
#[error("--interval <TIME>: {0:?} is not allowed; allowed: a number with its unit: 500ms, 2s, 1m")]
struct BadInterval(String);

/// Shows who is connected.
///
/// # Errors
/// [`Failure::Usage`] and [`Failure::Config`] for words that cannot be read, [`Failure::Other`] if nothing answers.
pub(crate) fn run(args: &StatusArgs, env: &Environment) -> Result<(), Failure> {
    let interval = derper::parse_duration(&args.interval)
        .ok_or_else(|| Failure::Usage(BadInterval(args.interval.clone()).into()))?;
    let admin = address(args.admin.as_deref(), env)?;
    let (before, now) = runtime::run(async {
        let before = ask(&admin).await?;
        if interval.is_zero() {
            return Ok((None, before));
        }
        tokio::time::sleep(interval).await;
        Ok::<_, AskError>((Some(before), ask(&admin).await?))
    })??;
    let rows = rows(before.as_ref(), &now);
    if args.json {
        let report = Report { status: &now, rates: rows.iter().filter_map(|row| row.rate).collect() };
        let text = serde_json::to_string_pretty(&report).map_err(|err| SystemError::Stdout(err.into()))?;
        return Ok(output::print(&format!("{text}\n"))?);
    }
    Ok(output::print(&(summary(&now) + &table(&rows)))?)
}

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    status: &'a Status,
    rates: Vec<Rate>,
}
