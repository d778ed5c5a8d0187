//! Values that YAML takes otherwise than they were meant, for they have no quotes.

use super::signs::Sign;
use crate::map::finding::At;

/// What such a value has to do with a syntax error of YAML on its line.
pub(in crate::map) fn unquoted(text: &str, err: At) -> Option<Sign> {
    let line = text.lines().nth(err.line.saturating_sub(1))?.trim();
    let line = line.strip_prefix("- ").unwrap_or(line).trim_start();
    let is_key = |key: &str| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let (key, value) = line.split_once(':').filter(|(key, _)| is_key(key))?;
    let sign = |found: String, expected, cure| Some(Sign { at: err, found, expected, cure });
    if !value.is_empty() && !value.starts_with(char::is_whitespace) {
        let cure = format!("write {key}: {value}");
        return sign("no space stands behind the colon".to_owned(), "a colon and a space behind a key", cure);
    }
    let value = value.trim();
    let cure = format!("write {key}: {value:?}");
    match value.chars().next()? {
        first @ ('@' | '`' | '%') => {
            sign(format!("the value begins with {first:?}, which no plain value may"), QUOTED, cure)
        }
        '"' | '\'' | '{' | '[' | '&' => None,
        _ if value.contains(": ") => {
            sign("the value has a colon and a space, as only a key has".to_owned(), QUOTED, cure)
        }
        _ => None,
    }
}

const QUOTED: &str = "such a value in quotes";
