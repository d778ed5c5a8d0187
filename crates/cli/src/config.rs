//! `wherry config`: what the configuration comes to.

use serde::Serialize;
use wherry_server::{
    admission::check_list,
    clock::Clock,
    config::{Admit, CertSetting, Problems, Row, Settings, reference as config_reference},
    metrics::metrics_reference,
    tls::Certs,
};
use wherry_wire::key::NodePrivate;

use crate::{
    args::Asked,
    failure::{Failure, SystemError},
    output,
};

/// Checks the configuration and prints each value with its origin.
pub(crate) fn check(asked: Asked, json: bool) -> Result<(), Failure> {
    let loaded = asked.load().map_err(|failure| match failure {
        // What is wrong is the configuration, wherever it was written; flags that do not exist are not part of it.
        Failure::Usage(problems) if problems.is::<Problems>() => Failure::Config(problems),
        other => other,
    });
    let checked = loaded.and_then(|effective| {
        check_files(&effective.settings)?;
        Ok(effective.rows)
    });
    if !json {
        return Ok(output::print(&table(&checked?))?);
    }
    let report = match &checked {
        Ok(rows) => Report { settings: rows.iter().map(Setting::of).collect(), problems: Vec::new() },
        Err(failure) => Report {
            settings: Vec::new(),
            problems: failure.to_string().lines().map(str::to_owned).collect(),
        },
    };
    let text = serde_json::to_string_pretty(&report).map_err(|err| SystemError::Stdout(err.into()))?;
    output::print(&format!("{text}\n"))?;
    checked.map(drop)
}

/// Prints a reference page.
pub(crate) fn reference(metrics: bool) -> Result<(), Failure> {
    Ok(output::print(&if metrics { metrics_reference() } else { config_reference() })?)
}

/// Everything that is wrong with the content of files.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
struct BadFiles(Vec<String>);

/// Looks into the files that settings name as a start would; nothing is made or written.
fn check_files(settings: &Settings) -> Result<(), Failure> {
    let list = match &settings.admit {
        Admit::List(path) => check_list(path).err().map(|err| err.to_string()),
        _ => None,
    };
    let bad: Vec<_> = list.into_iter().chain(check_certificates(settings)?).collect();
    if bad.is_empty() { Ok(()) } else { Err(Failure::Config(BadFiles(bad).into())) }
}

/// What is wrong with the certificates of a folder.
fn check_certificates(settings: &Settings) -> Result<Option<String>, Failure> {
    let Some(cert @ CertSetting::Dir(_)) = &settings.cert else { return Ok(None) };
    let clock = Clock::start();
    // Any key will do: it goes into the meta certificate, which is thrown away here.
    let key = NodePrivate::generate(clock.random()?).public();
    Ok(Certs::open(cert, &settings.hostnames, &key, clock).err().map(|err| err.to_string()))
}

fn table(rows: &[Row]) -> String {
    let heading = ["key", "value", "from"].map(str::to_owned);
    let value = |row: &Row| if row.values.is_empty() { "-".to_owned() } else { row.values.join(", ") };
    let rows = rows.iter().map(|row| [row.key.to_owned(), value(row), row.origin.to_string()]);
    output::table(&std::iter::once(heading).chain(rows).collect::<Vec<_>>(), [false; 3])
}

#[derive(Serialize)]
struct Report {
    settings: Vec<Setting>,
    problems: Vec<String>,
}

#[derive(Serialize)]
struct Setting {
    key: &'static str,
    values: Vec<String>,
    from: String,
}

impl Setting {
    fn of(row: &Row) -> Self {
        Self { key: row.key, values: row.values.clone(), from: row.origin.to_string() }
    }
}
