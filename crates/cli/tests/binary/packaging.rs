//! What is packaged beside the binary.

use std::path::Path;

use wherry_server::config::{Problem, Sources, load};

use super::{home, run, wherry};

#[test]
fn packaged_examples_are_right_up_to_the_files_they_name() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging");
    let examples = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let examples: Vec<_> =
        examples.filter(|path| path.extension().is_some_and(|ext| ext == "toml")).collect();
    assert!(examples.len() >= 2);
    for example in examples {
        let sources = Sources { file: Some(example.clone()), ..Sources::default() };
        let problems = load(&sources).err().into_iter().flat_map(|problems| problems.all);
        let wrong: Vec<_> = problems.filter(|problem| !matches!(problem, Problem::BadFile { .. })).collect();
        assert!(wrong.is_empty(), "{}: {wrong:?}", example.display());
    }
}

#[test]
fn packaged_examples_admit_listed_nodes_only() {
    for example in [
        include_str!("../../../../packaging/self-signed.toml"),
        include_str!("../../../../packaging/wherry.toml"),
    ] {
        assert!(example.contains("\nadmit = \"list:/etc/wherry/nodes\"\n"), "{example}");
    }
}

#[test]
fn packaged_examples_take_any_key_as_one_more_line() {
    for example in [
        include_str!("../../../../packaging/self-signed.toml"),
        include_str!("../../../../packaging/wherry.toml"),
    ] {
        assert!(!example.lines().any(|line| line.starts_with('[')), "a table would swallow it: {example}");
    }
}

#[test]
fn the_packaged_unit_starts_what_there_is() {
    let home = home();
    let unit = include_str!("../../../../packaging/wherry.service");
    let start =
        unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/wherry serve ")).unwrap();
    std::fs::write(home.path().join("wherry.toml"), "listen = 'plain:127.0.0.1:1'\n").unwrap();
    let here = start.replace("/etc/", "");
    let checked = run(&mut wherry(&home, &format!("config check {here}")));
    assert_eq!((checked.code, checked.stderr), (Some(0), Vec::new()));
    assert!(checked.stdout.contains("wherry.toml:1"), "{}", checked.stdout);
}

/// systemd would wait for a word that never comes, and end the relay.
#[test]
fn the_packaged_unit_lets_the_relay_tell_that_it_serves() {
    let unit = include_str!("../../../../packaging/wherry.service");
    let said = |name: &str| unit.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).unwrap();
    assert_eq!(said("Type"), "notify");
    assert!(said("RestrictAddressFamilies").split(' ').any(|family| family == "AF_UNIX"), "{unit}");
}
