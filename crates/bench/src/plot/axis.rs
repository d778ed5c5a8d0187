//! An axis, and where a value lies on it.

use super::measure::{Measure, digits};
use super::ticks;

/// Values beyond this, and on a logarithm below its inverse, are not shown: nothing that is measured gets there, and
/// what is computed from them stays finite.
const FARTHEST: f64 = 1e15;

/// The highest share an axis of percentiles shows: nine nines.
const MOST_NINES: f64 = 0.999_999_999;

/// One axis of a plot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// What it shows.
    pub label: String,
    /// What its values are.
    pub measure: Measure,
    /// How they are spread along it.
    pub scale: Scale,
}

/// How values are spread along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scale {
    /// Evenly; zero is always on it.
    Linear,
    /// By their logarithm; only for values above zero.
    Log,
    /// Percentiles, of which 1 is all: from 90 % to 99 % is as far as from 99 % to 99.9 %; only for values below 1.
    Nines,
}

/// An axis fitted to what is to be seen on it.
#[derive(Debug)]
pub(super) struct Ruler {
    scale: Scale,
    /// Its two ends, as the scale sees them.
    ends: (f64, f64),
    /// Where its ticks are, from 0 to 1, and what is written there.
    pub(super) ticks: Vec<(f64, String)>,
}

impl Axis {
    /// An axis from zero on.
    #[must_use]
    pub fn linear(label: &str, measure: Measure) -> Self {
        Self { label: label.to_owned(), measure, scale: Scale::Linear }
    }

    /// A logarithmic axis.
    #[must_use]
    pub fn log(label: &str, measure: Measure) -> Self {
        Self { label: label.to_owned(), measure, scale: Scale::Log }
    }

    /// An axis of percentiles.
    #[must_use]
    pub fn percentiles(label: &str) -> Self {
        Self { label: label.to_owned(), measure: Measure::Share, scale: Scale::Nines }
    }

    /// Whether a value can be shown.
    pub(super) fn can_show(&self, value: f64) -> bool {
        self.scale.far(value).is_some()
    }

    /// Fits the axis to values, those left out that it cannot show.
    pub(super) fn fit(&self, values: impl Iterator<Item = f64>) -> Ruler {
        let mut ends = None;
        for value in values.filter(|value| self.can_show(*value)) {
            let (least, most) = ends.unwrap_or((value, value));
            ends = Some((f64::min(least, value), f64::max(most, value)));
        }
        let ticks = match self.scale {
            Scale::Linear => self.even(ends.unwrap_or((0.0, 0.0))),
            Scale::Log => {
                let (least, most) = ends.unwrap_or((1.0, 1.0));
                let told = |tick| (tick, Measure::show(tick, self.measure.unit(tick)));
                ticks::decades(least, most).into_iter().map(told).collect()
            }
            Scale::Nines => {
                let most = ends.map_or(0.9, |(_, most)| most.max(0.9));
                ticks::nines(most).into_iter().map(|tick| (tick, digits(tick * 100.0))).collect()
            }
        };
        Ruler::new(self.scale, ends, ticks)
    }

    fn even(&self, (least, most): (f64, f64)) -> Vec<(f64, String)> {
        // Zero is one of the two, so their distance is never lost in their size.
        let (least, most) = (least.min(0.0), most.max(0.0));
        // Without any extent an axis up to one of the unit shows where zero is.
        let most = if most - least > 1e-9 { most } else { self.measure.unit(0.0).0 };
        let unit = self.measure.unit(most.max(-least));
        let told = |tick| (tick, Measure::show(tick, unit));
        ticks::even(least, most, unit.0).into_iter().map(told).collect()
    }
}

impl Scale {
    /// How far along a value is, in the scale's own terms; none if it cannot be shown.
    fn far(self, value: f64) -> Option<f64> {
        match self {
            Self::Linear => Some(value).filter(|value| value.abs() <= FARTHEST),
            Self::Log => (1.0 / FARTHEST..=FARTHEST).contains(&value).then(|| value.log10()),
            Self::Nines => (0.0..=MOST_NINES).contains(&value).then(|| -(1.0 - value).log10()),
        }
    }
}

impl Ruler {
    /// From the first tick to the last, or to the last value if that lies beyond.
    fn new(scale: Scale, ends: Option<(f64, f64)>, ticks: Vec<(f64, String)>) -> Self {
        let far = |value: Option<f64>| value.and_then(|value| scale.far(value));
        let first = far(ticks.first().map(|tick| tick.0)).unwrap_or(0.0);
        let last = far(ticks.last().map(|tick| tick.0)).unwrap_or(1.0);
        let last = far(ends.map(|ends| ends.1)).map_or(last, |most| most.max(last));
        let mut ruler = Self { scale, ends: (first, last), ticks: Vec::new() };
        ruler.ticks = ticks.into_iter().filter_map(|(at, text)| Some((ruler.place(at)?, text))).collect();
        ruler
    }

    /// Where a value lies, from 0 to 1; none if it cannot be shown.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        let (first, last) = self.ends;
        let share = (self.scale.far(value)? - first) / (last - first);
        share.is_finite().then(|| share.clamp(0.0, 1.0))
    }
}
