//! Round numbers along an axis.

/// Ticks wanted on an axis, about.
const WANTED: f64 = 5.0;

/// The most decades whose twos and fives are ticks as well.
const FEW_DECADES: i32 = 3;

/// The most ticks of a logarithmic axis; with more decades only every second one, or third, has a tick.
const MOST_DECADES: i32 = 8;

/// Ticks at equal distances that enclose everything from `least` to `most`: 1, 2 or 5 times a power of ten of `unit` apart.
///
/// `least` must be below `most` by a millionth of the greater at least, both finite.
pub(super) fn even(least: f64, most: f64, unit: f64) -> Vec<f64> {
    let step = round_up((most - least) / unit / WANTED);
    let (first, last) = ((least / unit / step).floor(), (most / unit / step).ceil());
    counted(first, last).map(|at| at * step * unit).collect()
}

/// Ticks that enclose everything from `least` to `most`: powers of ten, with their twos and fives if those are few.
///
/// Both must be positive, and `least` at most `most`.
pub(super) fn decades(least: f64, most: f64) -> Vec<f64> {
    let (low, high) = (floor_power(least), floor_power(most));
    let every = if high - low < FEW_DECADES { 1 } else { (high - low) / MOST_DECADES + 1 };
    let mantissas: &[f64] = if high - low < FEW_DECADES { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let powers = (low..=high + every).filter(|power| (power - low) % every == 0);
    let all: Vec<f64> = powers
        .flat_map(|power| mantissas.iter().map(move |mantissa| mantissa * 10_f64.powi(power)))
        .collect();
    let first = all.iter().rposition(|tick| *tick <= least).unwrap_or(0);
    let last = all.iter().position(|tick| *tick >= most).unwrap_or(all.len()).max(first + 1);
    all.into_iter().take(last + 1).skip(first).collect()
}

/// The shares 0, 50 %, 90 %, 99 % and so on that are at most `most`.
pub(super) fn nines(most: f64) -> Vec<f64> {
    let shares = [0.0, 0.5].into_iter().chain((1..=9).map(|nines| 1.0 - 0.1_f64.powi(nines)));
    shares.filter(|share| *share <= most + 1e-12).collect()
}

/// The least of 1, 2 and 5 times a power of ten that is not below `value`.
fn round_up(value: f64) -> f64 {
    let power = 10_f64.powi(floor_power(value));
    let mantissa = value / power;
    // A hair's breadth is what the division may have added.
    let round = [1.0, 2.0, 5.0].into_iter().find(|round| mantissa <= round * (1.0 + 1e-9)).unwrap_or(10.0);
    round * power
}

/// The power of ten at or below a positive value.
#[expect(clippy::cast_possible_truncation, reason = "the logarithm of a float is below 400")]
fn floor_power(value: f64) -> i32 {
    value.log10().floor() as i32
}

/// Whole numbers from one to the other, as the floats they are.
fn counted(first: f64, last: f64) -> impl Iterator<Item = f64> {
    std::iter::successors(Some(first), move |at| Some(at + 1.0).filter(|next| *next <= last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Whether a number is 1, 2 or 5 times a power of ten.
    fn is_round(value: f64) -> bool {
        let mantissa = value / 10_f64.powf((value * (1.0 + 1e-9)).log10().floor());
        [1.0, 2.0, 5.0].iter().any(|round| (mantissa - round).abs() < 1e-6)
    }

    proptest! {
        #[test]
        fn even_ticks_rise_by_a_round_step_and_enclose_all(
            least in -1e9_f64..1e9, span in 1e-3_f64..1e12, unit in prop::sample::select(vec![1.0, 0.01, 1024.0]),
        ) {
            let most = least + span;
            let ticks = even(least, most, unit);
            prop_assert!((2..=12).contains(&ticks.len()), "{ticks:?}");
            let step = (ticks[1] - ticks[0]) / unit;
            // The step is the difference of two large numbers, so its last digits are lost.
            let lost = 1e-12 * least.abs().max(most.abs()) / unit;
            prop_assume!(lost < step * 1e-7);
            prop_assert!(is_round(step), "{step} of {ticks:?}");
            for pair in ticks.windows(2) {
                prop_assert!(pair[0] < pair[1], "{ticks:?}");
            }
            let slack = step * unit * 1e-6;
            prop_assert!(ticks[0] <= least + slack && *ticks.last().unwrap() >= most - slack, "{ticks:?}");
            prop_assert!(ticks[1] > least - slack && ticks[ticks.len() - 2] < most + slack, "one too many: {ticks:?}");
        }

        #[test]
        fn ticks_of_a_logarithm_are_round_and_enclose_all(power in -6_f64..9.0, decades_apart in 0_f64..12.0) {
            let (least, most) = (10_f64.powf(power), 10_f64.powf(power + decades_apart));
            let ticks = decades(least, most);
            prop_assert!((2..=12).contains(&ticks.len()), "{ticks:?}");
            for pair in ticks.windows(2) {
                prop_assert!(pair[0] < pair[1], "{ticks:?}");
            }
            prop_assert!(ticks.iter().all(|tick| is_round(*tick)), "{ticks:?}");
            prop_assert!(ticks[0] <= least && *ticks.last().unwrap() >= most, "{least} to {most}: {ticks:?}");
        }
    }

    #[test]
    fn ticks_a_reader_would_choose() {
        assert_eq!(even(0.0, 97.0, 1.0), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(even(0.0, 1_000_000.0, 1.0).len(), 6);
        assert_eq!(decades(30.0, 700.0), [20.0, 50.0, 100.0, 200.0, 500.0, 1000.0]);
        assert_eq!(decades(30.0, 70_000.0), [10.0, 100.0, 1000.0, 10_000.0, 100_000.0]);
        assert_eq!(nines(0.99), [0.0, 0.5, 0.9, 0.99]);
    }
}
