//! Rust source as the tasks see it: production code only, with comments and literals blanked.
//!
//! Works on text, not on a syntax tree: every byte keeps its place, so lines can be counted and
//! braces matched, and code inside macros is seen too.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// One source file.
#[derive(Debug)]
pub(crate) struct Source {
    /// Where it lies.
    pub(crate) path: PathBuf,
    /// The text as written.
    pub(crate) text: String,
    /// The text of production code: comments, literals and test items are blanks, line ends stay.
    pub(crate) code: String,
    /// Lines of the file that are not inside a test item.
    pub(crate) lines: usize,
}

/// The production files below `dir`, test files left out, sorted by path.
///
/// # Errors
/// A file or folder that cannot be read.
pub(crate) fn production_files(dir: &Path) -> Result<Vec<Source>, String> {
    let mut paths = Vec::new();
    rust_files(dir, &mut paths)?;
    let mut test_files = BTreeSet::new();
    let mut sources = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).map_err(|err| format!("{}: {err}", path.display()))?;
        let (code, test_modules) = production_code(&text);
        for module in test_modules {
            test_files.extend(places_of_module(&path, &module));
        }
        let lines = kept_lines(&text, &code);
        sources.push(Source { path, text, code, lines });
    }
    sources.retain(|source| !test_files.iter().any(|test| source.path.starts_with(test)));
    Ok(sources)
}

/// All `.rs` files below `dir`, sorted.
///
/// # Errors
/// A folder that cannot be read.
pub(crate) fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) -> Result<(), String> {
    if !dir.is_dir() {
        return Ok(());
    }
    let entries = fs::read_dir(dir).map_err(|err| format!("{}: {err}", dir.display()))?;
    let mut entries: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, found)?;
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// A module that is declared for tests only: its name, and its `#[path]` if it has one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TestModule {
    name: String,
    path: Option<String>,
}

/// Blanks comments, literals and items under `#[cfg(test)]`; also says which test modules are files of their own.
pub(crate) fn production_code(text: &str) -> (String, Vec<TestModule>) {
    let mut code = blank_comments_and_literals(text);
    let mut modules = Vec::new();
    let mut from = 0;
    while let Some(start) = find_test_attribute(&code, from) {
        let end = end_of_item(&code, start);
        let item = &code[start..end];
        if let Some(name) = item.strip_suffix(';').and_then(|item| item.split("mod ").nth(1)) {
            let path = text[start..end].split("path = \"").nth(1).and_then(|rest| rest.split('"').next());
            modules.push(TestModule { name: name.trim().to_owned(), path: path.map(str::to_owned) });
        }
        let blank = blanks(item);
        code.replace_range(start..end, &blank);
        from = end;
    }
    (code, modules)
}

/// The file and the folder that a module may lie in.
fn places_of_module(declared_in: &Path, module: &TestModule) -> Vec<PathBuf> {
    let Some(dir) = declared_in.parent() else { return Vec::new() };
    if let Some(path) = &module.path {
        return vec![dir.join(path)];
    }
    let stem = declared_in.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let dir = match stem {
        "mod" | "lib" | "main" => dir.to_owned(),
        _ => dir.join(stem),
    };
    vec![dir.join(format!("{}.rs", module.name)), dir.join(&module.name)]
}

fn find_test_attribute(code: &str, from: usize) -> Option<usize> {
    let forms = ["#[cfg(test)]", "#[cfg(all(test", "#[test]"];
    let rest = code.get(from..)?;
    forms.iter().filter_map(|form| rest.find(form)).min().map(|at| from + at)
}

/// The end of the item that begins with attributes at `start`: its closing brace or its semicolon.
fn end_of_item(code: &str, start: usize) -> usize {
    let bytes = code.as_bytes();
    let (mut braces, mut others) = (0_usize, 0_usize);
    for (at, byte) in bytes.iter().enumerate().skip(start) {
        match byte {
            b'{' => braces += 1,
            b'}' => {
                braces = braces.saturating_sub(1);
                if braces == 0 && others == 0 {
                    return at + 1;
                }
            }
            b'(' | b'[' => others += 1,
            b')' | b']' => others = others.saturating_sub(1),
            b';' if braces == 0 && others == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// How many lines of `text` hold anything that `code` did not lose to a test item.
///
/// A comment or literal is blank in `code` as well, so lines are judged by runs: a line belongs to
/// a test item only if the item's first and last lines enclose it.
fn kept_lines(text: &str, code: &str) -> usize {
    let whole = blank_comments_and_literals(text);
    let mut kept = 0;
    let mut inside_test = false;
    for (before, after) in whole.lines().zip(code.lines()) {
        let lost = !before.trim().is_empty() && after.trim().is_empty();
        inside_test = if before.trim().is_empty() { inside_test } else { lost };
        kept += usize::from(!inside_test);
    }
    kept
}

fn blanks(text: &str) -> String {
    text.chars().map(blank).collect()
}

/// A blank as wide as the character in bytes, so that offsets stay true.
fn blank(c: char) -> &'static str {
    match (c, c.len_utf8()) {
        ('\n', _) => "\n",
        (_, 1) => " ",
        (_, 2) => "  ",
        (_, 3) => "   ",
        _ => "    ",
    }
}

fn blank_comments_and_literals(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    let mut previous = ' ';
    while let Some(c) = rest.chars().next() {
        let hidden = comment_len(rest).or_else(|| literal_len(rest, previous)).unwrap_or(0);
        let (head, tail) = rest.split_at(if hidden == 0 { c.len_utf8() } else { hidden });
        if hidden == 0 {
            code.push_str(head);
        } else {
            code.push_str(&blanks(head));
        }
        previous = head.chars().last().unwrap_or(' ');
        rest = tail;
    }
    code
}

fn comment_len(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if !rest.starts_with("/*") {
        return None;
    }
    let bytes = rest.as_bytes();
    let (mut depth, mut at) = (0_usize, 0);
    while at < bytes.len() {
        match bytes.get(at..at + 2) {
            Some(b"/*") => (depth, at) = (depth + 1, at + 2),
            Some(b"*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return Some(at);
        }
    }
    Some(rest.len())
}

/// The length of a string or character literal at the front; `previous` is the character before it.
fn literal_len(rest: &str, previous: char) -> Option<usize> {
    if let Some(quoted) = rest.strip_prefix('"') {
        return Some(1 + quoted_len(quoted, '"'));
    }
    if rest.starts_with('r') && !previous.is_alphanumeric() && previous != '_' {
        return raw_string_len(rest);
    }
    if rest.starts_with("br") && !previous.is_alphanumeric() && previous != '_' {
        return raw_string_len(&rest[1..]).map(|len| len + 1);
    }
    let quoted = rest.strip_prefix('\'')?;
    let mut chars = quoted.chars();
    let is_char = match (chars.next(), chars.next()) {
        (Some('\\'), _) => true,
        (Some(_), Some(second)) => second == '\'',
        _ => false,
    };
    is_char.then(|| 1 + quoted_len(quoted, '\''))
}

/// The length up to and with the closing quote.
fn quoted_len(quoted: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in quoted.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    quoted.len()
}

fn raw_string_len(rest: &str) -> Option<usize> {
    let hashes = rest[1..].bytes().take_while(|byte| *byte == b'#').count();
    let body = rest.get(1 + hashes..)?.strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let len = body.find(&close).map_or(body.len(), |at| at + close.len());
    Some(2 + hashes + len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_in_place() {
        let text =
            "let a = \"use crate::x\"; // crate::y\nlet b = 'c'; let c: &'static str = r#\"crate::z\"#;";
        let (code, _) = production_code(text);
        assert_eq!(code.len(), text.len());
        assert!(!code.contains("crate"), "{code}");
        assert!(code.contains("let b ="), "{code}");
        assert!(code.contains("&'static str"), "{code}");
    }

    #[test]
    fn nested_comment_ends_where_its_outer_one_does() {
        let (code, _) = production_code("/* a /* b */ crate::x */ kept");
        assert_eq!(code.trim(), "kept");
    }

    #[test]
    fn test_items_are_cut_and_named() {
        let text = "use crate::a;\n#[cfg(test)]\nmod tests {\n    use crate::b;\n}\n#[cfg(test)]\nmod far;\nuse crate::c;\n";
        let (code, modules) = production_code(text);
        assert!(
            code.contains("crate::a") && code.contains("crate::c") && !code.contains("crate::b"),
            "{code}"
        );
        assert_eq!(modules, [TestModule { name: "far".to_owned(), path: None }]);
        assert_eq!(kept_lines(text, &code), 2);
    }

    #[test]
    fn folder_of_a_test_module_is_test_code() {
        let module = TestModule { name: "tests".to_owned(), path: None };
        let places = places_of_module(Path::new("src/tls/mod.rs"), &module);
        assert!(places.iter().any(|place| Path::new("src/tls/tests/reload.rs").starts_with(place)));
        assert!(!places.iter().any(|place| Path::new("src/tls/pem.rs").starts_with(place)));
    }

    #[test]
    fn path_of_a_test_module_is_read() {
        let (_, modules) = production_code("#[cfg(test)]\n#[path = \"door_tests.rs\"]\nmod tests;\n");
        assert_eq!(
            modules,
            [TestModule { name: "tests".to_owned(), path: Some("door_tests.rs".to_owned()) }]
        );
    }
}
