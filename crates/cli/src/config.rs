//! `wherry config`: what the configuration comes to.

use std::{net::IpAddr, path::Path};

use serde::Serialize;
use wherry_client::Endpoint;
use wherry_server::{
    admission::check_list,
    clock::{Clock, NoEntropy},
    config::{CertSetting, Environment, Host, Row, Survey, reference as config_reference},
    metrics::metrics_reference,
    tls::{CertStatus, Certs, Doubt, TlsError},
};
use wherry_tools::remedy::{self, Situation, Tool};
use wherry_wire::{derp_map::decode, key::NodePrivate};

use crate::{
    failure::{Failure, Mistakes, SystemError},
    map, output,
    settings::Asked,
    unit,
};

/// Checks the configuration and prints each value with its origin, also if some are wrong.
pub(crate) fn check(asked: Asked, env: &Environment, json: bool) -> Result<(), Failure> {
    let file = asked.sources.file.clone();
    let (flags, mut problems, survey) = match asked.load() {
        Ok(effective) => (Box::default(), Vec::new(), effective.survey),
        Err(Mistakes { flags, problems, survey, .. }) => (flags, lines(&problems), survey),
    };
    let (mistakes, mut warnings) = look_into_files(&survey)?;
    problems.extend(mistakes);
    warnings.extend(lines(&unit::kept(env, file.as_deref(), &survey)));
    let lines: Vec<_> = lines(&flags).into_iter().chain(problems).collect();
    if json {
        let settings = survey.rows.iter().map(Setting::of).collect();
        let report = Report { ok: lines.is_empty(), settings, problems: &lines, warnings: &warnings };
        let text = serde_json::to_string_pretty(&report).map_err(|err| SystemError::Stdout(err.into()))?;
        output::print(&format!("{text}\n"))?;
    } else if !survey.rows.is_empty() && !flags.iter().any(|flag| flag.means("config")) {
        // Values without those of the file that was meant would mislead.
        output::print(&table(&survey.rows))?;
    }
    if lines.is_empty() && !json {
        output::print(if warnings.is_empty() { ALL_IS_WELL } else { NOT_ALL_IS_WELL })?;
    }
    if !warnings.is_empty() {
        let lines = warnings.iter().map(|warning| format!("warning: {warning}"));
        output::complain(&lines.collect::<Vec<_>>().join("\n"));
    }
    match lines.is_empty() {
        true => Ok(()),
        // Flags that do not exist are no part of the configuration.
        false if !flags.is_empty() => Err(Failure::Usage(Wrong(lines).into())),
        false => Err(Failure::Config(Wrong(lines).into())),
    }
}

const ALL_IS_WELL: &str = "\nok: the relay can start with this, if its addresses are free\n";

const NOT_ALL_IS_WELL: &str = "\nno mistake, but see the warnings\n";

/// Prints a reference page.
pub(crate) fn reference(metrics: bool) -> Result<(), Failure> {
    Ok(output::print(&if metrics { metrics_reference() } else { config_reference() })?)
}

/// Everything that is wrong, a line for each.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
struct Wrong(Vec<String>);

fn lines<T: ToString>(of: &[T]) -> Vec<String> {
    of.iter().map(ToString::to_string).collect()
}

/// Looks into the files that settings name as a start would, and says what is wrong with their content, and what clients have
/// against it all the same; nothing is made or written.
fn look_into_files(survey: &Survey) -> Result<(Vec<String>, Vec<String>), Failure> {
    let list = survey.list.as_deref().and_then(|path| check_list(path).err());
    let (certificates, doubts) = match &survey.cert_dir {
        Some(folder) => match certificates(folder, survey)? {
            Ok(status) => (None, status.doubts),
            Err(err) => (Some(err.to_string()), Vec::new()),
        },
        None => (None, Vec::new()),
    };
    let own = list.map(|err| err.to_string()).into_iter().chain(certificates);
    let warnings = doubts.iter().map(|doubt| format!("{doubt}; {}", remedy(doubt))).collect();
    Ok((own.chain(included_maps(survey)).collect(), warnings))
}

/// What to do about a certificate that clients refuse.
pub(crate) fn remedy(doubt: &Doubt) -> String {
    let endpoint: Result<Endpoint, _> = match &doubt.host {
        Host::Ip(IpAddr::V6(ip)) => format!("https://[{ip}]"),
        host => format!("https://{host}"),
    }
    .parse();
    let tool = Tool::Doctor { key: None };
    endpoint.map_or_else(
        |_| remedy::LOG.to_owned(),
        |endpoint| remedy::certificate(doubt.fault, &Situation { endpoint: &endpoint, tool, seen_pin: None }),
    )
}

/// What `wherry map check` finds in the files of `map.include`; with such a mistake a relay that never read a better one
/// serves no map. A file that cannot be read was told before.
fn included_maps(survey: &Survey) -> Vec<String> {
    let files = survey.rows.iter().filter(|row| row.key == "map.include").flat_map(|row| &row.values);
    let files = files.filter(|value| !value.contains("://"));
    let read = files.filter_map(|file| Some((file, std::fs::read(file).ok()?)));
    let mistakes = |(file, bytes): (&String, _)| match decode(bytes) {
        Ok(text) => map::read(file, &text).err().unwrap_or_default(),
        Err(err) => vec![format!("{file}: {err}, so it is no map; check the path")],
    };
    read.flat_map(mistakes).collect()
}

/// The certificates of a folder as a start would have them, or what keeps it from starting.
pub(crate) fn certificates(
    folder: &Path,
    survey: &Survey,
) -> Result<Result<CertStatus, TlsError>, NoEntropy> {
    let hostnames = survey.rows.iter().filter(|row| row.key == "hostname").flat_map(|row| &row.values);
    let hostnames: Vec<_> = hostnames.filter_map(|name| Host::parse(name).ok()).collect();
    let clock = Clock::start();
    // Any key will do: it goes into the meta certificate, which is thrown away here.
    let key = NodePrivate::generate(clock.random()?).public();
    let folder = CertSetting::Dir(folder.to_owned());
    Ok(Certs::open(&folder, &hostnames, &key, clock).map(|certs| certs.status()))
}

fn table(rows: &[Row]) -> String {
    let heading = ["key", "value", "from"].map(str::to_owned);
    let from = |row: &Row| match &row.reason {
        Some(reason) => format!("{}: {reason}", row.origin),
        None => row.origin.to_string(),
    };
    let rows = rows.iter().map(|row| [row.key.to_owned(), row.value(), from(row)]);
    output::table(&std::iter::once(heading).chain(rows).collect::<Vec<_>>(), [false; 3])
}

#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    settings: Vec<Setting>,
    problems: &'a [String],
    warnings: &'a [String],
}

#[derive(Serialize)]
struct Setting {
    key: &'static str,
    values: Vec<String>,
    from: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Setting {
    fn of(row: &Row) -> Self {
        let (values, reason) = (row.values.clone(), row.reason.clone());
        Self { key: row.key, values, from: row.origin.to_string(), reason }
    }
}
