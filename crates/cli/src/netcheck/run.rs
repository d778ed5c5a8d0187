//! The door.

use wherry_client::{Dialer, Trust};
use wherry_tools::map::{self, Severity, Source as MapSource};
use wherry_tools::netcheck::{Checker, Options, Report, Source};
use wherry_wire::derp_map::DerpMap;

use super::args::NetcheckArgs;
use super::json::Json;
use super::text::Text;
use super::trouble::{self, BadMap, NoRelay, NoReport};
use super::words;
use super::zone::Zone;
use crate::failure::{Failure, SystemError};
use crate::map::of_source;
use crate::output::{self, Form, Reader};
use crate::runtime;
use crate::subject::{self, Named};

/// Makes reports and prints them.
///
/// # Errors
/// [`Failure::Usage`] if the question is wrong, [`Failure::Config`] if the map is, [`Failure::Other`] if it cannot be
/// had, no relay works, or the system gives no socket.
pub(crate) fn run(args: &NetcheckArgs) -> Result<(), Failure> {
    runtime::run(check(args))?
}

async fn check(args: &NetcheckArgs) -> Result<(), Failure> {
    let no_report = |failure| output::failed(failure, args.form(), |error| NoReport { error });
    let (map, mut checker) = prepare(args).await.map_err(no_report)?;
    loop {
        let report = checker.report(&map).await.map_err(|err| no_report(trouble::of_check(err)))?;
        let reader = output::offer(&shown(args, &map, &report)?)?;
        match args.every {
            Some(_) if reader == Reader::Gone => return Ok(()),
            Some(interval) => tokio::time::sleep(interval).await,
            None if report.has_relay() => return Ok(()),
            None => {
                let no_relay = NoRelay {
                    is_json: args.form() != Form::Text,
                    names_none: !subject::has_relays(&map),
                    is_unasked: words::unasked(&report).is_some(),
                    has_stun: report.has_stun(),
                    is_key_refused: report.is_key_refused(),
                };
                return Err(Failure::Other(no_relay.into()));
            }
        }
    }
}

async fn prepare(args: &NetcheckArgs) -> Result<(DerpMap, Checker), Failure> {
    let trust = Trust::system([]).map_err(|err| Failure::Other(err.into()))?;
    let dialer = Dialer::new(trust).with_budget(args.timeout);
    let Named { mut map, stun_is_guess } = read(args, &dialer).await?;
    subject::adjust(&mut map, &args.flags);
    if stun_is_guess && !args.flags.name_stun() {
        subject::take_stun_ports(&mut map, &dialer, args.timeout).await;
    }
    if args.form() == Form::Text {
        show_plainly(&mut map);
    }
    let key = args.key.as_deref().map(subject::key).transpose()?;
    let source = Source { ip: args.bind_address, port: args.bind_port };
    let (router, vendor) = (!args.no_router, !args.no_vendor);
    let options = Options { dialer, key, source, hairpin: args.hairpin, router, vendor };
    Ok((map, Checker::new(options)))
}

/// Keeps the names of a map, which are those of whoever wrote it, on their lines of a report for people.
fn show_plainly(map: &mut DerpMap) {
    for region in map.regions.values_mut().flatten() {
        let names = [&mut region.region_code, &mut region.region_name].into_iter();
        for name in names.chain(region.nodes.iter_mut().map(|node| &mut node.name)) {
            *name = output::plain(name);
        }
    }
}

fn shown(args: &NetcheckArgs, map: &DerpMap, report: &Report) -> Result<String, SystemError> {
    let ahead = Zone::of_host().ahead(report.now);
    let json = match args.form() {
        Form::Text => {
            let text = Text { report, map, verbose: args.verbose, hairpin: args.hairpin, ahead };
            return Ok(output::plain_lines(&text.to_string()));
        }
        Form::Json => serde_json::to_string_pretty(&Json::of(report, ahead)),
        Form::JsonLine => serde_json::to_string(&Json::of(report, ahead)),
    };
    json.map(|text| text + "\n").map_err(|err| SystemError::Stdout(err.into()))
}

/// The map of `--map`, or of the single relay.
async fn read(args: &NetcheckArgs, dialer: &Dialer) -> Result<Named, Failure> {
    let Some(words) = &args.map else {
        return Ok(subject::map(args.relay.as_deref().unwrap_or_default())?);
    };
    let source = MapSource::read(words, dialer, args.flags.verify()).await.map_err(|err| of_source(&err))?;
    let bad = |findings| Failure::Config(BadMap { findings, name: source.name.clone() }.into());
    let mut checked = map::check(&source, None);
    checked.findings.retain(|finding| finding.severity == Severity::Error);
    let is_refused = checked.is_refused();
    let map = checked.map.filter(|_| !is_refused).filter(|map| subject::usable(map).is_ok());
    let Some(map) = map else { return Err(bad(checked.findings)) };
    if !checked.findings.is_empty() {
        let (mistakes, them) = match checked.findings.len() {
            1 => ("a mistake".to_owned(), "it"),
            count => (format!("{count} mistakes"), "them"),
        };
        output::complain(&format!(
            "the map has {mistakes}, which may show below; wherry map check {} names {them}",
            source.name
        ));
    }
    Ok(Named { map, stun_is_guess: false })
}
