//! The tools that take a map, given the same broken ones: one mistake has one exit code.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::path::Path;
use std::process::Command;

/// Those that use a map, before its name.
const TOOLS: [&[&str]; 7] = [
    &["netcheck", "--no-router", "--no-vendor", "--map"],
    &["netcheck", "--no-router", "--no-vendor"],
    &["doctor"],
    &["map", "check", "--offline"],
    &["map", "merge"],
    &["ping", "-c", "1"],
    &["bench", "peak"],
];

/// Gives it to every tool, in its folder; code, stdout and stderr of each.
fn given(dir: &Path, name: &str) -> Vec<(String, Option<i32>, String, String)> {
    let ask = |tool: &&[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wherry"));
        let output = command.current_dir(dir).args(*tool).arg(name).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (tool.join(" "), output.status.code(), text(output.stdout), text(output.stderr))
    };
    TOOLS.iter().map(ask).collect()
}

/// A map of one node with these fields besides.
fn map(fields: &str) -> String {
    format!(
        "regions:\n  900:\n    regionid: 900\n    regioncode: a\n    regionname: A\n    nodes:\n      - {{name: 900a, \
         regionid: 900, ipv4: 127.0.0.9, ipv6: none, {fields}}}\n"
    )
}

#[test]
fn a_map_that_no_client_could_use_is_78_and_what_cannot_be_had_1() {
    let dir = tempfile::tempdir().unwrap();
    let broken: [(&str, Vec<u8>); 11] = [
        ("brackets.yaml", map("hostname: '2001:db8::5'").into_bytes()),
        ("pin.yaml", map("hostname: 127.0.0.9, certname: 'sha256-raw:0a'").into_bytes()),
        ("host.yaml", map("hostname: ''").into_bytes()),
        ("port.yaml", map("hostname: 127.0.0.9, derpport: 70000").into_bytes()),
        ("type.yaml", map("hostname: 127.0.0.9, derpport: '8443'").into_bytes()),
        ("off.yaml", map("hostname: relay.example").replace("127.0.0.9", "none").into_bytes()),
        ("none.yaml", b"regions: {}\n".to_vec()),
        ("syntax.yaml", b"regions:\n  900: [\n".to_vec()),
        ("words.yaml", b"hello\n".to_vec()),
        ("bytes.yaml", vec![0xff, 0xfe]),
        ("empty.yaml", Vec::new()),
    ];
    for (name, text) in broken {
        std::fs::write(dir.path().join(name), text).unwrap();
        for (tool, code, out, err) in given(dir.path(), name) {
            assert_eq!(code, Some(78), "{tool} {name}: {out}{err}");
        }
    }
    std::fs::create_dir(dir.path().join("folder")).unwrap();
    for name in ["gone.yaml", "./folder"] {
        for (tool, code, out, err) in given(dir.path(), name) {
            assert_eq!(code, Some(1), "{tool} {name}: {out}{err}");
        }
    }
}

/// There is something to examine and to measure: these two do, and say so.
#[test]
fn a_map_in_which_nobody_relays_is_good_for_no_tool() {
    let dir = tempfile::tempdir().unwrap();
    let stun = map("hostname: 127.0.0.9, stunonly: true, stunport: 1");
    let nobodys_home = stun.replace("regioncode: a", "nomeasurenohome: true\n    regioncode: a");
    for (name, text, rule) in
        [("stun.yaml", &stun, "[no-relay]"), ("nobodys.yaml", &nobodys_home, "[nobody-relays]")]
    {
        std::fs::write(dir.path().join(name), text).unwrap();
        for (tool, code, out, err) in given(dir.path(), name) {
            let (expected, words) = match tool.split(' ').next() {
                Some("netcheck") => (1, "no node of the map relays"),
                Some("doctor") => (1, rule),
                _ => (78, rule),
            };
            let said = format!("{out}{err}");
            assert!(code == Some(expected) && said.contains(words), "{tool} {name} {code:?}: {said}");
        }
    }
}

#[test]
fn a_broken_map_is_told_by_every_tool_with_its_file_and_line_and_a_folder_as_one() {
    let dir = tempfile::tempdir().unwrap();
    let here = |name: &str| dir.path().join(name);
    for (name, text, place) in [
        ("pin.yaml", map("hostname: 127.0.0.9, certname: 'sha256-raw:0a'"), "pin.yaml:7:97: error [pin-bad]"),
        ("type.yaml", map("hostname: 127.0.0.9, derpport: '8443'"), "type.yaml:7:97: error [wrong-type]"),
        ("syntax.json", "{\"Regions\": {\n900".to_owned(), "syntax.json:2:1: error [syntax]"),
        ("none.yaml", "regions: {}\n".to_owned(), "none.yaml:1:10: error [no-regions]"),
    ] {
        std::fs::write(here(name), text).unwrap();
        for (tool, _, out, err) in given(dir.path(), name) {
            assert!(format!("{out}{err}").contains(place), "{tool} {name}: {out}{err}");
        }
    }
    std::fs::create_dir(here("folder")).unwrap();
    for (tool, _, out, err) in given(dir.path(), "./folder") {
        let said = format!("{out}{err}");
        assert!(
            said.contains("./folder: error [unreadable]: cannot read it: Is a directory"),
            "{tool}: {said}"
        );
    }
}

#[test]
fn a_file_that_holds_less_than_a_map_is_named_and_not_judged_as_one() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("words"), "hello\n").unwrap();
    let node = r#"{"Name":"900a","HostName":"127.0.0.9","CertName":"sha256-raw:0a"}"#;
    std::fs::write(dir.path().join("node"), node).unwrap();
    for tool in [&["ping"][..], &["bench", "peak"], &["netcheck"]] {
        let ask = |name: &str| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_wherry"));
            let output = command.current_dir(dir.path()).args(tool).arg(name).output().unwrap();
            (output.status.code(), String::from_utf8(output.stderr).unwrap())
        };
        let (code, err) = ask("words");
        assert_eq!(code, Some(78), "{err}");
        assert!(
            err.starts_with("wherry: words: no entry of a DERP map") && err.contains("map check"),
            "{err}"
        );
        let (code, err) = ask("node");
        assert_eq!(code, Some(78), "{err}");
        assert!(err.starts_with("wherry: node: the pin of node 900a"), "{err}");
    }
}
