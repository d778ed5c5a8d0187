//! `wherry config`: what the configuration comes to.

use serde::Serialize;
use wherry_server::{
    clock::Clock,
    config::{CertSetting, NodeKeySource, Problems, Row, Settings, reference as config_reference},
    metrics::metrics_reference,
    tls::Certs,
};

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
        check_certificates(&effective.settings)?;
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

/// Certificates of a folder are looked at as a start would; nothing is made or written.
fn check_certificates(settings: &Settings) -> Result<(), Failure> {
    let Some(cert @ CertSetting::Dir(_)) = &settings.cert else { return Ok(()) };
    let clock = Clock::start();
    // Any key will do: it goes into the meta certificate, which is thrown away here.
    let Ok(key) = NodeKeySource::Ephemeral.load(clock.random()?) else { return Ok(()) };
    Certs::open(cert, &settings.hostnames, &key.public(), clock)?;
    Ok(())
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
