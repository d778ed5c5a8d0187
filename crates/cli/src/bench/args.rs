//! The arguments.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use wherry_bench::{Knob, Pattern, Scenario, Settings, amount};

use crate::subject::SubjectArgs;

/// Load a relay that is yours, and measure what it bears
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct BenchArgs {
    /// What to measure, as listed below
    #[arg(value_name = "SCENARIO", value_parser = scenario)]
    pub(super) scenario: Scenario,

    #[command(flatten)]
    pub(super) subject: SubjectArgs,

    /// The second relay, of mesh: one that the first has a link to. Flags count for both; an entry of a map has its own
    /// pin
    #[arg(value_name = "SECOND")]
    pub(super) far: Option<String>,

    /// Load it though its address is neither loopback nor private
    #[arg(long)]
    pub(super) i_may_load_this_relay: bool,

    /// Process of the relay on this machine, for its CPU time and memory; that of a loopback relay is looked for
    #[arg(long, value_name = "PID")]
    pub(super) server_pid: Option<u32>,

    /// Print the report as JSON; where there is none, an object with `error`
    #[arg(long)]
    pub(super) json: bool,

    /// Write the report to this file too, as one HTML page with plots that loads nothing; an old one is replaced
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,

    #[command(flatten)]
    pub(super) knobs: KnobArgs,
}

/// Settings; those left out have the scenario's default.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Load")]
pub(super) struct KnobArgs {
    /// Time that counts [default: 5s; ladder: 2s a step; idle: 2s of silence]
    #[arg(long, value_name = "TIME", value_parser = amount::duration)]
    duration: Option<Duration>,

    /// Time under load before that [default: 1s; ladder: 500ms]
    #[arg(long, value_name = "TIME", value_parser = amount::duration)]
    warm_up: Option<Duration>,

    /// Pairs of clients, one sending, one receiving [default: 10; churn: 1]
    #[arg(long, value_name = "N", value_parser = clients)]
    pairs: Option<usize>,

    /// Who sends to whom, of rate and peak: pairs, all-to-all or one-hot [default: pairs]
    #[arg(long)]
    pattern: Option<Pattern>,

    /// Clients: idle ones, those that connect in turn, those of a pattern, those that flood, or the receivers of slow, one of
    /// them frozen [default: idle: 5000, 101 at least; connect: 512; all-to-all, one-hot: 20; lanes, fair: 4; slow: 2]
    #[arg(long, value_name = "N", value_parser = clients)]
    clients: Option<usize>,

    /// Bytes of a packet [default: 1400]
    #[arg(long, value_name = "BYTES", value_parser = size)]
    size: Option<usize>,

    /// Packets a second, all senders together [default: rate: 20k; ladder: 20k, its first step; lanes, fair: 400k;
    /// slow: 10k; churn: 1k]
    #[arg(long, value_name = "N", value_parser = amount::count)]
    rate: Option<u64>,

    /// Packets that leave at once in one write; 1 is evenly spaced, one TLS record each [default: 1; ladder, lanes,
    /// fair: one for each 25k of the rate]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=4096))]
    burst: Option<u64>,

    /// Packets of one sender on their way at once, of peak and ladder [default: 64]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=65536))]
    in_flight: Option<u64>,

    /// Packets a second of the stream beside a flood [default: lanes: 500 discovery packets; fair: 2000 ordinary ones]
    #[arg(long, value_name = "N", value_parser = amount::count)]
    probe_rate: Option<u64>,

    /// What the slow receiver of lanes and fair takes, bits a second [default: 200M]
    #[arg(long, value_name = "BITS", value_parser = amount::bits_per_second)]
    takes: Option<u64>,

    /// Its socket's receive buffer, as the kernel counts [default: 256KiB]
    #[arg(long, value_name = "BYTES", value_parser = buffer)]
    receive_buffer: Option<usize>,

    /// Clients that come and go a second, of churn [default: 100]
    #[arg(long, value_name = "N", value_parser = amount::count)]
    connect_rate: Option<u64>,

    /// Silent clients connected beside the load of rate and peak [default: 0]
    #[arg(long, value_name = "N", value_parser = clients)]
    idle_beside: Option<usize>,

    /// STUN requests on their way at once [default: 64]
    #[arg(long, value_name = "N", value_parser = clients)]
    outstanding: Option<usize>,

    /// Clients that dial at once [default: 8; idle: 4]
    #[arg(long, value_name = "N", value_parser = clients)]
    diallers: Option<usize>,

    /// Threads that send and receive [default: 1]
    #[arg(long, value_name = "N", value_parser = clients)]
    threads: Option<usize>,

    /// Seed of what is drawn by lot: who begins with whom in all-to-all [default: 1]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

const AFTER: &str = "\
Scenarios:
  rate     packets at a fixed rate, open loop: loss, latency, CPU
  peak     as many packets as the relay takes, 64 of a sender on their way
  ladder   the highest rate with a loss below 0.1 %, then three times that
  lanes    discovery packets beside a flood at the same slow receiver
  fair     an ordinary sender beside a flood at the same slow receiver
  slow     a good receiver beside one that does not read
  churn    a pair's packets while clients come and go
  connect  new TLS and DERP sessions, no resumption
  idle     memory per client that is connected and silent
  stun     STUN answers
  mesh     packets from one relay's clients to another's, over their link

Examples:
  wherry bench peak 127.0.0.1:3340 --insecure
  wherry bench rate 127.0.0.1:3340 --insecure --rate 100k --duration 10s --json
  wherry bench ladder 127.0.0.1:3340 --insecure --report ladder.html
  wherry bench idle derp.yaml --clients 15000 --server-pid 4711
  wherry bench mesh https://10.0.0.7 https://10.0.0.8 --insecure
  wherry bench peak 10.0.0.7 --insecure --pattern all-to-all --clients 1000

An open loop sends by the clock whatever the relay does; latency counts from when a packet was due.
The relay must admit throw-away keys. CPU time and memory need the relay on this machine.

Exit code: 0 a result; 75 no result: the generator or another program was the limit, the reasons are
told, the figures shown all the same; 64 the question was wrong; 78 the map is; 1 anything else.";

/// A setting that the scenario does not have.
#[derive(Debug, thiserror::Error)]
#[error("--{} has no effect on {scenario}{}; it takes {}", flag.flag(), because(*pattern), list(*scenario))]
pub(super) struct NoEffect {
    flag: Knob,
    scenario: Scenario,
    /// The pattern, if it is what rules the flag out.
    pattern: Option<Pattern>,
}

fn because(pattern: Option<Pattern>) -> String {
    pattern.map_or_else(String::new, |pattern| format!(" with --pattern {pattern}"))
}

fn list(scenario: Scenario) -> String {
    scenario.knobs().iter().map(|knob| format!("--{}", knob.flag())).collect::<Vec<_>>().join(", ")
}

impl BenchArgs {
    /// The settings asked for.
    pub(super) fn settings(&self) -> Result<Settings, NoEffect> {
        let scenario = self.scenario;
        let mut settings = Settings::of(scenario);
        let given = self.knobs.apply(&mut settings);
        let knobs = settings.knobs(scenario);
        match given.into_iter().find(|knob| !knobs.contains(knob)) {
            Some(flag) => {
                let pattern = scenario.knobs().contains(&flag).then_some(settings.pattern);
                Err(NoEffect { flag, scenario, pattern })
            }
            None => Ok(settings),
        }
    }
}

impl KnobArgs {
    /// Puts what was given into the settings; which those are.
    fn apply(&self, settings: &mut Settings) -> Vec<Knob> {
        let mut given = Vec::new();
        let mut put = |knob, is_given| {
            if is_given {
                given.push(knob)
            }
        };
        put(Knob::Duration, set(&mut settings.duration, self.duration));
        put(Knob::WarmUp, set(&mut settings.warm_up, self.warm_up));
        put(Knob::Pairs, set(&mut settings.pairs, self.pairs));
        put(Knob::Pattern, set(&mut settings.pattern, self.pattern));
        put(Knob::Clients, set(&mut settings.clients, self.clients));
        put(Knob::Size, set(&mut settings.size, self.size));
        put(Knob::Rate, set(&mut settings.rate, self.rate));
        put(Knob::Burst, set(&mut settings.burst, self.burst.map(Some)));
        put(Knob::InFlight, set(&mut settings.in_flight, self.in_flight));
        put(Knob::ProbeRate, set(&mut settings.probe_rate, self.probe_rate));
        put(Knob::Takes, set(&mut settings.takes, self.takes));
        put(Knob::ReceiveBuffer, set(&mut settings.receive_buffer, self.receive_buffer));
        put(Knob::ConnectRate, set(&mut settings.connect_rate, self.connect_rate));
        put(Knob::IdleBeside, set(&mut settings.idle_beside, self.idle_beside));
        put(Knob::Outstanding, set(&mut settings.outstanding, self.outstanding));
        put(Knob::Diallers, set(&mut settings.diallers, self.diallers));
        put(Knob::Threads, set(&mut settings.threads, self.threads));
        put(Knob::Seed, set(&mut settings.seed, self.seed));
        given
    }
}

/// Sets a field if there is a value; whether there was.
fn set<T>(field: &mut T, value: Option<T>) -> bool {
    value.map(|value| *field = value).is_some()
}

fn scenario(text: &str) -> Result<Scenario, String> {
    text.parse().map_err(|allowed| {
        let near = Scenario::ALL.map(|known| (strsim::damerau_levenshtein(text, known.name()), known));
        match near.into_iter().min_by_key(|(distance, _)| *distance).filter(|(distance, _)| *distance <= 2) {
            Some((_, known)) => format!("{allowed}; did you mean {known}?"),
            None => allowed,
        }
    })
}

fn clients(text: &str) -> Result<usize, String> {
    amount::count(text)
        .ok()
        .and_then(|count| usize::try_from(count).ok())
        .filter(|count| *count <= 1_000_000)
        .ok_or_else(|| "a whole number from 1 to 1000000".to_owned())
}

fn size(text: &str) -> Result<usize, String> {
    amount::bytes(text).and_then(|bytes| usize::try_from(bytes).map_err(|err| err.to_string()))
}

fn buffer(text: &str) -> Result<usize, String> {
    let bytes = size(text)?;
    if (4096..=1 << 30).contains(&bytes) { Ok(bytes) } else { Err("from 4KiB to 1024MiB".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: BenchArgs,
    }

    fn asked(words: &[&str]) -> Result<Settings, String> {
        let line = Line::try_parse_from([&["bench"], words].concat()).map_err(|err| err.to_string())?;
        line.args.settings().map_err(|err| err.to_string())
    }

    #[test]
    fn flags_take_units_and_leave_the_rest_as_the_scenario_has_it() {
        let settings = asked(&["rate", "10.0.0.1", "--rate", "100k", "--duration", "500ms"]).unwrap();
        let expected = Settings::of(Scenario::Rate);
        assert_eq!((settings.rate, settings.duration), (100_000, Duration::from_millis(500)));
        assert_eq!((settings.pairs, settings.warm_up), (expected.pairs, expected.warm_up));
        let settings = asked(&["lanes", "10.0.0.1", "--takes", "1G", "--receive-buffer", "64KiB"]).unwrap();
        assert_eq!((settings.takes, settings.receive_buffer), (1_000_000_000, 65_536));
    }

    #[test]
    fn a_flag_without_effect_is_refused_with_those_that_have_one() {
        let said = asked(&["stun", "10.0.0.1", "--rate", "5"]).unwrap_err();
        assert_eq!(said, "--rate has no effect on stun; it takes --outstanding, --duration, --warm-up");
        let said = asked(&["peak", "10.0.0.1", "--clients", "5"]).unwrap_err();
        assert!(said.starts_with("--clients has no effect on peak with --pattern pairs"), "{said}");
        let said = asked(&["peak", "10.0.0.1", "--pattern", "one-hot", "--pairs", "5"]).unwrap_err();
        assert!(said.starts_with("--pairs has no effect on peak with --pattern one-hot"), "{said}");
    }

    #[test]
    fn a_bad_value_is_told_with_its_flag_and_what_is_allowed() {
        for (words, flag, allowed) in [
            (
                ["peek", "r", "--rate", "1"],
                "SCENARIO",
                "ladder, lanes, fair, slow, stun, churn, mesh; did you mean peak?",
            ),
            (["whatever", "r", "--rate", "1"], "SCENARIO", "mesh\n"),
            (["rate", "r", "--duration", "5"], "--duration", "with its unit"),
            (["rate", "r", "--rate", "0"], "--rate", "e.g. 20000 or 20k"),
            (["rate", "r", "--duration", "soon"], "--duration", "e.g. 5s or 500ms"),
            (["rate", "r", "--burst", "5000"], "--burst", "1..=4096"),
            (["lanes", "r", "--takes", "fast"], "--takes", "e.g. 200M"),
        ] {
            let said = asked(&words).unwrap_err();
            assert!(said.contains(flag) && said.contains(allowed), "{said}");
        }
    }
}
