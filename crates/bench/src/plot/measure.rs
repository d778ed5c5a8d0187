//! How values are written beside an axis.

/// What the values of an axis are, and so how its ticks are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Measure {
    /// Things: 200, 50k, 1.5M.
    Count,
    /// Times in microseconds: 20 µs, 5 ms, 1 s.
    Micros,
    /// Sizes in bytes: 512 KiB, 20 MiB.
    Bytes,
    /// Shares, of which 1 is all: 0.5 %.
    Share,
}

impl Measure {
    /// How much one of the unit is in which a value is best told, and what the unit is called.
    pub(super) const fn unit(self, value: f64) -> (f64, &'static str) {
        const KIBI: f64 = 1024.0;
        match self {
            Self::Count if value >= 1e9 => (1e9, "G"),
            Self::Count if value >= 1e6 => (1e6, "M"),
            Self::Count if value >= 1e4 => (1e3, "k"),
            Self::Count => (1.0, ""),
            Self::Micros if value >= 1e6 => (1e6, " s"),
            Self::Micros if value >= 1e3 => (1e3, " ms"),
            Self::Micros => (1.0, " µs"),
            Self::Bytes if value >= KIBI * KIBI * KIBI => (KIBI * KIBI * KIBI, " GiB"),
            Self::Bytes if value >= KIBI * KIBI => (KIBI * KIBI, " MiB"),
            Self::Bytes if value >= KIBI => (KIBI, " KiB"),
            Self::Bytes => (1.0, " B"),
            Self::Share => (0.01, " %"),
        }
    }

    /// A tick of an axis whose ticks are told in that unit.
    pub(super) fn show(value: f64, unit: (f64, &str)) -> String {
        let (size, name) = unit;
        format!("{}{name}", digits(value / size))
    }
}

/// A number without the noise of its last binary digits.
pub(super) fn digits(value: f64) -> String {
    let rounded = (value * 1e9).round() / 1e9;
    // Adding zero takes the sign off a negative zero.
    format!("{}", rounded + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_told_in_their_unit_without_noise() {
        let shown = |measure: Measure, value| Measure::show(value, measure.unit(value));
        assert_eq!(shown(Measure::Count, 200.0), "200");
        assert_eq!(shown(Measure::Count, 1.5e6), "1.5M");
        assert_eq!(shown(Measure::Micros, 20_000.0), "20 ms");
        assert_eq!(shown(Measure::Bytes, 1_048_576.0 * 20.0), "20 MiB");
        assert_eq!(shown(Measure::Share, 0.1 + 0.2), "30 %");
        assert_eq!(digits(-0.0), "0");
    }
}
