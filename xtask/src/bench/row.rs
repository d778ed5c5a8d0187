//! The rows of the table: which figure of which load, and what we aim at.

/// What is aimed at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Aim {
    /// At least so many times the reference.
    Times(f64),
    /// At most so many times the reference.
    OfReference(f64),
    /// At least that, whatever the reference does.
    AtLeast(f64),
    /// At most that, whatever the reference does.
    AtMost(f64),
    /// Nothing; it is there to be seen.
    None,
}

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Things.
    Count,
    /// Microseconds.
    Micros,
    /// Bytes.
    Bytes,
    /// A share that is close to none: per cent.
    Loss,
    /// A ratio of two runs.
    Share,
}

/// Where a row's value comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    /// A figure of a load.
    Figure(&'static str, &'static str),
    /// A figure of one load divided by the same of another, round by round.
    Share(&'static str, [&'static str; 2]),
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    /// The heading above it.
    pub(crate) group: &'static str,
    /// What it says.
    pub(crate) label: &'static str,
    /// Its value.
    pub(crate) source: Source,
    /// In what.
    pub(crate) unit: Unit,
    /// Whether more is better.
    pub(crate) more_is_better: bool,
    /// What is aimed at.
    pub(crate) aim: Aim,
}

const CPU: &str = "packets_per_cpu_second";
const WORK: &str = "Work per second of the relay's CPU time";
const OVERLOAD: &str = "Overload and neighbours";
const TIME: &str = "Latency";
const SIZE: &str = "Sessions, memory, crowds";
const MIXED: &str = "Mixed cases";

const fn more(
    group: &'static str,
    label: &'static str,
    load: &'static str,
    figure: &'static str,
    aim: Aim,
) -> Row {
    Row { group, label, source: Source::Figure(load, figure), unit: Unit::Count, more_is_better: true, aim }
}

const fn less(unit: Unit, row: Row) -> Row {
    Row { unit, more_is_better: false, ..row }
}

const fn share(row: Row) -> Row {
    Row { unit: Unit::Share, ..row }
}

/// The row's figure of one load against that of another.
const fn against(row: Row, loads: [&'static str; 2]) -> Row {
    let (Source::Figure(_, figure) | Source::Share(figure, _)) = row.source;
    Row { source: Source::Share(figure, loads), unit: Unit::Share, ..row }
}

/// All rows, in the order they are shown.
pub(crate) const ROWS: &[Row] = &[
    more(WORK, "packets at 20,000/s, evenly spaced", "light", CPU, Aim::Times(1.7)),
    more(WORK, "packets at 20,000/s, bursts of 20", "bursts", CPU, Aim::Times(2.3)),
    more(WORK, "packets at 100,000/s, evenly spaced", "steady", CPU, Aim::Times(1.9)),
    more(WORK, "packets at peak, closed loop", "peak", CPU, Aim::Times(5.5)),
    less(
        Unit::Share,
        against(
            more(WORK, "CPU of a packet at peak against a plain TCP copy", "peak", CPU, Aim::AtMost(2.0)),
            ["copy", "peak"],
        ),
    ),
    less(
        Unit::Share,
        against(
            more(
                WORK,
                "CPU of a packet at peak, two workers against one",
                "two-workers",
                CPU,
                Aim::AtMost(1.15),
            ),
            ["peak", "two-workers"],
        ),
    ),
    more(WORK, "STUN answers", "stun", "answers_per_cpu_second", Aim::Times(1.5)),
    more(
        OVERLOAD,
        "highest rate with a loss below 0.1 %, packets/s",
        "ladder",
        "highest_rate",
        Aim::Times(2.8),
    ),
    share(more(
        OVERLOAD,
        "delivered at three times that, of the relay's own peak",
        "ladder",
        "overload_share",
        Aim::AtLeast(0.95),
    )),
    against(
        more(
            OVERLOAD,
            "the same, against what a plain TCP copy delivers of its peak when offered twice as much",
            "",
            "overload_share",
            Aim::None,
        ),
        ["ladder", "copy"],
    ),
    share(more(
        OVERLOAD,
        "flood at a slow receiver: bulk, of what it takes",
        "lanes",
        "bulk_share",
        Aim::AtLeast(0.95),
    )),
    less(
        Unit::Micros,
        more(OVERLOAD, "discovery packets beside that flood, p50", "lanes", "discovery_p50_us", Aim::None),
    ),
    less(Unit::Micros, more(OVERLOAD, "the same, p99", "lanes", "discovery_p99_us", Aim::AtMost(14_000.0))),
    less(Unit::Loss, more(OVERLOAD, "the same, loss", "lanes", "discovery_loss", Aim::None)),
    share(more(
        OVERLOAD,
        "receiver with a buffer of 64 KiB: bulk, of what it takes",
        "lanes-64",
        "bulk_share",
        Aim::AtLeast(0.95),
    )),
    less(
        Unit::Micros,
        more(OVERLOAD, "discovery packets to that one, p50", "lanes-64", "discovery_p50_us", Aim::None),
    ),
    less(Unit::Micros, more(OVERLOAD, "the same, p99", "lanes-64", "discovery_p99_us", Aim::AtMost(8_000.0))),
    less(
        Unit::Loss,
        more(OVERLOAD, "ordinary sender beside a flood, loss", "fair", "ordinary_loss", Aim::AtMost(0.001)),
    ),
    less(Unit::Micros, more(OVERLOAD, "the same, p99", "fair", "ordinary_p99_us", Aim::AtMost(14_000.0))),
    less(
        Unit::Loss,
        more(OVERLOAD, "good receiver beside a frozen one, loss", "slow", "good_loss", Aim::AtMost(0.0)),
    ),
    less(
        Unit::Loss,
        more(OVERLOAD, "pair beside 100 connects/s, loss", "churn", "pair_loss", Aim::AtMost(0.0)),
    ),
    less(Unit::Micros, more(OVERLOAD, "the same, p99", "churn", "pair_p99_us", Aim::OfReference(1.0))),
    less(Unit::Micros, more(TIME, "at 20,000 packets/s, p50", "light", "p50_us", Aim::OfReference(0.9))),
    less(Unit::Micros, more(TIME, "the same, p99", "light", "p99_us", Aim::OfReference(0.7))),
    more(
        SIZE,
        "new sessions per CPU second, clients that come back",
        "sessions",
        "sessions_per_cpu_second",
        Aim::Times(2.8),
    ),
    more(
        SIZE,
        "the same, clients that the relay does not know",
        "strangers",
        "sessions_per_cpu_second",
        Aim::Times(2.8),
    ),
    less(
        Unit::Bytes,
        more(SIZE, "bytes per idle TLS client", "idle", "bytes_per_client", Aim::AtMost(6144.0)),
    ),
    against(
        more(
            SIZE,
            "work per CPU second at peak, with idle clients beside, against none",
            "",
            CPU,
            Aim::AtLeast(0.95),
        ),
        ["beside-idle", "peak"],
    ),
    against(
        more(SIZE, "1,000 clients all to all against 20, at 50,000 packets/s", "", CPU, Aim::AtLeast(0.85)),
        ["crowd-1000", "crowd-20"],
    ),
    against(
        more(SIZE, "the same, closed loop", "", CPU, Aim::AtLeast(0.85)),
        ["crowd-1000-peak", "crowd-20-peak"],
    ),
    more(SIZE, "packets per CPU second, 1,000 clients, closed loop", "crowd-1000-peak", CPU, Aim::None),
    more(MIXED, "packets of 64 bytes per CPU second", "small", CPU, Aim::None),
    more(MIXED, "packets of 64 KiB per CPU second", "large", CPU, Aim::None),
    more(MIXED, "packets per CPU second, one hot receiver among a hundred", "hot", CPU, Aim::None),
    less(
        Unit::Loss,
        more(MIXED, "nine good receivers beside a frozen one, loss", "frozen", "good_loss", Aim::AtMost(0.0)),
    ),
    less(Unit::Micros, more(MIXED, "the same, p99", "frozen", "good_p99_us", Aim::None)),
];

impl Aim {
    /// Whether it is reached; none if there is nothing to compare with.
    pub(crate) fn is_reached(self, ours: f64, theirs: Option<f64>) -> Option<bool> {
        match self {
            Self::Times(times) => theirs.map(|theirs| ours >= times * theirs),
            Self::OfReference(share) => theirs.map(|theirs| ours <= share * theirs),
            Self::AtLeast(least) => Some(ours >= least),
            Self::AtMost(most) => Some(ours <= most),
            Self::None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::LOADS;

    #[test]
    fn each_row_reads_a_load_that_is_driven() {
        for row in ROWS {
            let loads = match row.source {
                Source::Figure(load, _) => vec![load],
                Source::Share(_, loads) => loads.to_vec(),
            };
            for name in loads {
                assert!(LOADS.iter().any(|load| load.name == name), "{}: {name}", row.label);
            }
        }
    }

    #[test]
    fn aims_are_reached_at_their_very_value() {
        assert_eq!(Aim::Times(2.0).is_reached(4.0, Some(2.0)), Some(true));
        assert_eq!(Aim::Times(2.0).is_reached(3.9, Some(2.0)), Some(false));
        assert_eq!(Aim::OfReference(0.9).is_reached(9.0, Some(10.0)), Some(true));
        assert_eq!(Aim::OfReference(0.9).is_reached(9.1, Some(10.0)), Some(false));
        assert_eq!(Aim::AtMost(0.0).is_reached(0.0, None), Some(true));
        assert_eq!(Aim::AtLeast(0.95).is_reached(0.94, None), Some(false));
        assert_eq!(Aim::Times(2.0).is_reached(4.0, None), None);
    }
}
