//! The whole report.

use serde::{Deserialize, Serialize};

use super::figure::Figure;

/// What one run of one scenario gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Name of the scenario.
    pub scenario: String,
    /// Whether it is a result: the relay was measured, not the generator or the machine's other guests.
    pub valid: bool,
    /// Why it is none; empty if it is.
    pub reasons: Vec<Reason>,
    /// What could not be checked, in plain words.
    pub unchecked: Vec<String>,
    /// Whether somebody stopped it before its end.
    pub interrupted: bool,
    /// Version of the generator.
    pub version: String,
    /// When it began, seconds since 1970.
    pub started: u64,
    /// The relay: host and port as asked for.
    pub relay: String,
    /// The address that was loaded.
    pub address: String,
    /// Whether it was spoken to over TLS.
    pub is_tls: bool,
    /// The machine of the generator.
    pub machine: Machine,
    /// What was asked for, defaults included.
    pub settings: Vec<Setting>,
    /// What the scenario is for.
    pub figures: Vec<Figure>,
    /// What happened to packets, by kind.
    pub streams: Vec<Stream>,
    /// Rates offered and what came of each, in ascending order; only of a ladder.
    pub rates: Vec<RatePoint>,
    /// Memory of the relay against connected clients; only of idle clients.
    pub memory: Vec<MemoryPoint>,
    /// How the generator itself fared.
    pub generator: Generator,
    /// What the relay used, if its process is known.
    pub server: Option<Server>,
    /// The second relay of a scenario about two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub far: Option<Far>,
}

/// The second relay of a scenario about two.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Far {
    /// Host and port as asked for.
    pub relay: String,
    /// The address that was loaded.
    pub address: String,
    /// Whether it was spoken to over TLS.
    pub is_tls: bool,
    /// What it used, if its process is known.
    pub server: Option<Server>,
}

/// Why a run is no result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// For scripts.
    pub code: ReasonCode,
    /// For people: what was seen and what to do.
    pub text: String,
}

/// The kinds of reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ReasonCode {
    /// Packets left later than they were due: latency and loss are partly the generator's. Of no figure is anything left.
    GeneratorLate,
    /// The generator had no time to spare while the relay had: rates and latency are the generator's. Work per CPU second
    /// of the relay stands.
    GeneratorFull,
    /// Other programs used the machine.
    OtherPrograms,
    /// The machine below this one took CPU time away.
    Stolen,
    /// Nothing arrived at all.
    NothingArrived,
    /// The relay's memory did not grow with the clients that were counted: there are too few to tell.
    NoGrowth,
    /// Somebody stopped it before anything was counted.
    Stopped,
}

/// The machine of the generator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Model of the processor.
    pub processor: String,
    /// Its cores.
    pub cores: usize,
    /// Cores that the generator may use.
    pub generator_cores: usize,
    /// Version of the kernel.
    pub kernel: String,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// The flag without its dashes.
    pub name: String,
    /// Its value as the flag would take it.
    pub value: String,
}

/// Packets of one kind: `offered` is `received` and `lost`, and `lost` has `held_back` in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stream {
    /// What they are.
    pub name: String,
    /// Packets that were due.
    pub offered: u64,
    /// Packets that arrived.
    pub received: u64,
    /// Packets that did not.
    pub lost: u64,
    /// Packets that never left, because the relay did not read from their sender.
    pub held_back: u64,
    /// `lost` as a share of `offered`.
    pub loss: f64,
    /// Packets that arrived per second.
    pub delivered_per_second: f64,
    /// Time from when a packet was due to when it was read; none if nothing arrived.
    pub latency: Option<Latency>,
}

/// A distribution of times, microseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Latency {
    pub count: u64,
    pub mean_us: f64,
    pub p50_us: f64,
    pub p90_us: f64,
    pub p99_us: f64,
    pub p999_us: f64,
    pub max_us: f64,
    /// For a plot, ascending.
    pub points: Vec<LatencyPoint>,
}

/// One point of a distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LatencyPoint {
    /// Share of all that are at most this late; 1 is all.
    pub quantile: f64,
    /// The time, microseconds.
    pub micros: f64,
    /// How many lie between the point before and this one.
    pub count: u64,
}

/// One rate and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RatePoint {
    /// Packets per second that were due.
    pub offered_per_second: f64,
    /// Packets per second that arrived.
    pub delivered_per_second: f64,
    /// Share that did not arrive.
    pub loss: f64,
    /// Median of the time from when a packet was due to when it was read, microseconds.
    pub p50_us: Option<f64>,
    /// 99th percentile of the same.
    pub p99_us: Option<f64>,
    /// Packets per second of the relay's CPU time.
    pub per_cpu_second: Option<f64>,
    /// Share that never left, because the relay did not read from their senders.
    pub held_back: f64,
    /// Share of its time that the generator had something to do.
    pub generator_busy: f64,
    /// Cores that the relay used.
    pub server_cores: Option<f64>,
    /// Whether the generator kept pace.
    pub valid: bool,
}

/// Memory at one number of clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryPoint {
    /// Connected clients.
    pub clients: usize,
    /// Proportional set size of the relay, bytes.
    pub bytes: u64,
}

/// How the generator fared.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Generator {
    /// Threads that sent and received.
    pub threads: usize,
    /// Share of its time that the busiest of them had something to do.
    pub busy: f64,
    /// Cores that the whole process used, waiting in circles included.
    pub cores_used: f64,
    /// Share of packets that left more than a millisecond after they were due.
    pub late: f64,
    /// The longest delay of one, microseconds.
    pub latest_us: f64,
    /// Clients whose connection the relay ended.
    pub cut_off: u64,
    /// Cores that other programs used; none if the relay is here and its process is not known.
    pub others_cores: Option<f64>,
}

/// What the relay used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Server {
    /// Number of its process.
    pub pid: u32,
    /// CPU seconds, user and system, while it counted.
    pub cpu_seconds: f64,
    /// The same in cores: 1 is one core all the time.
    pub cores_used: f64,
    /// Proportional set size after the run, bytes; none if this user may not see it.
    pub memory: Option<u64>,
}
