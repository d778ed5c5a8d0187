//! The door.

use std::path::Path;
use std::time::Duration;

use wherry_client::{Dialer, NodePrivate, Trust};
use wherry_server::config::Environment;
use wherry_tools::doctor::{Mark, Patient, examine_all, mesh, stun_only};
use wherry_tools::map::Finding as MapFinding;
use wherry_wire::derp_map::DerpMap;

use super::args::DoctorArgs;
use super::host;
use super::maps;
use super::question::{NoQuestion, Question, is_asked};
use super::report::{NoReport, Relay, Report};
use super::text;
use crate::failure::{Failure, SystemError};
use crate::finding::line;
use crate::output::{self, Form};
use crate::runtime;
use crate::settings::SettingArgs;
use crate::subject::{self, Subject};
use crate::unit;

/// For each step of a dial.
const PATIENCE: Duration = Duration::from_secs(5);

/// Examines what the arguments name and prints what was found.
///
/// # Errors
/// [`Failure::Other`] if something is to be mended, [`Failure::Config`] if what should be a map is none that clients could use; if the question is wrong, what [`subject::BadQuestion`] becomes.
pub(crate) fn run(args: &DoctorArgs, env: &Environment) -> Result<(), Failure> {
    let no_report = |failure| {
        output::failed(failure, Form::json_if(args.json), |error| NoReport { healthy: false, error })
    };
    let (mut report, is_wrong) = runtime::run(examine(args, env))?.map_err(no_report)?;
    let verdict = report.judge(is_wrong);
    match args.json {
        true => {
            let text =
                serde_json::to_string_pretty(&report).map_err(|err| SystemError::Stdout(err.into()))?;
            output::print(&format!("{text}\n"))?;
        }
        false if report.is_examined() || verdict.is_err() => {
            output::print(text::verdict(verdict.is_ok()))?;
        }
        false => {}
    }
    verdict.map_err(|unhealthy| match is_wrong {
        true => Failure::Config(unhealthy.into()),
        false => Failure::Other(unhealthy.into()),
    })
}

/// What was found; and whether a map was asked about that no client could use.
async fn examine(args: &DoctorArgs, env: &Environment) -> Result<(Report, bool), Failure> {
    let keys = subject::keys(&args.key)?;
    let trust = Trust::system([]).map_err(|err| Failure::Other(err.into()))?;
    let visit = Visit { args, dialer: Dialer::new(trust).with_budget(PATIENCE), keys };
    let mut report = Report::default();
    let mut is_no_map = false;
    let is_host = match Question::of(args, env) {
        Question::Host(file) => {
            visit.host(file.as_deref(), env, &mut report).await?;
            true
        }
        Question::Map(words) => {
            is_no_map = visit.map(&words, &mut report).await?;
            false
        }
        Question::Relay(words) => {
            let subjects = subject::named(&words, &args.flags)?;
            let entries = subjects.into_iter().map(|subject| Ok((subject, None))).collect();
            visit.relays(entries, &mut report, false).await?;
            false
        }
    };
    // A configuration's section has it already.
    if let Some(socket) = args.tailscaled_socket.as_deref().filter(|_| !is_host) {
        report.host = host::tailscaled(Some(socket)).await.into_iter().collect();
        visit.print(&text::section("this host", &report.host))?;
    }
    Ok((report, is_no_map))
}

/// A relay, with the map that has it alone if a map was asked about; or what was found out otherwise.
type Entry = Result<(Subject, Option<DerpMap>), Box<Relay>>;

/// How everything is asked.
struct Visit<'a> {
    args: &'a DoctorArgs,
    dialer: Dialer,
    keys: Vec<NodePrivate>,
}

impl Visit<'_> {
    /// A relay on this host, then as clients see it.
    async fn host(&self, file: Option<&Path>, env: &Environment, report: &mut Report) -> Result<(), Failure> {
        let asked = SettingArgs::of_file(file.map(Path::to_owned)).sources(env);
        let file = asked.sources.file.clone();
        let loaded = asked.load();
        let survey = match &loaded {
            Ok(effective) => &effective.survey,
            Err(mistakes) => &mistakes.survey,
        };
        if !is_asked(file.as_ref(), survey) {
            return Err(Failure::Usage(NoQuestion.into()));
        }
        let kept = unit::kept(env, file.as_deref(), survey);
        let name = file.map_or_else(|| "the environment".to_owned(), |file| file.display().to_string());
        let host =
            host::look(loaded, &kept, self.args.tailscaled_socket.as_deref(), &self.args.flags).await?;
        self.print(&text::section(&format!("{name}, on this host"), &host.findings))?;
        report.host = host.findings;
        let adjusted = host.relay.map(|mut subject| {
            subject.adjust(&self.args.flags);
            subject
        });
        let entries = adjusted.into_iter().map(|subject| Ok((subject, None))).collect();
        self.relays(entries, report, true).await
    }

    /// A map and everything in it; whether no client could use it.
    async fn map(&self, words: &str, report: &mut Report) -> Result<bool, Failure> {
        let asked = maps::read(words, &self.dialer, &self.args.flags).await?;
        let is_wrong = asked.is_no_map || asked.is_useless();
        report.map = asked.findings;
        if !report.map.is_empty() {
            let lines: String = report.map.iter().map(|finding| line(finding) + "\n").collect();
            self.print(&format!("{lines}\n"))?;
        }
        let mut map = asked.map.clone();
        subject::adjust(&mut map, &self.args.flags);
        let of_stun: Vec<_> = maps::nodes(&map).filter(|node| node.stun_only).cloned().collect();
        let mut told = stun_only(&of_stun).await.into_iter();
        // What is corrected is the entry as it stands there, whatever the flags say.
        let entries = maps::each_alone(&asked.map).zip(maps::nodes(&map)).map(|(own, node)| {
            if node.stun_only {
                return Err(Box::new(Relay::of_stun(node, told.next().unwrap_or_default())));
            }
            let subject = subject::of_node(node).map_err(|why| Box::new(Relay::unusable(node, &why)))?;
            Ok((subject, Some(own)))
        });
        let entries = entries.collect();
        self.relays(entries, report, false).await?;
        self.regions(&map, asked.questions, report).await?;
        Ok(is_wrong)
    }

    /// Relays in their order, those that cannot be dialled by their entries included. `is_here`: it is one of this host.
    async fn relays(&self, entries: Vec<Entry>, report: &mut Report, is_here: bool) -> Result<(), Failure> {
        let usable = entries.iter().flatten().cloned();
        let patients: Vec<_> = usable.map(|(subject, map)| self.patient(subject, map, is_here)).collect();
        let mut entries = entries.into_iter();
        let mut printed = Ok(());
        let mut tell = |text: Result<String, Failure>, relay: Relay| {
            if printed.is_ok() {
                printed = text.and_then(|text| self.print(&text));
            }
            report.relays.push(relay);
        };
        let unusable = |relay: Box<Relay>| (Ok(text::section(&relay.heading(), &relay.findings)), *relay);
        let examined = examine_all(&self.dialer, &patients, |patient, mut diagnosis| {
            if is_here {
                host::asked_at_home(&mut diagnosis);
            }
            while let Some(Err(relay)) = entries.next() {
                let (text, relay) = unusable(relay);
                tell(text, relay);
            }
            let text = text::relay(patient, &diagnosis);
            tell(text, Relay::new(patient, diagnosis));
        });
        examined.await.map_err(|err| Failure::Other(err.into()))?;
        for relay in entries.filter_map(Result::err) {
            let (text, relay) = unusable(relay);
            tell(text, relay);
        }
        printed
    }

    /// Whether the relays of a region forward to each other; where that cannot be asked, the map's question stays one.
    async fn regions(
        &self,
        map: &DerpMap,
        mut questions: Vec<MapFinding>,
        report: &mut Report,
    ) -> Result<(), Failure> {
        report.regions = mesh(&self.dialer, map, &self.keys).await;
        for region in &report.regions {
            self.print(&text::section(&format!("region {}", region.region), &region.findings))?;
            let is_open = region.findings.iter().any(|finding| finding.mark == Mark::Skipped);
            let open = questions.extract_if(.., |one| is_open && one.place.region == Some(region.region));
            for question in open {
                self.print(&format!("{}\n\n", line(&question)))?;
                report.map.push(question);
            }
        }
        Ok(())
    }

    fn patient(&self, Subject { endpoint, stun }: Subject, map: Option<DerpMap>, is_here: bool) -> Patient {
        Patient {
            endpoint,
            map,
            stun_port: stun.map(|stun| stun.port),
            stun_ip: stun.and_then(|stun| stun.test_ip),
            ip: stun.and_then(|stun| stun.ip),
            stun_is_guess: stun.is_some_and(|stun| stun.is_guess),
            key: self.keys.first().cloned(),
            is_here,
            is_open: self.args.open,
        }
    }

    /// Words for people, where it is people who asked. Some of them are a relay's or a map's.
    fn print(&self, text: &str) -> Result<(), Failure> {
        if self.args.json { Ok(()) } else { Ok(output::print(&output::plain_lines(text))?) }
    }
}
