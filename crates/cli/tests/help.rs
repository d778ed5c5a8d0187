//! The help of every command as a terminal shows it.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::process::{Command, Output};

fn wherry(words: &[&str], columns: usize) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wherry"));
    command.args(words).env_clear().env("COLUMNS", columns.to_string()).output().unwrap()
}

fn help(words: &[&str], columns: usize) -> String {
    String::from_utf8(wherry(&[words, &["--help"]].concat(), columns).stdout).unwrap()
}

/// Every command there is, by the help of those above.
fn commands() -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    let mut at = 0;
    while let Some(path) = all.get(at).cloned() {
        let words: Vec<_> = path.iter().map(String::as_str).collect();
        let text = help(&words, 200);
        let listed = text.lines().skip_while(|line| *line != "Commands:").skip(1);
        let names = listed.take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
        let names = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
        all.extend(names.map(|name| [path.as_slice(), &[name.to_owned()]].concat()));
        at += 1;
    }
    all
}

#[test]
fn every_help_is_wrapped_once_and_to_the_terminal() {
    let commands = commands();
    assert!(commands.len() > 15, "{commands:?}");
    for columns in [80, 100] {
        for path in &commands {
            let words: Vec<_> = path.iter().map(String::as_str).collect();
            let text = help(&words, columns);
            let lines: Vec<_> = text.lines().collect();
            for pair in lines.windows(2) {
                let &[line, next] = pair else { continue };
                let width = line.chars().count();
                assert!(width <= columns, "{path:?} in {columns} columns: {line:?}");
                let is_flowing = |line: &str| line.starts_with(|first: char| !first.is_whitespace());
                // That of derper is laid out as its own is: for 80 columns whatever there is.
                if is_flowing(line) && is_flowing(next) && words != ["derper"] {
                    let word = next.split(' ').next().unwrap_or_default().chars().count();
                    assert!(
                        width + 1 + word > columns,
                        "{path:?} is wrapped before {columns} columns: {line:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn no_example_speaks_plain_http_to_the_relay_of_serve_dev() {
    for path in commands() {
        let words: Vec<_> = path.iter().map(String::as_str).collect();
        let text = help(&words, 200);
        assert!(!text.contains("http://127.0.0.1:3340"), "{path:?}: that relay speaks TLS alone");
    }
}

#[test]
fn a_line_without_a_command_gets_the_help_as_it_is() {
    for words in [&[][..], &["map"], &["key"], &["config"]] {
        let bare = wherry(words, 80);
        assert_eq!((bare.status.code(), bare.stdout.as_slice()), (Some(64), &[][..]), "{words:?}");
        assert_eq!(String::from_utf8(bare.stderr).unwrap(), help(words, 80), "{words:?}");
    }
}
