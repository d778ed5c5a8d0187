//! This host's time zone, found as programs in Go find it: by `TZ`, else `/etc/localtime`, else it is UTC.
//!
//! Source: RFC 9636 (TZif).

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use super::rule::Rule;

/// Where zones lie by name.
const FOLDERS: [&str; 3] = ["/usr/share/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo"];

/// Bytes of a header.
const HEADER: usize = 44;

/// A zone.
#[derive(Debug, Default)]
pub(super) struct Zone {
    /// From when on, in seconds since 1970, how many seconds ahead of UTC.
    changes: Vec<(i64, i64)>,
    /// Before the first change.
    first: i64,
    /// After the last.
    rule: Option<Rule>,
}

impl Zone {
    /// This host's.
    pub(super) fn of_host() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the binary may read the environment")]
        let files = files(std::env::var("TZ").ok().as_deref());
        let found = files.iter().filter_map(|file| Self::read(&fs::read(file).ok()?)).next();
        found.unwrap_or_default()
    }

    /// How many seconds its clocks are ahead of UTC then.
    pub(super) fn ahead(&self, time: SystemTime) -> i64 {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let second = i64::try_from(since.as_secs()).unwrap_or_default();
        let is_before = self.changes.partition_point(|(from, _)| *from <= second);
        match (&self.rule, is_before.checked_sub(1).and_then(|last| self.changes.get(last))) {
            (Some(rule), _) if is_before == self.changes.len() => rule.ahead(second),
            (_, Some((_, ahead))) => *ahead,
            (_, None) => self.first,
        }
    }

    /// The second block of a file: the first has times of 32 bits.
    fn read(file: &[u8]) -> Option<Self> {
        let old = Counts::read(file)?;
        let file = file.get(HEADER + old.len(4)..)?;
        let counts = Counts::read(file)?;
        let body = file.get(HEADER..)?;
        let (times, rest) = body.split_at_checked(counts.times * 8)?;
        let (kinds, rest) = rest.split_at_checked(counts.times)?;
        let (types, _) = rest.split_at_checked(counts.types * 6)?;
        let ahead = |kind: usize| {
            let ahead = types.get(kind * 6..)?.first_chunk()?;
            Some(i64::from(i32::from_be_bytes(*ahead)))
        };
        let change = |(time, kind): (&[u8], &u8)| {
            Some((i64::from_be_bytes(time.try_into().ok()?), ahead(usize::from(*kind))?))
        };
        let changes = times.chunks(8).zip(kinds).map(change).collect::<Option<_>>()?;
        let footer = std::str::from_utf8(body.get(counts.len(8)..)?).ok()?;
        Some(Self { changes, first: ahead(0)?, rule: Rule::parse(footer.trim_matches('\n')) })
    }
}

/// Where to look for the zone that `TZ` names; nowhere is UTC.
fn files(tz: Option<&str>) -> Vec<String> {
    match tz.map(|tz| tz.strip_prefix(':').unwrap_or(tz)) {
        None => vec!["/etc/localtime".to_owned()],
        Some("" | "UTC") => Vec::new(),
        Some(path) if path.starts_with('/') => vec![path.to_owned()],
        Some(name) => FOLDERS.map(|folder| format!("{folder}/{name}")).into(),
    }
}

/// How much there is of each, as a header says.
struct Counts {
    times: usize,
    types: usize,
    /// Bytes of names and flags, and leap seconds.
    others: usize,
    leaps: usize,
}

impl Counts {
    fn read(file: &[u8]) -> Option<Self> {
        let counts = file.get(..HEADER)?.strip_prefix(b"TZif")?.get(16..)?;
        let mut counts = counts.chunks(4).map(|count| {
            let count = u32::from_be_bytes(count.try_into().unwrap_or_default());
            // More than any zone has, and few enough to multiply.
            usize::try_from(count.min(1 << 20)).unwrap_or_default()
        });
        let mut next = || counts.next();
        let (utc, standard, leaps, times, types, names) =
            (next()?, next()?, next()?, next()?, next()?, next()?);
        Some(Self { times, types, others: utc + standard + names, leaps })
    }

    /// Bytes of the block after the header, whose times have so many.
    fn len(&self, time: usize) -> usize {
        self.times * (time + 1) + self.types * 6 + self.others + self.leaps * (time + 4)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A zone an hour ahead that was two hours ahead from second 100 on, and follows the rule after second 200.
    fn zone(rule: &str) -> Vec<u8> {
        let header = |counts: [u32; 6]| {
            let counts = counts.iter().flat_map(|count| count.to_be_bytes());
            b"TZif2".iter().copied().chain([0; 15]).chain(counts).collect::<Vec<_>>()
        };
        let mut file = header([0, 0, 0, 1, 1, 4]);
        file.extend([0; 4 + 1 + 6 + 4]);
        file.extend(header([0, 0, 1, 2, 2, 4]));
        file.extend([100_i64, 200].iter().flat_map(|time| time.to_be_bytes()));
        file.extend([1, 0]);
        for ahead in [3600_i32, 7200] {
            file.extend(ahead.to_be_bytes());
            file.extend([0, 0]);
        }
        file.extend(b"XST\0");
        file.extend([0; 12]);
        file.extend(format!("\n{rule}\n").as_bytes());
        file
    }

    fn ahead(file: &[u8], second: u64) -> i64 {
        Zone::read(file).unwrap().ahead(UNIX_EPOCH + Duration::from_secs(second))
    }

    #[test]
    fn a_change_counts_from_its_second_on() {
        let file = zone("");
        let found = [0, 99, 100, 199, 200, 4_000_000_000].map(|second| ahead(&file, second));
        assert_eq!(found, [3600, 3600, 7200, 7200, 3600, 3600]);
    }

    #[test]
    fn after_the_last_change_the_rule_holds() {
        let file = zone("<+08>-8");
        assert_eq!((ahead(&file, 199), ahead(&file, 200)), (7200, 28_800));
    }

    #[test]
    fn a_file_that_ends_early_is_no_zone() {
        let file = zone("<+08>-8");
        let whole = file.len() - "\n<+08>-8\n".len();
        for len in 0..whole {
            assert!(Zone::read(&file[..len]).is_none(), "{len}");
        }
        assert!(Zone::read(&file[..whole]).is_some_and(|zone| zone.rule.is_none()));
    }

    #[test]
    fn tz_names_a_file_a_zone_or_utc() {
        assert_eq!(files(None), ["/etc/localtime"]);
        assert_eq!(files(Some(":/srv/zone")), ["/srv/zone"]);
        assert_eq!(files(Some("Asia/Shanghai"))[0], "/usr/share/zoneinfo/Asia/Shanghai");
        assert!(files(Some("")).is_empty() && files(Some("UTC")).is_empty());
    }
}
