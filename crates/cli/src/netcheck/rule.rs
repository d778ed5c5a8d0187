//! When summer time begins and ends, in the form of the variable `TZ` of POSIX: `CET-1CEST,M3.5.0,M10.5.0/3`.

use super::go::{DAY, date, days_to};

/// How far ahead of UTC clocks are in a year.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// Seconds ahead of UTC in winter.
    winter: i64,
    summer: Option<Summer>,
}

#[derive(Debug, PartialEq, Eq)]
struct Summer {
    /// Seconds ahead of UTC.
    ahead: i64,
    begin: Turn,
    end: Turn,
}

/// A moment of each year, in the time before it.
#[derive(Debug, PartialEq, Eq)]
struct Turn {
    day: Day,
    /// From midnight.
    second: i64,
}

#[derive(Debug, PartialEq, Eq)]
enum Day {
    /// From 1, where 29 February does not count.
    Ordinary(i64),
    /// From 0.
    OfYear(i64),
    /// Week 5 is the last; Sunday is 0.
    OfWeek { month: i64, week: i64, weekday: i64 },
}

impl Rule {
    /// Reads it; nothing that is not one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut rest = Text(text);
        rest.name()?;
        let winter = -rest.clock()?;
        if rest.0.is_empty() {
            return Some(Self { winter, summer: None });
        }
        rest.name()?;
        let ahead = if rest.0.starts_with(',') { winter + 3600 } else { -rest.clock()? };
        let (begin, end) = (rest.turn()?, rest.turn()?);
        rest.0.is_empty().then_some(Self { winter, summer: Some(Summer { ahead, begin, end }) })
    }

    /// Seconds ahead of UTC at a second since 1970.
    pub(super) fn ahead(&self, second: i64) -> i64 {
        let Some(Summer { ahead, begin, end }) = &self.summer else { return self.winter };
        let (year, ..) = date((second + self.winter).div_euclid(DAY));
        let (begin, end) = (begin.in_year(year) - self.winter, end.in_year(year) - ahead);
        let is_summer =
            if begin < end { (begin..end).contains(&second) } else { !(end..begin).contains(&second) };
        if is_summer { *ahead } else { self.winter }
    }
}

impl Turn {
    /// In seconds since 1970 on the clock that is to be turned.
    fn in_year(&self, year: i64) -> i64 {
        let first = days_to(year, 1);
        let has_leap_day = days_to(year, 3) - first == 60;
        let day = match self.day {
            Day::Ordinary(day) => first + day - 1 + i64::from(has_leap_day && day > 59),
            Day::OfYear(day) => first + day,
            Day::OfWeek { month, week, weekday } => {
                let (first, next) = (days_to(year, month), days_to(year + month / 12, month % 12 + 1));
                // 1 January 1970 was a Thursday.
                let day = first + (weekday - first - 4).rem_euclid(7) + (week - 1) * 7;
                if day < next { day } else { day - 7 }
            }
        };
        day * DAY + self.second
    }
}

/// What is left to read.
struct Text<'a>(&'a str);

impl Text<'_> {
    /// `CET` or `<+08>`.
    fn name(&mut self) -> Option<()> {
        let rest = match self.0.strip_prefix('<') {
            Some(quoted) => quoted.split_once('>')?.1,
            None => self.0.trim_start_matches(|c: char| c.is_ascii_alphabetic()),
        };
        let is_there = rest.len() < self.0.len();
        self.0 = rest;
        is_there.then_some(())
    }

    /// Seconds of `8`, `-3:30` or `+26:00:00`.
    fn clock(&mut self) -> Option<i64> {
        let sign = if self.eat('-') { -1 } else { 1 };
        if sign == 1 {
            self.eat('+');
        }
        let mut seconds = self.number()? * 3600;
        for unit in [60, 1] {
            if !self.eat(':') {
                break;
            }
            seconds += self.number()? * unit;
        }
        Some(sign * seconds)
    }

    /// `,M3.5.0/2`, `,J60` or `,59`.
    fn turn(&mut self) -> Option<Turn> {
        if !self.eat(',') {
            return None;
        }
        let day = if self.eat('J') {
            Day::Ordinary(self.number()?)
        } else if self.eat('M') {
            let month = self.number()?;
            let week = self.after('.')?;
            let weekday = self.after('.')?;
            let is_one = (1..=12).contains(&month) && (1..=5).contains(&week) && weekday < 7;
            is_one.then_some(Day::OfWeek { month, week, weekday })?
        } else {
            Day::OfYear(self.number()?)
        };
        let second = if self.eat('/') { self.clock()? } else { 7200 };
        Some(Turn { day, second })
    }

    fn after(&mut self, mark: char) -> Option<i64> {
        if self.eat(mark) { self.number() } else { None }
    }

    /// Of three digits at most.
    fn number(&mut self) -> Option<i64> {
        let rest = self.0.trim_start_matches(|c: char| c.is_ascii_digit());
        let digits = self.0.strip_suffix(rest)?;
        self.0 = rest;
        (digits.len() <= 3).then_some(digits)?.parse().ok()
    }

    fn eat(&mut self, mark: char) -> bool {
        let rest = self.0.strip_prefix(mark);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it is summer at each of these seconds.
    fn turns(rule: &str, seconds: &[i64]) -> Vec<i64> {
        let rule = Rule::parse(rule).unwrap();
        seconds.iter().map(|second| rule.ahead(*second)).collect()
    }

    #[test]
    fn summer_turns_on_the_last_sundays_in_the_north() {
        // 29 March and 25 October 2026, 01:00 UTC.
        let seconds = [1_774_745_999, 1_774_746_000, 1_792_889_999, 1_792_890_000];
        assert_eq!(turns("CET-1CEST,M3.5.0,M10.5.0/3", &seconds), [3600, 7200, 7200, 3600]);
    }

    #[test]
    fn summer_goes_over_the_new_year_in_the_south() {
        // 5 April 2026, 03:00 there in summer, and 27 September, 02:00 in winter.
        let seconds = [1_775_311_199, 1_775_311_200, 1_790_431_199, 1_790_431_200, 1_798_761_600];
        let found = turns("NZST-12NZDT,M9.5.0,M4.1.0/3", &seconds);
        assert_eq!(found, [46_800, 43_200, 43_200, 46_800, 46_800]);
    }

    #[test]
    fn days_are_counted_with_and_without_the_leap_day() {
        let begin = |rule: &str, year| Rule::parse(rule).unwrap().summer.unwrap().begin.in_year(year);
        let first_of_march = |year| days_to(year, 3) * DAY;
        for year in [2023, 2024] {
            assert_eq!(begin("A0B,J60/0,J300", year), first_of_march(year));
        }
        assert_eq!(begin("A0B,59/0,300", 2023), first_of_march(2023));
        assert_eq!(begin("A0B,60/0,300", 2024), first_of_march(2024));
    }

    #[test]
    fn zones_without_summer_have_one_time() {
        assert_eq!(turns("<-0330>3:30", &[0, 1_780_000_000]), [-12_600, -12_600]);
        assert_eq!(turns("CST-8", &[1_780_000_000]), [28_800]);
    }

    #[test]
    fn what_is_no_rule_is_not_read_as_one() {
        for text in
            ["", "CET", "1", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0", "CET-1x", "<x"]
        {
            assert_eq!(Rule::parse(text), None, "{text}");
        }
    }
}
