//! Map against code. Pure: every function takes both and returns complaints in plain words.

use super::arrows::Table;
use super::rooms::Rooms;
use std::collections::{BTreeMap, BTreeSet};

/// Arrows between crates: `uses` is what each manifest says of crates of this workspace.
pub(crate) fn crates(table: &Table, uses: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    both_ways("crate", table, uses)
}

/// Packages that the map says a crate must never link.
pub(crate) fn bans(table: &Table, foreign: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut complaints = Vec::new();
    for row in &table.rows {
        let linked = foreign.get(&row.name).into_iter().flatten();
        for package in linked.filter(|package| row.never.contains(*package)) {
            complaints.push(format!("crate `{}` links `{package}`, which the map forbids", row.name));
        }
    }
    complaints
}

/// Arrows between the rooms of one crate that has a table.
pub(crate) fn rooms(name: &str, table: &Table, rooms: &Rooms) -> Vec<String> {
    let mut complaints = both_ways(&format!("{name} room"), table, rooms);
    for (at, row) in table.rows.iter().enumerate() {
        for used in &row.uses {
            if !table.rows.iter().skip(at + 1).any(|below| below.name == *used) {
                complaints
                    .push(format!("{name}: the map lets `{}` use `{used}`, which is not below it", row.name));
            }
        }
    }
    complaints.extend(cycles(name, rooms));
    complaints
}

/// Cycles between the rooms of one crate; at most one is told, the shortest way round from its first room.
pub(crate) fn cycles(name: &str, rooms: &Rooms) -> Vec<String> {
    let cycle = rooms.keys().find_map(|room| way_back(room, rooms));
    cycle.map(|way| format!("{name}: rooms go round in a circle: {}", way.join(" → "))).into_iter().collect()
}

fn both_ways(kind: &str, table: &Table, uses: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, used) in uses {
        let Some(row) = table.row(name) else {
            complaints.push(format!("{kind} `{name}` is missing from the map"));
            continue;
        };
        for target in used.difference(&row.uses) {
            complaints.push(format!("{kind} `{name}` uses `{target}`, an arrow the map does not have"));
        }
    }
    for row in table.rows.iter().filter(|row| !uses.contains_key(&row.name)) {
        complaints.push(format!("the map names the {kind} `{}`, which does not exist", row.name));
    }
    complaints
}

/// The shortest way from a room back to itself.
fn way_back(start: &str, rooms: &Rooms) -> Option<Vec<String>> {
    let mut ways = vec![vec![start.to_owned()]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            let uses = rooms.get(way.last()?).into_iter().flatten();
            for next in uses.filter(|next| rooms.contains_key(*next)) {
                let mut way = way.clone();
                way.push(next.clone());
                if next == start {
                    return Some(way);
                }
                if seen.insert(next.clone()) {
                    longer.push(way);
                }
            }
        }
        ways = longer;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::arrows;
    use super::*;

    fn table() -> Table {
        let map = "<!-- arrows: x -->\n| room | may use | never links |\n|---|---|---|\n\
                   | `http` | `session`, `tls` | |\n| `session` | `tls` | |\n| `tls` | nothing | `tokio` |\n";
        arrows::tables(map).unwrap().remove("x").unwrap()
    }

    fn uses(of: &[(&str, &[&str])]) -> Rooms {
        of.iter()
            .map(|(name, uses)| ((*name).to_owned(), uses.iter().map(|u| (*u).to_owned()).collect()))
            .collect()
    }

    #[test]
    fn code_that_keeps_to_the_map_is_left_in_peace() {
        let code = uses(&[("http", &["session"]), ("session", &["tls"]), ("tls", &[])]);
        assert_eq!(rooms("server", &table(), &code), Vec::<String>::new());
    }

    #[test]
    fn arrow_against_the_order_fails() {
        let code = uses(&[("http", &[]), ("session", &[]), ("tls", &["http"])]);
        assert_eq!(
            rooms("server", &table(), &code),
            ["server room `tls` uses `http`, an arrow the map does not have"]
        );
    }

    #[test]
    fn name_from_the_crate_root_is_an_unknown_arrow() {
        let code = uses(&[("http", &["Server"]), ("session", &[]), ("tls", &[])]);
        assert_eq!(
            rooms("server", &table(), &code),
            ["server room `http` uses `Server`, an arrow the map does not have"]
        );
    }

    #[test]
    fn room_that_the_map_misses_fails() {
        let code = uses(&[("http", &[]), ("session", &[]), ("tls", &[]), ("stun", &[])]);
        assert_eq!(rooms("server", &table(), &code), ["server room `stun` is missing from the map"]);
    }

    #[test]
    fn room_that_only_the_map_has_fails() {
        let code = uses(&[("http", &[]), ("session", &[])]);
        assert_eq!(
            rooms("server", &table(), &code),
            ["the map names the server room `tls`, which does not exist"]
        );
    }

    #[test]
    fn map_that_points_upwards_fails() {
        let mut table = table();
        table.rows.reverse();
        let code = uses(&[("http", &[]), ("session", &[]), ("tls", &[])]);
        assert_eq!(rooms("server", &table, &code).len(), 3);
    }

    #[test]
    fn circle_is_told_with_its_way_round() {
        let code = uses(&[("a", &["b"]), ("b", &["c"]), ("c", &["a"]), ("d", &["a"])]);
        assert_eq!(cycles("wire", &code), ["wire: rooms go round in a circle: a → b → c → a"]);
    }

    #[test]
    fn forbidden_package_fails() {
        let foreign = uses(&[("tls", &["serde", "tokio"])]);
        assert_eq!(bans(&table(), &foreign), ["crate `tls` links `tokio`, which the map forbids"]);
    }

    #[test]
    fn crate_arrow_that_the_map_misses_fails() {
        let code = uses(&[("http", &[]), ("session", &["http"]), ("tls", &[])]);
        assert_eq!(crates(&table(), &code), ["crate `session` uses `http`, an arrow the map does not have"]);
    }
}
