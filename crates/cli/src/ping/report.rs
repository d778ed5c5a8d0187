//! What was found out about one relay.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// All about one relay.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The entry's name, else the host.
    pub(super) name: String,
    pub(super) host: String,
    pub(super) port: u16,
    /// The address that answered.
    pub(super) addr: Option<SocketAddr>,
    /// The relay's key.
    pub(super) server_key: Option<String>,
    /// The key of the node that asked; none is a throw-away one.
    pub(super) asked_as: Option<String>,
    pub(super) tls: Option<Tls>,
    /// This host's address as the relay's STUN sees it.
    pub(super) your_addr: Option<SocketAddr>,
    pub(super) steps: Vec<Step>,
    /// What is worth knowing though nothing is wrong.
    pub(super) notes: Vec<String>,
    /// It was looked at up to its admission, which is closed to the throw-away key.
    pub(super) closed: bool,
    pub(super) healthy: bool,
}

/// What its TLS showed.
#[derive(Debug, Serialize)]
pub(super) struct Tls {
    /// `1.2` or `1.3`.
    pub(super) version: &'static str,
    /// The pin of its certificate.
    pub(super) pin: Option<String>,
    /// Whether its key was known from its certificate, which saves a round trip.
    pub(super) fast_start: bool,
}

/// One step over all rounds.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    pub(super) step: Name,
    /// Rounds that got as far as this step.
    pub(super) tried: usize,
    /// Rounds in which it worked.
    pub(super) worked: usize,
    #[serde(rename = "min_ms", serialize_with = "millis")]
    pub(super) min: Option<Duration>,
    #[serde(rename = "median_ms", serialize_with = "millis")]
    pub(super) median: Option<Duration>,
    #[serde(rename = "max_ms", serialize_with = "millis")]
    pub(super) max: Option<Duration>,
    pub(super) problem: Option<Problem>,
}

/// The steps, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Name {
    Dns,
    Tcp,
    Tls,
    /// HTTP upgrade and DERP handshake.
    Handshake,
    /// A packet from one connection to another.
    Relay,
    Stun,
}

/// What went wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Problem {
    pub(super) what: String,
    pub(super) remedy: String,
}

/// A step while it is measured.
#[derive(Debug)]
pub(super) struct Tally {
    step: Name,
    times: Vec<Duration>,
    failed: usize,
    problem: Option<Problem>,
}

impl Name {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Handshake => "handshake",
            Self::Relay => "relay",
            Self::Stun => "stun",
        }
    }

    /// Packets and datagrams may get lost; a step of a dial may not fail.
    fn may_lose(self) -> bool {
        matches!(self, Self::Relay | Self::Stun)
    }
}

impl Tally {
    pub(super) fn new(step: Name) -> Self {
        Self { step, times: Vec::new(), failed: 0, problem: None }
    }

    pub(super) fn worked(&mut self, took: Duration) {
        self.times.push(took);
    }

    /// Only the first problem is kept.
    pub(super) fn failed(&mut self, problem: impl FnOnce() -> Problem) {
        self.failed += 1;
        self.problem.get_or_insert_with(problem);
    }

    /// Counts a failure that is no problem of its own.
    pub(super) fn missed(&mut self) {
        self.failed += 1;
    }

    /// Says what was behind the failures that were no problems of their own.
    pub(super) fn blame(&mut self, problem: Problem) {
        self.problem.get_or_insert(problem);
    }

    pub(super) fn has_worked(&self) -> bool {
        !self.times.is_empty()
    }

    /// The step's line; none if no round got here.
    pub(super) fn close(mut self) -> Option<Step> {
        self.times.sort_unstable();
        let (tried, worked) = (self.times.len() + self.failed, self.times.len());
        let forgiven = self.step.may_lose() && worked > 0;
        (tried > 0).then(|| Step {
            step: self.step,
            tried,
            worked,
            min: self.times.first().copied(),
            median: median(&self.times),
            max: self.times.last().copied(),
            problem: self.problem.filter(|_| !forgiven),
        })
    }
}

/// The middle of sorted times, or between the two middle ones.
fn median(times: &[Duration]) -> Option<Duration> {
    let (low, high) = (times.len().checked_sub(1)? / 2, times.len() / 2);
    Some((*times.get(low)? + *times.get(high)?) / 2)
}

/// Milliseconds to the microsecond.
fn millis<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.serialize_f64((time.as_secs_f64() * 1e6).round() / 1e3),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn problem() -> Problem {
        Problem { what: "no".into(), remedy: "do".into() }
    }

    #[test]
    fn a_step_is_its_least_middle_and_greatest_time() {
        let mut tally = Tally::new(Name::Tcp);
        [5, 1, 3].iter().for_each(|ms| tally.worked(MS(*ms)));
        let step = tally.close().unwrap();
        assert_eq!((step.min, step.median, step.max), (Some(MS(1)), Some(MS(3)), Some(MS(5))));
        assert_eq!((step.tried, step.worked, step.problem), (3, 3, None));
        let mut tally = Tally::new(Name::Tcp);
        [5, 1].iter().for_each(|ms| tally.worked(MS(*ms)));
        assert_eq!(tally.close().unwrap().median, Some(MS(3)));
        assert!(Tally::new(Name::Tcp).close().is_none());
    }

    #[test]
    fn one_failed_dial_is_a_problem_and_one_lost_datagram_is_not() {
        for (name, expected) in [(Name::Tls, Some(problem())), (Name::Stun, None)] {
            let mut tally = Tally::new(name);
            tally.worked(MS(1));
            tally.failed(problem);
            assert_eq!(tally.close().unwrap().problem, expected);
        }
        let mut tally = Tally::new(Name::Stun);
        tally.failed(problem);
        assert_eq!(tally.close().unwrap().problem, Some(problem()));
    }
}
