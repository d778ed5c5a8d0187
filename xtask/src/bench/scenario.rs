//! What is measured: one function per question, each over a freshly started relay.

use crate::subject::{self, Running};
use crate::{idle, packets, sessions, stun};
use std::io;
use std::time::{Duration, Instant};

/// How long and how much.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// How often each relay takes each scenario.
    pub(crate) rounds: usize,
    /// Length of one timed run.
    pub(crate) run: Duration,
    /// Untimed load before it.
    pub(crate) warm_up: Duration,
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
    /// Loads the relay and reads its figures.
    pub(crate) run: fn(&Running, &Plan) -> io::Result<Sample>,
}

/// What one run gave.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    /// The figure the scenario is named for.
    pub(crate) figure: f64,
    /// Other figures worth keeping, by name.
    pub(crate) beside: Vec<(&'static str, f64)>,
}

/// All questions, in the order they are asked.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "peak",
        figure: "packets per server CPU second, closed loop",
        more_is_better: true,
        run: packets::peak,
    },
    Scenario {
        name: "light",
        figure: "packets per server CPU second at 20,000 packets/s",
        more_is_better: true,
        run: packets::light,
    },
    Scenario { name: "idle", figure: "bytes per idle TLS client", more_is_better: false, run: idle::run },
    Scenario {
        name: "sessions",
        figure: "TLS + DERP sessions per server CPU second",
        more_is_better: true,
        run: sessions::run,
    },
    Scenario {
        name: "stun",
        figure: "STUN answers per server CPU second",
        more_is_better: true,
        run: stun::run,
    },
];

/// The share of its core that the generator used.
pub(crate) const GENERATOR: &str = "generator core busy";

/// What all but the relay and the generator used of the machine, in cores.
pub(crate) const OTHERS: &str = "other programs, cores";

/// Clocks read at the start of a timed run.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    start: Instant,
    server: Duration,
    generator: Duration,
    machine: Duration,
}

impl Stopwatch {
    /// Starts.
    ///
    /// # Errors
    /// The relay is gone.
    pub(crate) fn start(running: &Running) -> io::Result<Self> {
        Ok(Self {
            start: Instant::now(),
            server: running.cpu()?,
            generator: subject::own_cpu()?,
            machine: subject::machine_cpu()?,
        })
    }

    /// Turns a count into a count per server CPU second, with the shares of core time beside it.
    ///
    /// # Errors
    /// The relay is gone.
    pub(crate) fn stop(self, running: &Running, count: u64) -> io::Result<Sample> {
        let wall = self.start.elapsed().as_secs_f64();
        let server = (running.cpu()? - self.server).as_secs_f64();
        let generator = (subject::own_cpu()? - self.generator).as_secs_f64();
        let others = (subject::machine_cpu()? - self.machine).as_secs_f64() - server - generator;
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
        let count = count as f64;
        Ok(Sample {
            figure: count / server.max(0.01),
            beside: vec![
                ("per second", count / wall),
                ("server core busy", server / wall),
                (GENERATOR, generator / wall),
                (OTHERS, others.max(0.0) / wall),
            ],
        })
    }
}
