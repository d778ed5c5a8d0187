//! How much of everything.

use std::time::Duration;

use thiserror::Error;
use wherry_wire::derp::MAX_PACKET;

use super::amount::show_duration;
use super::knob::Knob;
use super::scenario::{Pattern, Scenario};
use crate::engine::{MIN_DISCO_LEN, MIN_LEN};

/// Settings of one run. Those that its scenario does not have are without effect.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// Who sends to whom.
    pub pattern: Pattern,
    /// Pairs of clients, one sending, one receiving.
    pub pairs: usize,
    /// Clients: those that are idle, those that connect in turn, those of a pattern, those that flood, or those that one sender
    /// sends to.
    pub clients: usize,
    /// Bytes of a packet.
    pub size: usize,
    /// Packets a second, all senders together; of a ladder its first step.
    pub rate: u64,
    /// Packets that leave at once, in one write; none: as few as a core can send one by one.
    pub burst: Option<u64>,
    /// Packets of one sender on their way at once.
    pub in_flight: u64,
    /// Packets a second of the stream that is looked at beside a flood.
    pub probe_rate: u64,
    /// Clients that come, and go again at once, a second.
    pub connect_rate: u64,
    /// Bits a second that the slow receiver takes.
    pub takes: u64,
    /// Receive buffer of the slow receiver's socket, bytes, as the kernel counts: its own bookkeeping is in it.
    pub receive_buffer: usize,
    /// Silent clients connected beside the load.
    pub idle_beside: usize,
    /// STUN requests on their way at once.
    pub outstanding: usize,
    /// Clients that dial at once.
    pub diallers: usize,
    /// Time that counts; of a ladder that of one step; of idle clients how long they are silent before memory is read.
    pub duration: Duration,
    /// Load before that.
    pub warm_up: Duration,
    /// Threads that send and receive.
    pub threads: usize,
    /// Seed of what is drawn by lot.
    pub seed: u64,
}

/// Why settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("--{flag} {value}: {allowed}")]
pub struct BadSetting {
    /// The flag, without its dashes.
    pub flag: &'static str,
    /// The value given.
    pub value: String,
    /// What is allowed.
    pub allowed: String,
}

/// Above so many packets a second they leave in bursts unless told otherwise: writing to sockets more often would take
/// most of a core.
const SINGLE: u64 = 25_000;

impl Settings {
    /// The defaults of a scenario.
    #[must_use]
    pub fn of(scenario: Scenario) -> Self {
        let base = Self {
            pattern: Pattern::Pairs,
            pairs: 10,
            clients: 20,
            size: 1400,
            rate: 20_000,
            burst: Some(1),
            in_flight: 64,
            probe_rate: 500,
            connect_rate: 100,
            takes: 200_000_000,
            receive_buffer: 256 * 1024,
            idle_beside: 0,
            outstanding: 64,
            diallers: 8,
            duration: Duration::from_secs(5),
            warm_up: Duration::from_secs(1),
            threads: 1,
            seed: 1,
        };
        match scenario {
            Scenario::Idle => Self { clients: 5000, diallers: 4, duration: Duration::from_secs(2), ..base },
            Scenario::Connect => Self { clients: 512, ..base },
            Scenario::Rate | Scenario::Peak | Scenario::Stun | Scenario::Mesh => base,
            Scenario::Ladder => Self {
                burst: None,
                duration: Duration::from_secs(2),
                warm_up: Duration::from_millis(500),
                ..base
            },
            Scenario::Lanes => Self { clients: 4, rate: 400_000, burst: None, ..base },
            Scenario::Fair => Self { clients: 4, rate: 400_000, burst: None, probe_rate: 2000, ..base },
            Scenario::Slow => Self { clients: 2, rate: 10_000, ..base },
            Scenario::Churn => Self { pairs: 1, rate: 1000, ..base },
        }
    }

    /// The settings that have an effect on a scenario with this pattern.
    #[must_use]
    pub fn knobs(&self, scenario: Scenario) -> Vec<Knob> {
        let all = scenario.knobs();
        let idle = match (all.contains(&Knob::Pattern), self.pattern) {
            (false, _) => None,
            (true, Pattern::Pairs) => Some(Knob::Clients),
            (true, _) => Some(Knob::Pairs),
        };
        all.iter().copied().filter(|knob| Some(*knob) != idle).collect()
    }

    /// Packets that leave at once at that rate.
    #[must_use]
    pub fn burst_at(&self, rate: u64) -> u64 {
        self.burst.unwrap_or_else(|| rate.div_ceil(SINGLE)).max(1)
    }

    /// Whether the scenario can run with them.
    ///
    /// # Errors
    /// [`BadSetting`] of the first that is out of bounds.
    pub fn check(&self, scenario: Scenario) -> Result<(), BadSetting> {
        let knobs = self.knobs(scenario);
        let has = |knob| knobs.contains(&knob);
        let bad = |knob: Knob, allowed: String| {
            Err(BadSetting { flag: knob.flag(), value: self.value(knob), allowed })
        };
        let least = if scenario == Scenario::Lanes { MIN_DISCO_LEN } else { MIN_LEN };
        if has(Knob::Size) && !(least..=MAX_PACKET).contains(&self.size) {
            return bad(Knob::Size, format!("a packet here has from {least} to {MAX_PACKET} bytes"));
        }
        let fewest = match (scenario, self.pattern) {
            (Scenario::Slow, _) => 2,
            (Scenario::Rate | Scenario::Peak, Pattern::AllToAll | Pattern::OneHot) => 2,
            (Scenario::Idle, _) => 101,
            _ => 1,
        };
        if has(Knob::Clients) && self.clients < fewest {
            let why = match scenario {
                Scenario::Idle => ": what start-up costs is in the first 100, which are not counted",
                _ => "",
            };
            return bad(Knob::Clients, format!("this takes {fewest} clients at least{why}"));
        }
        if has(Knob::Duration) && self.duration < Duration::from_millis(10) {
            return bad(
                Knob::Duration,
                "10ms at least, and a second or more for figures to trust".to_owned(),
            );
        }
        let counts = [
            (Knob::Pairs, self.pairs),
            (Knob::Outstanding, self.outstanding),
            (Knob::Diallers, self.diallers),
            (Knob::Threads, self.threads),
        ];
        match counts.into_iter().find(|(knob, count)| has(*knob) && *count == 0) {
            Some((knob, _)) => bad(knob, "one at least".to_owned()),
            None => Ok(()),
        }
    }

    /// A setting as its flag would take it.
    #[must_use]
    pub fn value(&self, knob: Knob) -> String {
        match knob {
            Knob::Pattern => self.pattern.to_string(),
            Knob::Pairs => self.pairs.to_string(),
            Knob::Clients => self.clients.to_string(),
            Knob::Size => self.size.to_string(),
            Knob::Rate => self.rate.to_string(),
            Knob::Burst => self.burst.map_or_else(|| "auto".to_owned(), |burst| burst.to_string()),
            Knob::InFlight => self.in_flight.to_string(),
            Knob::ProbeRate => self.probe_rate.to_string(),
            Knob::ConnectRate => self.connect_rate.to_string(),
            Knob::Takes => self.takes.to_string(),
            Knob::ReceiveBuffer => self.receive_buffer.to_string(),
            Knob::IdleBeside => self.idle_beside.to_string(),
            Knob::Outstanding => self.outstanding.to_string(),
            Knob::Diallers => self.diallers.to_string(),
            Knob::Duration => show_duration(self.duration),
            Knob::WarmUp => show_duration(self.warm_up),
            Knob::Threads => self.threads.to_string(),
            Knob::Seed => self.seed.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_of_every_scenario_pass_their_own_check() {
        for scenario in Scenario::ALL {
            assert_eq!(Settings::of(scenario).check(scenario), Ok(()), "{scenario}");
        }
    }

    #[test]
    fn what_is_out_of_bounds_is_named_with_its_flag_and_what_is_allowed() {
        let settings = Settings { size: 20, ..Settings::of(Scenario::Rate) };
        let bad = settings.check(Scenario::Rate).unwrap_err();
        assert_eq!(bad.to_string(), "--size 20: a packet here has from 32 to 65536 bytes");
        assert_eq!(settings.check(Scenario::Stun), Ok(()), "STUN has no packets");
    }

    #[test]
    fn bursts_grow_with_the_rate_unless_told() {
        let settings = Settings::of(Scenario::Ladder);
        assert_eq!([20_000, 25_000, 25_001, 400_000].map(|rate| settings.burst_at(rate)), [1, 1, 2, 16]);
        assert_eq!(Settings { burst: Some(1), ..settings }.burst_at(400_000), 1);
    }
}
