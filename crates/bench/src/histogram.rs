//! Ages, sorted into buckets of three digits' precision.

use crate::report::{Latency, LatencyPoint};

/// The longest age told apart, nanoseconds: two minutes.
const LONGEST: u64 = 120_000_000_000;

/// Points of a plot for each halving of the distance to 100 %.
const TICKS: u32 = 4;

/// Counts of ages in nanoseconds; empty until the first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Histogram(Option<hdrhistogram::Histogram<u64>>);

impl Histogram {
    /// Counts one age.
    pub(crate) fn record(&mut self, nanos: u64) {
        if self.0.is_none() {
            self.0 = hdrhistogram::Histogram::new_with_bounds(1, LONGEST, 3).ok();
        }
        if let Some(counts) = &mut self.0 {
            counts.saturating_record(nanos);
        }
    }

    /// Adds the counts of another.
    pub(crate) fn add(&mut self, other: &Self) {
        let Some(others) = &other.0 else { return };
        match &mut self.0 {
            // Both have the same bounds, so there is nothing to go wrong.
            Some(counts) => counts.add(others).unwrap_or_default(),
            None => self.0 = Some(others.clone()),
        }
    }

    /// The age below which that share of all lie, microseconds; none if there are none.
    pub(crate) fn quantile(&self, share: f64) -> Option<f64> {
        let counts = self.0.as_ref().filter(|counts| !counts.is_empty())?;
        Some(micros(counts.value_at_quantile(share)))
    }

    /// The figures and the points of a plot; none if there are no ages.
    pub(crate) fn latency(&self) -> Option<Latency> {
        let counts = self.0.as_ref().filter(|counts| !counts.is_empty())?;
        let at = |share| micros(counts.value_at_quantile(share));
        let steps = counts.iter_quantiles(TICKS).filter(|step| step.count_since_last_iteration() > 0);
        let points = steps.map(|step| LatencyPoint {
            quantile: step.quantile_iterated_to(),
            micros: micros(step.value_iterated_to()),
            count: step.count_since_last_iteration(),
        });
        Some(Latency {
            count: counts.len(),
            mean_us: counts.mean() / 1000.0,
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: micros(counts.max()),
            points: points.collect(),
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "ages stay far below 2^52 ns")]
fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_three_digits() {
        let mut ages = Histogram::default();
        (1..=1000_u64).for_each(|micros| ages.record(micros * 1000));
        let latency = ages.latency().unwrap();
        assert_eq!(latency.count, 1000);
        for (found, wanted) in [(latency.p50_us, 500.0), (latency.p99_us, 990.0), (latency.max_us, 1000.0)] {
            assert!((found - wanted).abs() <= wanted / 500.0, "{found} for {wanted}");
        }
        let total: u64 = latency.points.iter().map(|point| point.count).sum();
        assert_eq!(total, 1000);
        assert!(latency.points.is_sorted_by(|a, b| a.quantile <= b.quantile && a.micros <= b.micros));
    }

    #[test]
    fn sums_of_two_are_as_if_counted_in_one() {
        let (mut one, mut two) = (Histogram::default(), Histogram::default());
        one.record(5_000);
        two.record(7_000);
        one.add(&two);
        assert_eq!(one.latency().unwrap().count, 2);
        assert!(Histogram::default().latency().is_none());
    }
}
