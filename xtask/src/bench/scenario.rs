//! What is measured: one run of `wherry bench` per question, each over a freshly started relay.

use crate::subject::Running;
use serde_json::Value;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// The core of the load generator.
const GENERATOR_CORE: &str = "1";

/// Exit code of a run that is no result; its report is printed all the same.
const NO_RESULT: i32 = 75;

/// How long and how much.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// How often each relay takes each scenario.
    pub(crate) rounds: usize,
    /// Seconds of one timed run.
    pub(crate) run: u64,
    /// Connected clients of the memory scenario.
    pub(crate) idle_clients: usize,
}

/// One question.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// What `--only` calls it.
    pub(crate) name: &'static str,
    /// What the figure is, for the tables.
    pub(crate) figure: &'static str,
    /// Whether more is better.
    pub(crate) more_is_better: bool,
    /// Words of `wherry bench`: the scenario, then flags.
    words: &'static [&'static str],
    /// Name of the figure in its report.
    wanted: &'static str,
}

/// What one run gave.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    /// The figure the scenario is named for.
    pub(crate) figure: f64,
    /// Other figures worth keeping, by name.
    pub(crate) beside: Vec<(String, f64)>,
    /// Why it is no result: code and text; empty if it is one.
    pub(crate) reasons: Vec<(String, String)>,
    /// The whole report of the generator.
    pub(crate) report: Value,
}

/// All questions, in the order they are asked.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "peak",
        figure: "packets per server CPU second, closed loop",
        more_is_better: true,
        words: &["peak"],
        wanted: "packets_per_cpu_second",
    },
    Scenario {
        name: "light",
        figure: "packets per server CPU second at 20,000 packets/s",
        more_is_better: true,
        words: &["rate"],
        wanted: "packets_per_cpu_second",
    },
    Scenario {
        name: "idle",
        figure: "bytes per idle TLS client",
        more_is_better: false,
        words: &["idle"],
        wanted: "bytes_per_client",
    },
    Scenario {
        name: "sessions",
        figure: "TLS + DERP sessions per server CPU second",
        more_is_better: true,
        words: &["connect"],
        wanted: "sessions_per_cpu_second",
    },
    Scenario {
        name: "stun",
        figure: "STUN answers per server CPU second",
        more_is_better: true,
        words: &["stun"],
        wanted: "answers_per_cpu_second",
    },
];

impl Scenario {
    /// Loads a relay with `generator`, a `wherry` binary, and reads its report.
    ///
    /// # Errors
    /// The generator failed, or its report lacks the figure.
    pub(crate) fn run(&self, generator: &Path, running: &Running, plan: &Plan) -> io::Result<Sample> {
        let mut command = Command::new("taskset");
        command.args(["-c", GENERATOR_CORE]).arg(generator).arg("bench").args(self.words);
        command.args([&running.addr.to_string(), "--insecure", "--json"]);
        command.args(["--stun-port", &running.stun.port().to_string()]);
        command.args(["--server-pid", &running.pid().to_string()]);
        match self.words {
            ["idle", ..] => command.args(["--clients", &plan.idle_clients.to_string()]),
            _ => command.args(["--duration", &format!("{}s", plan.run)]),
        };
        let output = command.stdin(Stdio::null()).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() && output.status.code() != Some(NO_RESULT) {
            return Err(io::Error::other(said.trim().to_owned()));
        }
        let report: Value = serde_json::from_slice(&output.stdout).map_err(io::Error::other)?;
        self.sample(report)
            .ok_or_else(|| io::Error::other(format!("no {} in the report: {said}", self.wanted)))
    }

    /// The figure, and all other numbers a table may want.
    fn sample(&self, report: Value) -> Option<Sample> {
        let figures = report.get("figures")?.as_array()?;
        let named =
            |figure: &Value| Some((figure.get("name")?.as_str()?.to_owned(), figure.get("value")?.as_f64()?));
        let all: Vec<(String, f64)> = figures.iter().filter_map(named).collect();
        let figure = all.iter().find(|(name, _)| name == self.wanted)?.1;
        let mut beside: Vec<_> = all.into_iter().filter(|(name, _)| name != self.wanted).collect();
        let used = [
            ("/server/cores_used", SERVER),
            ("/generator/busy", GENERATOR),
            ("/generator/others_cores", OTHERS),
        ];
        for (path, name) in used {
            let value = report.pointer(path).and_then(Value::as_f64);
            beside.extend(value.map(|value| (name.to_owned(), value)));
        }
        let reasons = report.get("reasons")?.as_array()?.iter().filter_map(|reason| {
            let text = |key| Some(reason.get(key)?.as_str()?.to_owned());
            Some((text("code")?, text("text")?))
        });
        let reasons = reasons.collect();
        Some(Sample { figure, beside, reasons, report })
    }
}

/// Cores that the relay used.
pub(crate) const SERVER: &str = "server cores";

/// The share of its time that the generator had something to do.
const GENERATOR: &str = "generator busy";

/// What all but the relay and the generator used of the machine, in cores.
const OTHERS: &str = "other programs, cores";

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_report_gives_its_figure_and_what_was_seen_beside_it() {
        let report = json!({
            "figures": [
                {"name": "packets_per_cpu_second", "value": 5.0}, {"name": "p50_us", "value": 7.0},
                {"name": "p99_us", "value": null}
            ],
            "reasons": [{"code": "generator-full", "text": "it was"}],
            "server": {"cores_used": 0.9}, "generator": {"busy": 0.5, "others_cores": null}
        });
        let sample = SCENARIOS[0].sample(report).unwrap();
        assert_eq!(sample.figure, 5.0);
        let beside =
            [("p50_us", 7.0), (SERVER, 0.9), (GENERATOR, 0.5)].map(|(name, value)| (name.to_owned(), value));
        assert_eq!(sample.beside, beside);
        assert_eq!(sample.reasons, [("generator-full".to_owned(), "it was".to_owned())]);
        assert!(SCENARIOS[2].sample(json!({"figures": [], "reasons": []})).is_none());
    }
}
