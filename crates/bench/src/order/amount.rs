//! Amounts as people write them.

use std::time::Duration;

/// A time with its unit, up to a day: `500ms`, `5s`, `2m`. Without one it is refused, as in the configuration.
///
/// # Errors
/// What would have been right.
pub fn duration(text: &str) -> Result<Duration, String> {
    let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let seconds = with_unit(text, &units).filter(|seconds| (0.0..=86_400.0).contains(seconds));
    seconds
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "a time with its unit, up to 24h, e.g. 5s or 500ms".to_owned())
}

/// A whole number, thousands and millions as `20k` and `1.5M`.
///
/// # Errors
/// What would have been right.
pub fn count(text: &str) -> Result<u64, String> {
    let units = [("k", 1e3), ("M", 1e6), ("", 1.0)];
    whole(with_unit(text, &units))
        .ok_or_else(|| "a whole number from 1 to 1000M, e.g. 20000 or 20k".to_owned())
}

/// Bytes: `1400`, `64KiB`, `1MiB`.
///
/// # Errors
/// What would have been right.
pub fn bytes(text: &str) -> Result<u64, String> {
    let units = [("KiB", 1024.0), ("MiB", 1_048_576.0), ("B", 1.0), ("", 1.0)];
    whole(with_unit(text, &units)).ok_or_else(|| "a number of bytes, e.g. 1400, 256KiB or 1MiB".to_owned())
}

/// Bits a second: `200M`, `1G`, `500k`; `bit/s` may follow.
///
/// # Errors
/// What would have been right.
pub fn bits_per_second(text: &str) -> Result<u64, String> {
    let text = text.strip_suffix("bit/s").unwrap_or(text);
    let units = [("k", 1e3), ("M", 1e6), ("G", 1e9), ("", 1.0)];
    let bits = with_unit(text, &units).filter(|bits| (1e4..=1e12).contains(bits));
    whole_up_to(bits, 1e12).ok_or_else(|| "bits a second from 10k to 1000G, e.g. 200M".to_owned())
}

/// A time as [`duration`] reads it.
pub(super) fn show_duration(duration: Duration) -> String {
    match duration.subsec_millis() {
        0 => format!("{}s", duration.as_secs()),
        _ => format!("{}ms", duration.as_millis()),
    }
}

fn with_unit(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let (digits, factor) =
        units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    // What a number parser takes beyond digits and a point would only be a mistake here.
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    digits.parse::<f64>().ok().filter(|_| is_plain).map(|number| number * factor)
}

fn whole(number: Option<f64>) -> Option<u64> {
    whole_up_to(number, 1e9)
}

fn whole_up_to(number: Option<f64>, most: f64) -> Option<u64> {
    let number = number.filter(|number| (1.0..=most).contains(number) && number.fract() == 0.0)?;
    // A whole number of that size prints without exponent or point.
    format!("{number:.0}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_take_units() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for text in ["", "5", "s", "-1s", "1e3s", "25h", "inf", "5 s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn counts_take_thousands_and_millions() {
        assert_eq!(count("20k"), Ok(20_000));
        assert_eq!(count("1.5M"), Ok(1_500_000));
        assert_eq!(count("7"), Ok(7));
        for text in ["0", "1.5", "-3", "20kk", "2000M", "nan"] {
            assert!(count(text).is_err(), "{text}");
        }
    }

    #[test]
    fn bytes_and_bits_take_their_own_units() {
        assert_eq!(bytes("256KiB"), Ok(262_144));
        assert_eq!(bytes("1400"), Ok(1400));
        assert_eq!(bits_per_second("200M"), Ok(200_000_000));
        assert_eq!(bits_per_second("1Gbit/s"), Ok(1_000_000_000));
        assert!(bits_per_second("9").is_err() && bytes("1KB").is_err());
    }

    #[test]
    fn times_are_shown_as_they_are_read() {
        for text in ["5s", "500ms", "1500ms"] {
            assert_eq!(show_duration(duration(text).unwrap()), text);
        }
    }
}
