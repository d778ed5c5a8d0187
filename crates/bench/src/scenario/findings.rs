//! From counts to figures.

use super::bench::{Bench, ratio};
use crate::engine::{ClassTally, Layout, Outcome, Tally};
use crate::probe::{Process, Usage};
use crate::report::{Figure, Generator, MemoryPoint, RatePoint, Reason, Server, Stream, Unit};
use crate::verdict::{Evidence, judge};

/// What a scenario found out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Findings {
    pub(crate) figures: Vec<Figure>,
    pub(crate) streams: Vec<Stream>,
    pub(crate) rates: Vec<RatePoint>,
    pub(crate) memory: Vec<MemoryPoint>,
    pub(crate) generator: Generator,
    pub(crate) server: Option<Server>,
    /// The second relay of two.
    pub(crate) far: Option<Server>,
    pub(crate) reasons: Vec<Reason>,
}

impl Findings {
    /// Streams, the generator's state and the verdict over one load; figures are the scenario's own.
    pub(crate) fn of_load(bench: &Bench<'_>, layout: &Layout, outcome: &Outcome) -> Self {
        let tally = &outcome.tally;
        let classes = layout.classes.iter().zip(&tally.classes);
        let streams = classes.map(|(name, class)| stream(name, class, outcome.seconds)).collect();
        let generator = generator(tally, outcome);
        let is_closed = !layout.is_open();
        let reasons = reasons(bench, &generator, &outcome.usage, is_closed, tally.arrived());
        let [server, far] = servers(bench, &outcome.usage);
        Self { streams, generator, reasons, server, far, ..Self::default() }
    }

    /// The same over work that is not packets: `done` things came back.
    pub(crate) fn of_work(bench: &Bench<'_>, usage: &Usage, threads: usize, done: u64) -> Self {
        let generator = Generator {
            threads,
            busy: bench.own_share(usage.own),
            cores_used: usage.own,
            others_cores: usage.others,
            ..Generator::default()
        };
        let reasons = reasons(bench, &generator, usage, true, done);
        let [server, far] = servers(bench, usage);
        Self { generator, reasons, server, far, ..Self::default() }
    }

    /// Adds a figure per second of the relay's CPU time, the name of which starts with what is counted.
    pub(crate) fn per_cpu(&mut self, bench: &Bench<'_>, what: &str, usage: &Usage, count: u64) {
        let (name, label) = (format!("{what}_per_cpu_second"), format!("{what} per server CPU second"));
        let value = usage.per_server_second(count);
        let absent = match usage.server_seconds {
            Some(_) => "it took too little CPU time to tell; load it more, or for longer",
            None => &bench.no_server,
        };
        self.figures.push(Figure::maybe(&name, &label, Unit::PerCpuSecond, value, absent));
    }

    /// Adds the loss and the latency of one stream.
    pub(crate) fn loss_and_latency(&mut self, prefix: &str, label: &str, class: &ClassTally) {
        const NOTHING: &str = "nothing arrived";
        let name = |what: &str| if prefix.is_empty() { what.to_owned() } else { format!("{prefix}_{what}") };
        let label = |what: &str| if label.is_empty() { what.to_owned() } else { format!("{label}: {what}") };
        let loss = ratio(class.lost(), class.offered);
        self.figures.push(Figure::new(&name("loss"), &label("loss"), Unit::Share, loss));
        let quantiles = [
            ("p50_us", "latency p50", 0.5),
            ("p99_us", "latency p99", 0.99),
            ("p999_us", "latency p99.9", 0.999),
        ];
        for (what, shown, quantile) in quantiles {
            let value = class.ages.quantile(quantile);
            self.figures.push(Figure::maybe(&name(what), &label(shown), Unit::Micros, value, NOTHING));
        }
        let most = class.ages.quantile(1.0);
        self.figures.push(Figure::maybe(&name("max_us"), &label("latency max"), Unit::Micros, most, NOTHING));
    }
}

fn stream(name: &str, class: &ClassTally, seconds: f64) -> Stream {
    Stream {
        name: name.to_owned(),
        offered: class.offered,
        received: class.received,
        lost: class.lost(),
        held_back: class.held_back,
        loss: ratio(class.lost(), class.offered),
        delivered_per_second: per_second(class.arrived, seconds),
        latency: class.ages.latency(),
    }
}

fn generator(tally: &Tally, outcome: &Outcome) -> Generator {
    let least_idle = tally.idle.iter().copied().min().unwrap_or(0);
    let idle = std::time::Duration::from_nanos(least_idle).as_secs_f64();
    Generator {
        threads: tally.idle.len(),
        busy: (1.0 - idle / outcome.seconds.max(1e-9)).clamp(0.0, 1.0),
        cores_used: outcome.usage.own,
        late: ratio(tally.late, tally.left),
        latest_us: ratio(tally.latest, 1000),
        cut_off: tally.cut_off,
        others_cores: outcome.usage.others,
    }
}

/// What each relay of the run used.
fn servers(bench: &Bench<'_>, usage: &Usage) -> [Option<Server>; 2] {
    let server = |process: Option<Process>, seconds: Option<f64>| {
        let (process, cpu_seconds) = process.zip(seconds)?;
        let cores_used = cpu_seconds / usage.wall;
        Some(Server { pid: process.pid(), cpu_seconds, cores_used, memory: process.memory().ok() })
    };
    [server(bench.meter.server(), usage.server_seconds), server(bench.meter.far(), usage.far_seconds)]
}

fn reasons(
    bench: &Bench<'_>,
    generator: &Generator,
    usage: &Usage,
    is_closed: bool,
    arrived: u64,
) -> Vec<Reason> {
    judge(&evidence(bench, generator, usage, is_closed, arrived))
}

/// What was seen beside the figures.
pub(super) fn evidence(
    bench: &Bench<'_>,
    generator: &Generator,
    usage: &Usage,
    is_closed: bool,
    arrived: u64,
) -> Evidence {
    Evidence {
        is_closed,
        late: generator.late,
        busy: generator.busy,
        server: bench.server_share(usage.server()),
        others: usage.others,
        stolen: usage.stolen,
        arrived,
    }
}

/// A count as a rate.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
pub(super) fn per_second(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds.max(1e-9)
}
