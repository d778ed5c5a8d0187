//! The arrow tables of ARCHITECTURE.md.
//!
//! A table is announced by a comment `<!-- arrows: NAME -->`; NAME is `crates` or the folder of a crate.
//! Its first column names a crate or room, its second what that one may use, its third (optional) what it
//! must never link. Names are in backticks; `all below` stands for every later row.

use std::collections::{BTreeMap, BTreeSet};

/// The name of the table that holds the arrows between crates.
pub(crate) const CRATES: &str = "crates";

/// One arrow table, rows in the order of the map.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    /// The rows, top to bottom.
    pub(crate) rows: Vec<Row>,
}

/// One crate or room and its arrows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The crate's folder or the room's name.
    pub(crate) name: String,
    /// What it may use.
    pub(crate) uses: BTreeSet<String>,
    /// Packages it must never link.
    pub(crate) never: BTreeSet<String>,
}

impl Table {
    /// The row of that name.
    pub(crate) fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }
}

/// All tables of the map, by the name they were announced with.
///
/// # Errors
/// A marker that no table follows.
pub(crate) fn tables(text: &str) -> Result<BTreeMap<String, Table>, String> {
    let mut tables = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let marker = line.trim().strip_prefix("<!-- arrows:").and_then(|rest| rest.strip_suffix("-->"));
        let Some(name) = marker.map(str::trim) else { continue };
        let rows =
            lines.by_ref().skip_while(|line| line.trim().is_empty()).take_while(|line| line.starts_with('|'));
        // The first two rows are the head and the rule below it.
        let rows: Vec<Vec<&str>> = rows.skip(2).map(cells).collect();
        if rows.is_empty() {
            return Err(format!("ARCHITECTURE.md: no table follows `{}`", line.trim()));
        }
        tables.insert(name.to_owned(), table(&rows));
    }
    Ok(tables)
}

fn table(rows: &[Vec<&str>]) -> Table {
    let names: Vec<String> = rows.iter().filter_map(|row| quoted(row.first()?).into_iter().next()).collect();
    let mut table = Table::default();
    for (at, (row, name)) in rows.iter().zip(&names).enumerate() {
        let cell = row.get(1).copied().unwrap_or_default();
        let uses = if cell.contains("all below") {
            names.iter().skip(at + 1).cloned().collect()
        } else {
            quoted(cell)
        };
        let never = row.get(2).map(|cell| quoted(cell)).unwrap_or_default();
        table.rows.push(Row { name: name.clone(), uses, never });
    }
    table
}

fn cells(line: &str) -> Vec<&str> {
    line.trim().trim_matches('|').split('|').map(str::trim).collect()
}

fn quoted(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = "\
# A map
<!-- arrows: server -->

| room | may use |
|---|---|
| `run` | all below |
| `http` | `tls` |
| `tls` | nothing |

<!-- arrows: crates -->
| crate | may use | never links |
|---|---|---|
| `wire` | nothing of ours | `tokio`, `mio` |
";

    #[test]
    fn table_is_read_by_its_marker() {
        let tables = tables(MAP).unwrap();
        let server = &tables["server"];
        let names = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>();
        assert_eq!(names(&server.row("run").unwrap().uses), ["http", "tls"]);
        assert_eq!(names(&server.row("http").unwrap().uses), ["tls"]);
        assert!(server.row("tls").unwrap().uses.is_empty());
        assert_eq!(names(&tables["crates"].row("wire").unwrap().never), ["mio", "tokio"]);
    }

    #[test]
    fn marker_without_a_table_is_an_error() {
        assert!(tables("<!-- arrows: server -->\nprose\n").is_err());
    }
}
