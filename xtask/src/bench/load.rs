//! The loads: words of `wherry bench`, and one run of it over a started relay.

use crate::sample::{Outcome, Sample};
use crate::subject::{Running, Who};
use serde_json::Value;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The core of the load generator.
pub(crate) const GENERATOR_CORE: usize = 1;

/// Exit code of a run that is no result; its report is printed all the same.
const NO_RESULT: i32 = 75;

/// How long and how much.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Whether it is the short one.
    pub(crate) is_quick: bool,
    /// How often each relay takes each load.
    pub(crate) rounds: usize,
    /// Milliseconds that count in one run.
    pub(crate) run: u64,
    /// Milliseconds that count in one step of a ladder.
    pub(crate) step: u64,
    /// Connected clients of the memory load.
    pub(crate) idle: usize,
    /// Idle clients beside busy ones.
    pub(crate) beside: usize,
    /// How long to wait for cores to be near, before each run and at first.
    pub(crate) patience: Duration,
}

/// One load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// What `--only` calls it.
    pub(crate) name: &'static str,
    /// What it is, for the page.
    pub(crate) about: &'static str,
    /// Who takes it.
    pub(crate) who: Who,
    /// Whether the short plan has it.
    pub(crate) is_everyday: bool,
    /// Words of `wherry bench`: the scenario, then flags.
    words: &'static [&'static str],
}

const fn load(name: &'static str, words: &'static [&'static str], about: &'static str) -> Load {
    Load { name, about, who: Who::Relays, is_everyday: true, words }
}

const fn rare(load: Load) -> Load {
    Load { is_everyday: false, ..load }
}

const fn taken_by(who: Who, load: Load) -> Load {
    Load { who, ..load }
}

/// All loads, in the order they are driven.
pub(crate) const LOADS: &[Load] = &[
    load("light", &["rate"], "10 pairs, 20,000 packets/s in all, evenly spaced, one TLS record each"),
    load("bursts", &["rate", "--burst", "20"], "the same in bursts of 20 every millisecond"),
    load(
        "steady",
        &["rate", "--rate", "100k", "--burst", "1"],
        "10 pairs, 100,000 packets/s in all, evenly spaced, one TLS record each",
    ),
    load("peak", &["peak"], "10 pairs, up to 64 packets of each on their way; a lost packet frees its place"),
    taken_by(
        Who::Copy,
        load(
            "copy",
            &[],
            "10 plain TCP connections in, 10 out, the bytes of `peak` copied, none looked at; then twice as many are \
             offered",
        ),
    ),
    rare(taken_by(
        Who::TwoWorkers,
        load("two-workers", &["peak"], "`peak` at a relay that has two workers instead of one"),
    )),
    load(
        "ladder",
        &["ladder"],
        "10 pairs; the rate doubles until 0.1 % is lost, four halvings narrow it down; then `peak`, then three times \
         the highest rate",
    ),
    load(
        "lanes",
        &["lanes"],
        "4 senders, 400,000 packets/s in all, at a receiver that takes 200 Mbit/s through a buffer of 256 KiB; beside \
         them 500 discovery packets/s to the same receiver",
    ),
    load("lanes-64", &["lanes", "--receive-buffer", "64KiB"], "the same with a receive buffer of 64 KiB"),
    load(
        "fair",
        &["fair"],
        "the flood of `lanes`; beside it one sender of 2,000 ordinary packets/s to the same receiver",
    ),
    load("slow", &["slow"], "10,000 packets/s from one sender to two receivers, one of which does not read"),
    load(
        "churn",
        &["churn"],
        "a pair with 1,000 packets/s while 100 clients a second connect over new TLS sessions and hang up",
    ),
    load(
        "sessions",
        &["connect"],
        "8 diallers connect 512 clients in turn over new TLS sessions, shake hands, and hang up, over and over; wherry \
         remembers the keys that it shares with clients, `derper` does not",
    ),
    load(
        "strangers",
        &["connect", "--clients", "5000"],
        "the same with 5,000 clients, more than wherry remembers",
    ),
    load("idle", &["idle"], "clients that have connected, named their home relay, and fallen silent"),
    rare(load("beside-idle", &["peak"], "`peak` with idle clients connected beside it")),
    load(
        "crowd-20",
        &["rate", "--pattern", "all-to-all", "--clients", "20", "--rate", "50k", "--burst", "1"],
        "20 clients, each sends to all others in turn, 50,000 packets/s in all, evenly spaced",
    ),
    load(
        "crowd-1000",
        &["rate", "--pattern", "all-to-all", "--clients", "1000", "--rate", "50k", "--burst", "1"],
        "1,000 clients, the same rate",
    ),
    load(
        "crowd-20-peak",
        &["peak", "--pattern", "all-to-all", "--clients", "20"],
        "20 clients, each sends to all others in turn, up to 64 packets of each on their way",
    ),
    load(
        "crowd-1000-peak",
        &["peak", "--pattern", "all-to-all", "--clients", "1000"],
        "1,000 clients, the same",
    ),
    load("stun", &["stun"], "64 STUN requests on their way, many to a system call"),
    load("small", &["peak", "--size", "64"], "`peak` with packets of 64 bytes"),
    load(
        "large",
        &["peak", "--size", "65536", "--in-flight", "4"],
        "`peak` with packets of 64 KiB, 4 of each pair on their way",
    ),
    load(
        "hot",
        &["peak", "--pattern", "one-hot", "--clients", "100", "--in-flight", "8"],
        "99 clients send to the hundredth, 8 packets of each on their way",
    ),
    load(
        "frozen",
        &["slow", "--clients", "10"],
        "10,000 packets/s from one sender to ten receivers in turn, one of which does not read",
    ),
];

impl Load {
    /// Its words on the command line, for the page.
    pub(crate) fn words(&self, plan: &Plan) -> String {
        let mut words = self.words.join(" ");
        for word in self.plan_words(plan) {
            words.push(' ');
            words.push_str(&word);
        }
        words
    }

    /// What the plan adds.
    fn plan_words(&self, plan: &Plan) -> Vec<String> {
        let span = |milliseconds: u64| format!("{milliseconds}ms");
        let mut words: Vec<String> = match self.words.first().copied() {
            None => vec![],
            Some("idle") => vec!["--clients".into(), plan.idle.to_string(), "--duration".into(), span(1000)],
            Some("ladder") => {
                vec!["--duration".into(), span(plan.step), "--warm-up".into(), span(plan.step / 4)]
            }
            Some(_) => vec!["--duration".into(), span(plan.run), "--warm-up".into(), span(500)],
        };
        if self.name == "beside-idle" {
            words.extend(["--idle-beside".into(), plan.beside.to_string()]);
        }
        words
    }

    /// Drives it at a relay with `generator`, a `wherry` binary, and reads its report.
    ///
    /// # Errors
    /// The generator failed, or its report cannot be read.
    pub(crate) fn drive(&self, generator: &Path, running: &Running, plan: &Plan) -> io::Result<Outcome> {
        let mut words: Vec<OsString> = vec![generator.into(), "bench".into()];
        words.extend(self.words.iter().map(OsString::from));
        words.extend(self.plan_words(plan).into_iter().map(OsString::from));
        words.extend([running.addr.to_string().into(), "--insecure".into(), "--json".into()]);
        words.extend(["--stun-port".into(), running.stun.port().to_string().into()]);
        words.extend(["--server-pid".into(), running.pid().to_string().into()]);
        pinned(&words)
    }

    /// Drives the plain copy instead; `own` is this program.
    ///
    /// # Errors
    /// As [`Load::drive`].
    pub(crate) fn drive_copy(&self, own: &Path, running: &Running, plan: &Plan) -> io::Result<Outcome> {
        let words = [running.addr.to_string(), running.pid().to_string(), plan.run.to_string()];
        let words = words.into_iter().map(OsString::from);
        let words: Vec<_> = [own.into(), "copy-load".into()].into_iter().chain(words).collect();
        pinned(&words)
    }
}

fn pinned(words: &[OsString]) -> io::Result<Outcome> {
    let mut command = Command::new("taskset");
    command.args(["-c", &GENERATOR_CORE.to_string()]).args(words).stdin(Stdio::null());
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if !output.status.success() && output.status.code() != Some(NO_RESULT) {
        return Err(io::Error::other(said));
    }
    let report: Value = serde_json::from_slice(&output.stdout).map_err(io::Error::other)?;
    Sample::of(&report)
        .map(|sample| Outcome { sample, report })
        .ok_or_else(|| io::Error::other(format!("a report without figures: {said}")))
}
