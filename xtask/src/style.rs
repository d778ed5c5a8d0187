//! The style meter: how long files and functions are, and what should not be there at all.
//!
//! Counts are of production code by text, not by a parser: good to a line or two.

use crate::source::{self, Source};
use crate::{inherits, layers};
use std::fs;
use std::path::{Path, PathBuf};

/// What a release is held to; `None` is printed but not judged.
struct Reading {
    what: &'static str,
    value: usize,
    detail: String,
    limit: Option<usize>,
}

/// Prints the table; with `check` it also fails over a threshold.
///
/// # Errors
/// Unreadable sources, or readings over their threshold.
pub(crate) fn run(root: &Path, check: bool) -> Result<(), String> {
    let readings = readings(root)?;
    println!("{:<34} {:>7} {:>7}  note", "style", "value", "at most");
    for reading in &readings {
        let limit = reading.limit.map_or_else(|| "–".to_owned(), |limit| limit.to_string());
        println!("{:<34} {:>7} {:>7}  {}", reading.what, reading.value, limit, reading.detail);
    }
    let over: Vec<&Reading> =
        readings.iter().filter(|reading| reading.limit.is_some_and(|limit| reading.value > limit)).collect();
    if !check || over.is_empty() {
        return Ok(());
    }
    let list: Vec<&str> = over.iter().map(|reading| reading.what).collect();
    Err(format!("style: over the threshold: {}", list.join(", ")))
}

fn readings(root: &Path) -> Result<Vec<Reading>, String> {
    let mut sources = Vec::new();
    let mut everything = Vec::new();
    for dir in inherits::member_dirs(root)? {
        sources.extend(source::production_files(&dir.join("src"))?);
        source::rust_files(&dir, &mut everything)?;
    }
    source::rust_files(&root.join("fuzz").join("fuzz_targets"), &mut everything)?;
    let mut lengths: Vec<usize> = sources.iter().map(|source| source.lines).collect();
    lengths.sort_unstable();
    let total: usize = lengths.iter().sum();
    let shown = |path: &Path| path.strip_prefix(root).unwrap_or(path).display().to_string();
    let longest = sources.iter().max_by_key(|source| source.lines);
    let function = sources.iter().filter_map(longest_function).max_by_key(|(lines, _)| *lines);
    let (function_lines, function_place) = function.unwrap_or_default();
    let shipped = || sources.iter().filter(|source| source.path.starts_with(root.join("crates")));
    let expects: usize = shipped().map(|source| count(&source.code, &[".expect(", ".unwrap("])).sum();
    let shipped_lines: usize = shipped().map(|source| source.lines).sum();
    let todos: usize = sources.iter().map(|source| count(&source.text, &["TO\x44O", "FIX\x4dE"])).sum();
    let (sleeps, sleeping) = sleeps_in_tests(&everything, &sources)?;
    let tests = count_in_files(&everything, &["#[test]", "#[tokio::test"])?;
    let none = String::new;
    Ok(vec![
        Reading { what: "files", value: sources.len(), detail: none(), limit: None },
        Reading { what: "lines", value: total, detail: none(), limit: None },
        Reading {
            what: "median file, lines",
            value: quantile(&lengths, 50),
            detail: none(),
            limit: Some(200),
        },
        Reading { what: "p90 file, lines", value: quantile(&lengths, 90), detail: none(), limit: Some(400) },
        Reading {
            what: "longest file, lines",
            value: longest.map_or(0, |source| source.lines),
            detail: longest.map(|source| shown(&source.path)).unwrap_or_default(),
            limit: Some(800),
        },
        Reading {
            what: "longest function, lines",
            value: function_lines,
            detail: function_place.replace(&format!("{}/", root.display()), ""),
            limit: Some(100),
        },
        Reading {
            what: "crates with cycles between rooms",
            value: layers::cycles(root)?,
            detail: none(),
            limit: Some(0),
        },
        Reading {
            what: "sleeps in tests",
            value: sleeps,
            detail: sleeping.iter().map(|path| shown(path)).collect::<Vec<_>>().join(" "),
            limit: Some(0),
        },
        Reading { what: "unfinished notes", value: todos, detail: none(), limit: Some(0) },
        Reading {
            what: "expects per 1,000 shipped lines",
            value: (expects * 1000).div_ceil(shipped_lines.max(1)),
            detail: format!("{expects} in {shipped_lines}"),
            limit: Some(1),
        },
        Reading { what: "tests", value: tests, detail: none(), limit: None },
    ])
}

/// The value below which `percent` of the sorted numbers lie.
fn quantile(sorted: &[usize], percent: usize) -> usize {
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * percent / 100).copied().unwrap_or(0)
}

/// The longest function of a file in lines, from `fn` to its closing brace, with its place.
///
/// A function that already gives a reason for its length is left out.
fn longest_function(source: &Source) -> Option<(usize, String)> {
    let code = &source.code;
    let mut longest: Option<(usize, String)> = None;
    for (at, _) in code.match_indices("fn ") {
        let before = code[..at].chars().next_back().unwrap_or(' ');
        let name: String = code[at + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if before.is_alphanumeric()
            || before == '_'
            || name.is_empty()
            || gives_reason(code, at, "too_many_lines")
        {
            continue;
        }
        let lines = body(&code[at..]).map_or(0, |body| body.lines().count());
        if longest.as_ref().is_none_or(|(most, _)| lines > *most) {
            longest = Some((lines, format!("{name} in {}", source.path.display())));
        }
    }
    longest
}

/// Whether the attributes right above the function at that place expect the lint.
fn gives_reason(code: &str, at: usize, lint: &str) -> bool {
    let item = code[..at].rfind(['}', ';']).map_or(0, |end| end + 1);
    code[item..at].contains(lint)
}

/// The text from the front to the end of the first brace block; none if a semicolon comes first.
fn body(code: &str) -> Option<&str> {
    let (mut braces, mut others) = (0_usize, 0_usize);
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'{' => braces += 1,
            b'}' => {
                braces = braces.saturating_sub(1);
                if braces == 0 {
                    return Some(&code[..=at]);
                }
            }
            b'(' | b'[' => others += 1,
            b')' | b']' => others = others.saturating_sub(1),
            b';' if braces == 0 && others == 0 => return None,
            _ => {}
        }
    }
    None
}

fn count(text: &str, needles: &[&str]) -> usize {
    needles.iter().map(|needle| text.matches(needle).count()).sum()
}

fn count_in_files(paths: &[PathBuf], needles: &[&str]) -> Result<usize, String> {
    let mut found = 0;
    for path in paths {
        found += count(&read(path)?, needles);
    }
    Ok(found)
}

/// Sleeps outside production code that give no reason, and the files they are in.
fn sleeps_in_tests(everything: &[PathBuf], production: &[Source]) -> Result<(usize, Vec<PathBuf>), String> {
    let (mut sleeps, mut files) = (0, Vec::new());
    for path in everything {
        let in_production = production.iter().find(|source| source.path == *path);
        let allowed = in_production.map_or(0, |source| bare_sleeps(&source.code));
        let whole = source::production_code(&untested(&read(path)?)).0;
        let found = bare_sleeps(&whole).saturating_sub(allowed);
        if found > 0 {
            sleeps += found;
            files.push(path.clone());
        }
    }
    Ok((sleeps, files))
}

fn bare_sleeps(code: &str) -> usize {
    let calls = ["sleep(", "sleep_until("].into_iter().flat_map(|call| code.match_indices(call));
    let has_reason =
        |at| code[..at].rfind("fn ").is_some_and(|f| gives_reason(code, f, "disallowed_methods"));
    calls.filter(|(at, _)| !has_reason(*at)).count()
}

/// The text with its test attributes made harmless, so that test items count as code.
fn untested(text: &str) -> String {
    text.replace("#[cfg(test)]", "#[cfg(TEST)]").replace("#[test]", "#[TEST]")
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|err| format!("{}: {err}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        let (code, _) = source::production_code(text);
        Source { path: PathBuf::from("x.rs"), text: text.to_owned(), code, lines: 0 }
    }

    #[test]
    fn longest_function_is_measured_over_its_braces() {
        let text = "fn short() {}\nfn long(a: [u8; 4]) -> u8 {\n    if a[0] == 1 {\n    }\n    2\n}\ntrait T {\n    fn none(&self);\n}\n";
        assert_eq!(longest_function(&source(text)), Some((5, "long in x.rs".to_owned())));
    }

    #[test]
    fn excused_function_is_left_out() {
        let text = "fn a() {\n}\n#[expect(clippy::too_many_lines, reason = \"a table\")]\nfn b() {\n\n\n}\n";
        assert_eq!(longest_function(&source(text)), Some((2, "a in x.rs".to_owned())));
    }

    #[test]
    fn sleep_that_gives_a_reason_is_not_counted() {
        let bare = "fn a() {\n    thread::sleep(x);\n}\n";
        assert_eq!(bare_sleeps(bare), 1);
        assert_eq!(bare_sleeps(&format!("#[expect(clippy::disallowed_methods)]\n{bare}")), 0);
    }

    #[test]
    fn quantiles_of_a_short_list_do_not_fall_off() {
        assert_eq!(quantile(&[], 50), 0);
        assert_eq!(quantile(&[7], 90), 7);
        assert_eq!(quantile(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 90), 10);
    }
}
