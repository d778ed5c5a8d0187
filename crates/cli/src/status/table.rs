//! The table: connections, and what they send between two samples.

use std::time::Duration;

use serde::Serialize;
use wherry_server::admin::{ConnStatus, Status, Traffic};

use crate::output;

/// Bytes and packets a second of one connection between two samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Rate {
    id: u64,
    bytes_in_per_second: f64,
    bytes_out_per_second: f64,
    packets_in_per_second: f64,
    packets_out_per_second: f64,
}

/// One connection.
pub(super) struct Row<'a> {
    conn: &'a ConnStatus,
    pub(super) rate: Option<Rate>,
}

/// The connections of a sample, with rates if there is one before it.
pub(super) fn rows<'a>(before: Option<&Status>, now: &'a Status) -> Vec<Row<'a>> {
    let rate = |conn: &ConnStatus| {
        let before = before?;
        let elapsed = Duration::from_millis(now.uptime_ms.checked_sub(before.uptime_ms)?);
        let new = conn.traffic?;
        // A connection that came in between started at nothing.
        let old = before
            .conns
            .iter()
            .find(|old| old.id == conn.id)
            .map_or_else(|| Some(Traffic::default()), |old| old.traffic)?;
        Rate::between(conn.id, &old, &new, elapsed)
    };
    now.conns.iter().map(|conn| Row { conn, rate: rate(conn) }).collect()
}

impl Rate {
    fn between(id: u64, old: &Traffic, new: &Traffic, elapsed: Duration) -> Option<Self> {
        let per_second = |new: u64, old: u64| new.saturating_sub(old) as f64 / elapsed.as_secs_f64();
        (!elapsed.is_zero()).then(|| Self {
            id,
            bytes_in_per_second: per_second(new.bytes_in, old.bytes_in),
            bytes_out_per_second: per_second(new.bytes_out, old.bytes_out),
            packets_in_per_second: per_second(new.packets_in, old.packets_in),
            packets_out_per_second: per_second(new.packets_out, old.packets_out),
        })
    }
}

/// The relay itself.
pub(super) fn summary(status: &Status) -> String {
    let ready =
        if status.ready { "ready".to_owned() } else { format!("not ready: {}", status.faults.join("; ")) };
    let listen = status.addresses.tls.iter().chain(&status.addresses.plain).map(ToString::to_string);
    let notes: String = status.notes.iter().map(|note| format!("note: {note}\n")).collect();
    let home = status.conns.iter().filter(|conn| conn.home).count();
    format!(
        "wherry {}, up {}, {ready}\n{notes}listening on {}\n{}{} connections, {home} of them at home here; {} in, {} out, {} packets dropped\n\n",
        status.version,
        age(status.uptime_ms),
        listen.collect::<Vec<_>>().join(", "),
        admission(&status.admit),
        status.conns.len(),
        size(status.traffic.bytes_in as f64),
        size(status.traffic.bytes_out as f64),
        status.dropped_packets,
    )
}

/// Who may use it; nothing if the relay does not say.
fn admission(admit: &str) -> String {
    match admit.split_once(':') {
        Some(("list", file)) => format!("open to the nodes in {file}\n"),
        _ if admit == "open" => "open to anybody\n".to_owned(),
        _ => String::new(),
    }
}

/// All connections, or nothing if there is none.
pub(super) fn table(rows: &[Row<'_>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let heading = ["name", "key", "address", "age", "home", "in/s", "out/s", "in", "out"].map(str::to_owned);
    let bytes = |of: Option<u64>| of.map_or_else(|| "-".to_owned(), |bytes| size(bytes as f64));
    let rate = |of: Option<f64>| of.map_or_else(|| "-".to_owned(), size);
    let rows = rows.iter().map(|Row { conn, rate: per_second }| {
        let kind = if conn.role == "regular" { String::new() } else { format!(" ({})", conn.role) };
        [
            format!("{}{kind}", conn.name.as_deref().unwrap_or("-")),
            conn.short.clone(),
            conn.addr.to_string(),
            age(conn.age_ms),
            if conn.home { "yes" } else { "no" }.to_owned(),
            rate(per_second.map(|rate| rate.bytes_in_per_second)),
            rate(per_second.map(|rate| rate.bytes_out_per_second)),
            bytes(conn.traffic.map(|traffic| traffic.bytes_in)),
            bytes(conn.traffic.map(|traffic| traffic.bytes_out)),
        ]
    });
    let rows: Vec<_> = std::iter::once(heading).chain(rows).collect();
    output::table(&rows, [false, false, false, true, false, true, true, true, true])
}

/// The two largest units: `3d4h`, `5m12s`.
fn age(millis: u64) -> String {
    let seconds = millis / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m{}s", seconds % 60),
        3600..86_400 => format!("{hours}h{}m", minutes % 60),
        _ => format!("{days}d{}h", hours % 24),
    }
}

/// Three digits and a unit: `0 B`, `1.5 KiB`, `120 MiB`.
fn size(bytes: f64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes;
    let mut units = UNITS.iter();
    let mut unit = units.next();
    while value >= 1000.0 {
        let Some(next) = units.next() else { break };
        value /= 1024.0;
        unit = Some(next);
    }
    let digits = usize::from(value < 10.0 && unit != Some(&"B"));
    format!("{value:.digits$} {}", unit.unwrap_or(&"B"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_ages_stay_short() {
        let sizes = [0.0, 999.0, 1000.0, 1536.0, 10_240.0, 1_048_576.0, 3e15].map(size);
        assert_eq!(sizes, ["0 B", "999 B", "1.0 KiB", "1.5 KiB", "10 KiB", "1.0 MiB", "2.7 PiB"]);
        assert_eq!(
            [0, 59_999, 61_000, 3_660_000, 90_000_000].map(age),
            ["0s", "59s", "1m1s", "1h1m", "1d1h"]
        );
    }

    #[test]
    fn rates_are_made_of_two_samples() {
        let traffic =
            |bytes| Some(Traffic { bytes_in: bytes, packets_in: bytes / 100, ..Traffic::default() });
        let conn = |id, bytes| ConnStatus {
            id,
            key: String::new(),
            short: "[abcde]".to_owned(),
            name: None,
            role: "regular".to_owned(),
            addr: ([192, 0, 2, 1], 5).into(),
            age_ms: 0,
            home: false,
            not_ideal: false,
            duplicate: false,
            traffic: traffic(bytes),
        };
        let before = Status { uptime_ms: 1000, conns: vec![conn(1, 500)], ..Status::default() };
        let now = Status { uptime_ms: 3000, conns: vec![conn(1, 1500), conn(2, 300)], ..Status::default() };
        let rates: Vec<_> = rows(Some(&before), &now).iter().map(|row| row.rate.unwrap()).collect();
        assert_eq!((rates[0].bytes_in_per_second, rates[0].packets_in_per_second), (500.0, 5.0));
        assert_eq!(rates[1].bytes_in_per_second, 150.0);
        assert!(rows(None, &now).iter().all(|row| row.rate.is_none()));
    }
}
