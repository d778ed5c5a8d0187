//! Text to values: words, durations, sizes, counts.

use std::{ops::RangeInclusive, time::Duration};

use super::{
    Admit, Home, LogFormat, ValueError, ledger::is_secret_key, limits::NO_MACHINE, problem::nearest,
};

pub(super) fn parse_switch(text: &str) -> Result<bool, ValueError> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(unknown_word(text, &["true", "false"])),
    }
}

/// Reads a duration such as `1h30m`, `10s` or `500ms` and checks its range.
///
/// # Errors
/// [`ValueError`] that says which part is not allowed.
pub fn parse_duration(text: &str, range: &RangeInclusive<Duration>) -> Result<Duration, ValueError> {
    let mut total = Duration::ZERO;
    for (number, unit) in parts(text)? {
        let unit = match unit {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(3600),
            "d" => Duration::from_secs(86_400),
            "" => return Err(ValueError::NoUnit),
            unit => return Err(ValueError::Unit { unit: unit.to_owned(), suggestion: None }),
        };
        let number = u32::try_from(number).map_err(|_| ValueError::Number)?;
        let part = unit.checked_mul(number).ok_or(ValueError::Number)?;
        total = total.checked_add(part).ok_or(ValueError::Number)?;
    }
    if range.contains(&total) { Ok(total) } else { Err(out_of(range, |end| show_duration(*end))) }
}

/// Reads a size such as `64KiB` and checks its range.
pub(super) fn parse_size(text: &str, range: &RangeInclusive<usize>) -> Result<usize, ValueError> {
    let mut total = 0_usize;
    for (number, unit) in parts(text)? {
        let unit = match unit {
            "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "kB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "" => return Err(ValueError::NoUnit),
            unit => return Err(ValueError::Unit { unit: unit.to_owned(), suggestion: size_unit(unit) }),
        };
        let number = usize::try_from(number).map_err(|_| ValueError::Number)?;
        let part = number.checked_mul(unit).ok_or(ValueError::Number)?;
        total = total.checked_add(part).ok_or(ValueError::Number)?;
    }
    match range.contains(&total) {
        true => Ok(total),
        false if total < *range.start() && *range.end() == NO_MACHINE => {
            Err(ValueError::Least { min: show_size(*range.start()) })
        }
        false => Err(out_of(range, |end| show_size(*end))),
    }
}

/// What is meant by a unit of sizes as other programs write it.
fn size_unit(unit: &str) -> Option<&'static str> {
    match unit.to_ascii_lowercase().as_str() {
        "b" | "byte" | "bytes" => Some("B"),
        "k" | "kb" | "kib" => Some("KiB"),
        "m" | "mb" | "mib" => Some("MiB"),
        "g" | "gb" | "gib" => Some("GiB"),
        _ => None,
    }
}

pub(super) fn parse_count(text: &str, range: &RangeInclusive<usize>) -> Result<usize, ValueError> {
    let count = digits(text).and_then(|digits| digits.parse().ok()).ok_or(ValueError::Number)?;
    if range.contains(&count) { Ok(count) } else { Err(out_of(range, ToString::to_string)) }
}

/// Reads `word` as none, everything else with `parse`.
pub(super) fn parse_or<T>(
    text: &str,
    word: &str,
    parse: impl FnOnce(&str) -> Result<T, ValueError>,
) -> Result<Option<T>, ValueError> {
    if text == word { Ok(None) } else { parse(text).map(Some) }
}

pub(super) fn parse_path(text: &str) -> Result<std::path::PathBuf, ValueError> {
    match text {
        "" => Err(ValueError::Empty),
        _ if is_secret_key(text) => Err(ValueError::Secret),
        _ => Ok(text.into()),
    }
}

pub(super) fn parse_admit(text: &str) -> Result<Admit, ValueError> {
    match text.split_once(':') {
        Some(("list", "")) => Err(ValueError::Empty),
        Some(("list", path)) => Ok(Admit::List(path.into())),
        None if text == "open" => Ok(Admit::Open),
        _ => Err(unknown_word(text, &["open", "list:"])),
    }
}

pub(super) fn parse_home(text: &str) -> Result<Home, ValueError> {
    match text {
        "default" => Ok(Home::Default),
        "blank" => Ok(Home::Blank),
        _ if is_url(text) => Ok(Home::Redirect(text.to_owned())),
        _ => Err(unknown_word(text, &["default", "blank", "https://"])),
    }
}

pub(super) fn parse_log_format(text: &str) -> Result<LogFormat, ValueError> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(unknown_word(text, &["text", "json"])),
    }
}

/// Checks the form `level` or `target=level`, comma separated.
pub(super) fn parse_log(text: &str) -> Result<String, ValueError> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    for directive in text.split(',') {
        let level = directive.rsplit_once('=').map_or(directive, |(_, level)| level);
        if !LEVELS.contains(&level) {
            return Err(unknown_word(level, &LEVELS));
        }
    }
    Ok(text.to_owned())
}

/// A duration as it would be written.
pub(super) fn show_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    let (number, unit) = match millis {
        _ if !millis.is_multiple_of(1000) => (millis, "ms"),
        _ if !millis.is_multiple_of(60_000) => (millis / 1000, "s"),
        _ if !millis.is_multiple_of(3_600_000) => (millis / 60_000, "m"),
        _ => (millis / 3_600_000, "h"),
    };
    if millis == 0 { "0s".to_owned() } else { format!("{number}{unit}") }
}

/// A size as it would be written.
pub(super) fn show_size(size: usize) -> String {
    match size {
        _ if size == 0 || !size.is_multiple_of(1 << 10) => format!("{size}B"),
        _ if !size.is_multiple_of(1 << 20) => format!("{}KiB", size >> 10),
        _ if !size.is_multiple_of(1 << 30) => format!("{}MiB", size >> 20),
        _ => format!("{}GiB", size >> 30),
    }
}

pub(super) fn unknown_word(given: &str, known: &[&str]) -> ValueError {
    if given.is_empty() {
        return ValueError::Empty;
    }
    ValueError::Word { suggestion: nearest(given, known.iter().copied()) }
}

fn out_of<T>(range: &RangeInclusive<T>, show: impl Fn(&T) -> String) -> ValueError {
    ValueError::Range { min: show(range.start()), max: show(range.end()) }
}

fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

/// Cuts `1h30m` into numbers and their units; a space between the two is allowed.
fn parts(text: &str) -> Result<Vec<(u64, &str)>, ValueError> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|byte: char| !byte.is_ascii_digit()).unwrap_or(rest.len());
        let (number, tail) = rest.split_at(end);
        let number = digits(number).and_then(|digits| digits.parse().ok()).ok_or(ValueError::Number)?;
        let end = tail.find(|byte: char| byte.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        found.push((number, unit.trim()));
        rest = tail;
    }
    if found.is_empty() { Err(ValueError::Empty) } else { Ok(found) }
}

/// Scheme, a host, and nothing that could break out of a `Location` header.
pub(super) fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}
