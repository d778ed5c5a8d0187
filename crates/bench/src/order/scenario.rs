//! The questions there are.

use std::fmt;
use std::str::FromStr;

use super::knob::Knob;

/// A question to a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scenario {
    /// Memory per client that is connected and says nothing.
    Idle,
    /// New sessions.
    Connect,
    /// Packets at a fixed rate.
    Rate,
    /// As many packets as the relay takes.
    Peak,
    /// The highest rate almost without loss, and what happens at three times that.
    Ladder,
    /// Discovery packets beside a flood at the same receiver.
    Lanes,
    /// An ordinary sender beside a flood at the same receiver.
    Fair,
    /// A good receiver beside one that does not read.
    Slow,
    /// STUN answers.
    Stun,
    /// Packets of a pair while others come and go.
    Churn,
    /// Packets from one relay to the next.
    Mesh,
}

/// Who sends to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Pattern {
    /// One sender for each receiver.
    #[default]
    Pairs,
    /// Each client sends to all others in turn.
    AllToAll,
    /// All clients but one send to that one.
    OneHot,
}

/// Each scenario with its name.
const NAMES: [(Scenario, &str); 11] = [
    (Scenario::Idle, "idle"),
    (Scenario::Connect, "connect"),
    (Scenario::Rate, "rate"),
    (Scenario::Peak, "peak"),
    (Scenario::Ladder, "ladder"),
    (Scenario::Lanes, "lanes"),
    (Scenario::Fair, "fair"),
    (Scenario::Slow, "slow"),
    (Scenario::Stun, "stun"),
    (Scenario::Churn, "churn"),
    (Scenario::Mesh, "mesh"),
];

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Idle,
        Self::Connect,
        Self::Rate,
        Self::Peak,
        Self::Ladder,
        Self::Lanes,
        Self::Fair,
        Self::Slow,
        Self::Stun,
        Self::Churn,
        Self::Mesh,
    ];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(scenario, _)| *scenario == self).map_or("", |(_, name)| name)
    }

    /// How many relays it is about.
    #[must_use]
    pub const fn relays(self) -> usize {
        match self {
            Self::Mesh => 2,
            _ => 1,
        }
    }

    /// What it asks, in one line.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Idle => "memory per client that is connected and silent",
            Self::Connect => "new TLS and DERP sessions, no resumption",
            Self::Rate => "packets at a fixed rate: loss, latency, CPU",
            Self::Peak => "as many packets as the relay takes, so many on their way at once",
            Self::Ladder => "the highest rate with a loss below 0.1 %, then what is left at three times that",
            Self::Lanes => "discovery packets beside a flood at the same slow receiver",
            Self::Fair => "an ordinary sender beside a flood at the same slow receiver",
            Self::Slow => "a good receiver beside one that does not read",
            Self::Stun => "STUN answers",
            Self::Churn => "a pair's packets while clients come and go",
            Self::Mesh => {
                "packets from clients of one relay to clients of another, over the link between them"
            }
        }
    }

    /// The settings that have an effect on it.
    #[must_use]
    pub const fn knobs(self) -> &'static [Knob] {
        use Knob::{
            Burst, Clients, ConnectRate, Diallers, Duration, IdleBeside, InFlight, Outstanding, Pairs,
            Pattern, ProbeRate, Rate, ReceiveBuffer, Seed, Size, Takes, Threads, WarmUp,
        };
        match self {
            Self::Idle => &[Clients, Diallers, Duration],
            Self::Connect => &[Clients, Diallers, Duration, WarmUp],
            Self::Rate => &[
                Pattern, Pairs, Clients, Size, Rate, Burst, IdleBeside, Duration, WarmUp, Threads, Diallers,
                Seed,
            ],
            Self::Peak => &[
                Pattern, Pairs, Clients, Size, InFlight, IdleBeside, Duration, WarmUp, Threads, Diallers,
                Seed,
            ],
            Self::Ladder => &[Pairs, Size, Rate, Burst, InFlight, Duration, WarmUp, Threads],
            Self::Lanes | Self::Fair => {
                &[Clients, Size, Rate, Burst, ProbeRate, Takes, ReceiveBuffer, Duration, WarmUp, Threads]
            }
            Self::Slow => &[Clients, Size, Rate, Burst, Duration, WarmUp, Threads],
            Self::Stun => &[Outstanding, Duration, WarmUp],
            Self::Churn => &[ConnectRate, Pairs, Size, Rate, Burst, Duration, WarmUp, Diallers, Threads],
            Self::Mesh => &[Pairs, Size, Rate, Burst, Duration, WarmUp, Threads],
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scenario {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = NAMES.iter().find(|(_, name)| *name == text).map(|(scenario, _)| *scenario);
        found.ok_or_else(|| format!("one of {}", NAMES.map(|(_, name)| name).join(", ")))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pairs => "pairs",
            Self::AllToAll => "all-to-all",
            Self::OneHot => "one-hot",
        })
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "pairs" => Ok(Self::Pairs),
            "all-to-all" => Ok(Self::AllToAll),
            "one-hot" => Ok(Self::OneHot),
            _ => Err("one of pairs, all-to-all, one-hot".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scenario_is_found_by_its_name() {
        for scenario in Scenario::ALL {
            assert_eq!(scenario.to_string().parse(), Ok(scenario));
            assert!(!scenario.knobs().is_empty(), "{scenario}");
        }
        assert!("peek".parse::<Scenario>().unwrap_err().contains("ladder"));
    }
}
