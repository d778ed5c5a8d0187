//! Everything measured, and what of it counts: medians and spread over the rounds.

use crate::load::Load;
use crate::row::{Aim, Row, Source};
use crate::sample::Sample;
use crate::subject::{COPY, DERPERS, WHERRY};
use std::collections::BTreeMap;

/// One run.
#[derive(Debug)]
pub(crate) struct Run {
    /// What was driven.
    pub(crate) load: &'static Load,
    /// At whom.
    pub(crate) relay: &'static str,
    /// In which round, from 1.
    pub(crate) round: usize,
    /// What it gave.
    pub(crate) sample: Sample,
}

/// Everything measured, in order of measurement.
#[derive(Debug, Default)]
pub(crate) struct Results {
    /// All runs; of two of one round the second counts.
    pub(crate) runs: Vec<Run>,
}

/// A value over all rounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    /// The least.
    pub(crate) least: f64,
    /// The median.
    pub(crate) median: f64,
    /// The most.
    pub(crate) most: f64,
    /// Whether at least one round gave a result; only such rounds are in the figures then.
    pub(crate) is_result: bool,
}

/// A row with its values.
#[derive(Debug)]
pub(crate) struct Line {
    /// The row.
    pub(crate) row: &'static Row,
    /// Ours.
    pub(crate) ours: Spread,
    /// The better reference and its name.
    pub(crate) theirs: Option<(Spread, &'static str)>,
}

impl Results {
    /// A row's values; none if nothing of it was measured.
    pub(crate) fn line(&self, row: &'static Row) -> Option<Line> {
        let ours = self.spread(row, WHERRY)?;
        let mut theirs: Vec<_> =
            DERPERS.iter().filter_map(|name| Some((self.spread(row, name)?, *name))).collect();
        theirs.sort_by(|a, b| {
            let by_value = a.0.median.total_cmp(&b.0.median);
            a.0.is_result.cmp(&b.0.is_result).then(if row.more_is_better {
                by_value
            } else {
                by_value.reverse()
            })
        });
        Some(Line { row, ours, theirs: theirs.pop() })
    }

    /// Runs that were no result, by load, relay and reason: how many, of how many.
    pub(crate) fn doubts(&self) -> Vec<String> {
        let mut doubts = BTreeMap::<(&str, &str, &str), usize>::new();
        for Run { load, relay, sample, .. } in &self.runs {
            for (code, _) in &sample.reasons {
                *doubts.entry((load.name, relay, code.as_str())).or_default() += 1;
            }
        }
        let line = |((load, relay, code), count): ((&str, &str, &str), usize)| {
            let all = self.runs.iter().filter(|run| run.load.name == load && run.relay == relay).count();
            format!("{load}, {relay}: {code} in {count} of {all} runs")
        };
        doubts.into_iter().map(line).collect()
    }

    fn spread(&self, row: &Row, relay: &str) -> Option<Spread> {
        let values = match row.source {
            Source::Figure(load, figure) => self.values(load, figure, relay),
            Source::Share(figure, [above, below]) => {
                let below = self.values(below, figure, relay);
                let above = self.values(above, figure, relay);
                let share = |(round, (above, is_result)): (usize, (f64, bool))| {
                    let (below, is_also) = below.get(&round)?;
                    Some((round, (above / below, is_result && *is_also)))
                };
                above.into_iter().filter_map(share).collect()
            }
        };
        Spread::of(&Vec::from_iter(values.into_values()))
    }

    /// A figure and whether it is a result, by round.
    fn values(&self, load: &str, figure: &str, relay: &str) -> BTreeMap<usize, (f64, bool)> {
        let is_wanted = |run: &&Run| run.load.name == load && (run.relay == relay || run.relay == COPY);
        let by_round: BTreeMap<usize, &Sample> =
            self.runs.iter().filter(is_wanted).map(|run| (run.round, &run.sample)).collect();
        let value = |(round, sample): (usize, &Sample)| {
            Some((round, (sample.figure(figure)?, sample.is_result(figure))))
        };
        by_round.into_iter().filter_map(value).collect()
    }
}

impl Spread {
    /// Of values, each with whether it is a result; none of none.
    fn of(values: &[(f64, bool)]) -> Option<Self> {
        let is_result = values.iter().any(|(_, is_result)| *is_result);
        let mut values: Vec<f64> =
            values.iter().filter(|(_, ok)| *ok == is_result).map(|(value, _)| *value).collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let upper = values.get(values.len() / 2)?;
        let lower = values.get((values.len() - 1) / 2)?;
        Some(Self { least, median: f64::midpoint(*lower, *upper), most, is_result })
    }
}

impl Line {
    /// Ours as a multiple of theirs; none without theirs, or if theirs is nothing.
    pub(crate) fn ratio(&self) -> Option<f64> {
        let (theirs, _) = self.theirs?;
        (theirs.median > 0.0).then_some(self.ours.median / theirs.median)
    }

    /// Whether the aim is reached; none if there is none, or no result to tell.
    pub(crate) fn is_reached(&self) -> Option<bool> {
        let theirs = self.theirs.map(|(theirs, _)| theirs);
        let needs_theirs = matches!(self.row.aim, Aim::Times(_) | Aim::OfReference(_));
        let is_result =
            self.ours.is_result && (!needs_theirs || theirs.is_some_and(|theirs| theirs.is_result));
        let theirs = theirs.map(|theirs| theirs.median);
        self.row.aim.is_reached(self.ours.median, theirs).filter(|_| is_result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::LOADS;
    use crate::row::ROWS;

    fn run(relay: &'static str, round: usize, value: f64, reason: Option<&str>) -> Run {
        let reasons = reason.map(|code| (code.to_owned(), String::new()));
        let sample = Sample {
            figures: vec![("packets_per_cpu_second".to_owned(), value)],
            reasons: Vec::from_iter(reasons),
            ..Sample::default()
        };
        Run { load: &LOADS[0], relay, round, sample }
    }

    #[test]
    fn the_median_is_of_results_unless_there_is_none() {
        let spread =
            |values: &[(f64, bool)]| Spread::of(values).map(|spread| (spread.median, spread.is_result));
        assert_eq!(spread(&[(3.0, true), (1.0, true), (2.0, true)]), Some((2.0, true)));
        assert_eq!(spread(&[(3.0, true), (1.0, true), (90.0, false)]), Some((2.0, true)));
        assert_eq!(spread(&[(90.0, false)]), Some((90.0, false)));
        assert_eq!(spread(&[]), None);
    }

    #[test]
    fn the_better_reference_and_the_second_try_count() {
        let runs = vec![
            run(WHERRY, 1, 1.0, Some("stolen")),
            run(WHERRY, 1, 90.0, None),
            run(DERPERS[0], 1, 40.0, None),
            run(DERPERS[1], 1, 50.0, None),
        ];
        let line = Results { runs }.line(&ROWS[0]).unwrap();
        assert_eq!((line.ours.median, line.theirs.unwrap().1), (90.0, DERPERS[1]));
        assert_eq!((line.ratio(), line.is_reached()), (Some(1.8), Some(true)));
    }

    #[test]
    fn a_share_is_of_two_runs_of_one_round() {
        let at = |name, round, value| {
            let load = LOADS.iter().find(|load| load.name == name).unwrap();
            Run { load, ..run(WHERRY, round, value, None) }
        };
        let runs = vec![at("peak", 1, 8.0), at("peak", 2, 6.0), at("beside-idle", 2, 3.0)];
        let row = ROWS.iter().find(|row| matches!(row.source, Source::Share(_, ["beside-idle", "peak"])));
        let line = Results { runs }.line(row.unwrap()).unwrap();
        assert_eq!((line.ours.least, line.ours.most), (0.5, 0.5));
    }

    #[test]
    fn without_a_result_no_aim_is_reached() {
        let runs = vec![run(WHERRY, 1, 90.0, Some("stolen")), run(DERPERS[0], 1, 1.0, None)];
        assert_eq!(Results { runs }.line(&ROWS[0]).unwrap().is_reached(), None);
    }
}
