//! The rooms of a crate, and which other rooms each one names.
//!
//! A room is a module declared in the crate's root file. What it names is read from paths that begin
//! with `crate::`, or with enough `super::` to reach the root; test code does not count.

use crate::source::{self, Source};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Each room with the names it takes from the crate's root.
pub(crate) type Rooms = BTreeMap<String, BTreeSet<String>>;

/// The rooms of the crate whose sources lie in `src`.
///
/// # Errors
/// A source file that cannot be read.
pub(crate) fn of_crate(src: &Path) -> Result<Rooms, String> {
    let sources = source::production_files(src)?;
    let mut rooms = Rooms::new();
    for root in sources.iter().filter(|source| is_root(src, &source.path)) {
        rooms.extend(declared_modules(&root.code).into_iter().map(|name| (name, BTreeSet::new())));
    }
    for source in sources.iter().filter(|source| !is_root(src, &source.path)) {
        let (room, depth) = place(src, source);
        if let Some(uses) = rooms.get_mut(&room) {
            uses.extend(root_names(&source.code, depth).into_iter().filter(|name| *name != room));
        }
    }
    Ok(rooms)
}

fn is_root(src: &Path, path: &Path) -> bool {
    path.parent() == Some(src) && path.file_name().is_some_and(|name| name == "lib.rs" || name == "main.rs")
}

/// The room a file belongs to, and how many modules deep the file is (1 for the room's own file).
fn place(src: &Path, source: &Source) -> (String, usize) {
    let inner = source.path.strip_prefix(src).unwrap_or(&source.path).with_extension("");
    let mut parts: Vec<String> = inner.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    (parts.first().cloned().unwrap_or_default(), parts.len())
}

fn declared_modules(code: &str) -> Vec<String> {
    let declarations = code.lines().map(str::trim).filter_map(|line| line.strip_suffix(';'));
    declarations
        .filter_map(|line| {
            line.rsplit_once("mod ").filter(|(head, _)| head.is_empty() || head.starts_with("pub"))
        })
        .map(|(_, name)| name.trim().to_owned())
        .collect()
}

/// The names taken from the crate's root by a file that is `depth` modules deep.
pub(crate) fn root_names(code: &str, depth: usize) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let to_root = "super::".repeat(depth);
    for prefix in ["crate::", to_root.as_str()] {
        for (at, _) in code.match_indices(prefix) {
            let before = code[..at].chars().next_back().unwrap_or(' ');
            // `$crate::`, `my_crate::` and a longer chain of `super::` are other paths.
            if before.is_alphanumeric() || before == '_' || before == '$' || before == ':' {
                continue;
            }
            names.extend(first_names(&code[at + prefix.len()..]));
        }
    }
    names.remove("super");
    names
}

/// The first segment of a path, or of each path of a brace list.
fn first_names(rest: &str) -> Vec<String> {
    let rest = rest.trim_start();
    let Some(list) = rest.strip_prefix('{') else { return vec![identifier(rest)] };
    let mut names = Vec::new();
    let mut depth = 0_usize;
    let mut expects_name = true;
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => expects_name = true,
            c if expects_name && depth == 0 && !c.is_whitespace() => {
                names.push(identifier(&list[at..]));
                expects_name = false;
            }
            _ => {}
        }
    }
    names
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(code: &str, depth: usize) -> Vec<String> {
        root_names(code, depth).into_iter().collect()
    }

    #[test]
    fn every_form_of_path_is_seen() {
        let code = "use crate::tls::Acceptor;\nuse crate::{clock, metrics::{Counter, Gauge}};\nfn f(x: crate::http::Door) {}";
        assert_eq!(names(code, 1), ["clock", "http", "metrics", "tls"]);
    }

    #[test]
    fn super_counts_only_when_it_reaches_the_root() {
        assert_eq!(names("use super::clock::Now;", 1), ["clock"]);
        assert_eq!(names("use super::reader::Reader;", 2), Vec::<String>::new());
        assert_eq!(names("use super::super::clock::Now;", 2), ["clock"]);
    }

    #[test]
    fn other_crates_are_not_rooms() {
        assert_eq!(
            names("use wherry_crate::x; macro_rules! m { () => { $crate::y } }", 1),
            Vec::<String>::new()
        );
    }

    #[test]
    fn modules_are_declared_with_or_without_pub() {
        assert_eq!(
            declared_modules("mod a;\npub mod b;\npub(crate) mod c;\nmod inline {\n}\n"),
            ["a", "b", "c"]
        );
    }
}
