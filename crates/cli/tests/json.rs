//! `--json` where a command has nothing to show: an object with the error, and the exit code that it would have anyway.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn wherry(dir: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wherry"));
    let output = command.current_dir(dir).env_clear().args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_failure_without_a_result_is_an_object_with_what_stderr_says() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("broken.yaml"), "regions:\n  900: [\n").unwrap();
    let asks: [(&[&str], i32, &str); 11] = [
        (&["ping", "gone.yaml", "--json"], 1, "error"),
        (&["ping", "broken.yaml", "--json"], 78, "error"),
        (&["netcheck", "--map", "gone.yaml", "--json"], 1, "Error"),
        (&["netcheck", "--map", "broken.yaml", "--format", "json-line"], 78, "Error"),
        (&["status", "--admin", "127.0.0.1:1", "--json"], 1, "error"),
        (&["doctor", "127.0.0.1:1", "--key", "gone", "--json"], 1, "error"),
        (&["status", "--interval", "x", "--json"], 64, "error"),
        (&["ping", "wss://relay.example", "--json"], 64, "error"),
        (&["doctor", "ftp://relay.example", "--json"], 64, "error"),
        (&["bench", "peak", "broken.yaml", "--json"], 78, "error"),
        (&["map", "check", "--probe", "--key", "gone", "broken.yaml", "--json"], 1, "error"),
    ];
    for (ask, expected, field) in asks {
        let (code, out, err) = wherry(dir.path(), ask);
        let answer: Value = serde_json::from_str(&out).unwrap_or_default();
        let said: String = answer[field].as_str().unwrap_or_default().lines().map(told).collect();
        assert_eq!((code, said), (Some(expected), err), "{ask:?}: {out}");
        assert!(answer["healthy"] != true && answer["ok"] != true, "{out}");
    }
    let (_, line, _) = wherry(dir.path(), &["netcheck", "--map", "gone.yaml", "--format", "json-line"]);
    assert_eq!(line.lines().count(), 1, "{line}");
}

/// As stderr has it.
fn told(line: &str) -> String {
    format!("wherry: {line}\n")
}

#[test]
fn a_flag_that_cannot_be_read_is_answered_on_stderr_alone() {
    let dir = tempfile::tempdir().unwrap();
    for ask in [["ping", "relay.example", "--jsn"], ["doctor", "--json", "--nothing"]] {
        let (code, out, err) = wherry(dir.path(), &ask);
        assert_eq!((code, out.as_str(), err.is_empty()), (Some(64), "", false), "{ask:?}");
    }
}
