//! The reference page, made from the register.

use std::fmt::Write;

use super::{KEYS, Key, Shape};

/// The page `docs/reference/config.md`.
#[must_use]
pub fn reference() -> String {
    let mut page = String::from(INTRO);
    for key in KEYS {
        section(&mut page, key);
    }
    page
}

const INTRO: &str = "\
# Configuration

Made from the register of keys by `wherry config reference`; a test holds the two together. Do not edit.

Each key can be written in a TOML file (`--config FILE` or `WHERRY_CONFIG`), in the environment, or as a flag. A flag
wins over the environment, the environment over the file, the file over the default. In the environment and in flags
a list is separated by commas; a flag may also be repeated. A variable that is set but empty counts as not set.

An unknown key is an error. `wherry config check` takes the same flags as `wherry serve`, prints the value of each key
(`none` where nothing is set) and where it came from, and reports all problems at once with exit code 78.

A change of the file counts after a restart (`systemctl restart wherry`). A reload (`SIGHUP`, `systemctl reload wherry`) takes
`admit` at once, if it is written, and cuts off whom it does not admit; of every other key that changed the log and `wherry
status` say that it waits. What keys name is read again at a reload, or when it changes: certificates, the list, included maps.

`--dev` replaces defaults by what a relay on one's own machine needs.
";

fn section(page: &mut String, key: &Key) {
    let switch = match key.shape {
        Shape::Switch => format!("`--{}`", key.flag()),
        Shape::One | Shape::Many => format!("`--{} {}`", key.flag(), key.value_name),
    };
    let or_none = |text: &str| if text.is_empty() { "none".to_owned() } else { format!("`{text}`") };
    let several = if key.shape == Shape::Many { ", several allowed" } else { "" };
    let mut lines = vec![
        format!("flag: {switch}{several}"),
        format!("environment: `{}`", key.env()),
        format!("allowed: {}", key.takes),
        format!("default: {}", or_none(key.default)),
    ];
    if !key.dev.is_empty() {
        lines.push(format!("with `--dev`: `{}`", key.dev));
    }
    let list = lines.iter().fold(String::new(), |list, line| list + "- " + line + "\n");
    // Writing to a string cannot fail.
    write!(page, "\n## `{}`\n\n{}\n\n{list}", key.name, key.doc).unwrap_or_default();
}
