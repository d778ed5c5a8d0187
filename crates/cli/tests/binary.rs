//! The binary as a user meets it: what it prints where, and its exit codes.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test code")]

#[path = "subject/address.rs"]
mod address;
#[path = "binary/config_check.rs"]
mod config_check;
#[path = "binary/derper.rs"]
mod derper;
#[path = "subject/ending.rs"]
mod ending;
#[path = "binary/packaging.rs"]
mod packaging;
#[path = "binary/serve.rs"]
mod serve;
#[path = "binary/status.rs"]
mod status;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

struct Finished {
    code: Option<i32>,
    stdout: String,
    stderr: Vec<String>,
}

/// A command with nothing in its environment but a home folder of its own.
fn wherry(home: &TempDir, line: &str) -> Command {
    program(home, env!("CARGO_BIN_EXE_wherry").as_ref(), line)
}

fn program(home: &TempDir, program: &Path, line: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", home.path()).env("STATE_DIRECTORY", home.path().join("state"));
    command.args(line.split_whitespace()).current_dir(home.path());
    command
}

fn run(command: &mut Command) -> Finished {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: stderr.lines().map(str::to_owned).collect(),
    }
}

fn home() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn mistakes_get_their_lines_and_exit_codes() {
    let home = home();
    let table: &[(&str, i32, &[&str])] = &[
        (
            "serve --lisen :443 --hostnme x --admit open --self-signed --hostname y",
            64,
            &[
                "wherry: unknown flag --lisen; did you mean --listen?",
                "wherry: unknown flag --hostnme; did you mean --hostname?",
            ],
        ),
        (
            "serve --dev --workers 0 --stun x",
            64,
            &[
                r#"wherry: stun = "x" (flag --stun): "x" is not an IP address; allowed: [IP]:PORT, off, or auto"#,
                r#"wherry: workers = "0" (flag --workers): must be from 1 to 1024; allowed: 1 to 1024, or auto"#,
            ],
        ),
        (
            "serve --listen 0.0.0.0:1 --self-signed --hostname x",
            78,
            &[
                "wherry: admit: not set, and 0.0.0.0:1 can be reached from outside: say who may use the relay: --admit list:FILE (node keys, one a line) or --admit open (anybody)",
            ],
        ),
        (
            "serve --dev --config missing.toml",
            78,
            &[
                "wherry: config file missing.toml: No such file or directory (os error 2); check the path, or put it there first",
            ],
        ),
        (
            "config check --dev --workers 0",
            78,
            &[
                r#"wherry: workers = "0" (flag --workers): must be from 1 to 1024; allowed: 1 to 1024, or auto"#,
            ],
        ),
        (
            "serve --dev --state /proc/none",
            78,
            &[
                "wherry: node key /proc/none/derp.key.json: cannot write the key file: No such file or directory (os error 2); the relay's user must have access, or choose another place with --state or --key-file",
            ],
        ),
        (
            "serve --dev --state /dev/null",
            78,
            &[
                r#"wherry: key_file = "/dev/null/derp.key.json" (default): cannot read the key file: Not a directory (os error 20); the relay's user must have access, or choose another place with --state or --key-file"#,
            ],
        ),
        ("derper -foo", 64, &["wherry: unknown flag -foo; -help lists those there are"]),
        (
            "derper -a :443 -c k",
            64,
            &[
                "wherry: flag -certmode: not served yet, it comes in a later version; letsencrypt is the default, so give -certmode manual with -certdir, where <hostname>.crt and <hostname>.key are; for an IP address they are made",
            ],
        ),
        (
            "key show missing",
            1,
            &["wherry: missing: no such file; make one with: wherry key new --out missing"],
        ),
    ];
    each_gets(&home, table);
}

/// Each line of a command gets its exit code and these lines on stderr.
fn each_gets(home: &TempDir, table: &[(&str, i32, &[&str])]) {
    for (line, code, expected) in table {
        let finished = run(&mut wherry(home, line));
        assert_eq!(finished.stderr, *expected, "{line}");
        assert_eq!(finished.code, Some(*code), "{line}");
        assert_eq!(finished.stdout.is_empty(), !line.starts_with("config check"), "{line}");
    }
}

#[test]
fn usage_is_64_and_help_is_0() {
    let home = home();
    for line in ["", "bogus", "serve --config", "key", "completions fishy", "serve --jsn"] {
        let finished = run(&mut wherry(&home, line));
        assert_eq!(finished.code, Some(64), "{line}");
        assert!(finished.stdout.is_empty() && !finished.stderr.is_empty(), "{line}");
    }
    for line in
        ["--help", "serve --help", "--version", "derper -help", "derper --version", "config reference"]
    {
        let finished = run(&mut wherry(&home, line));
        assert_eq!(finished.code, Some(0), "{line}");
        assert!(finished.stderr.is_empty() && !finished.stdout.is_empty(), "{line}");
    }
    assert_eq!(
        run(&mut wherry(&home, "--version")).stdout,
        concat!("wherry ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn serve_help_names_every_key() {
    let help = run(&mut wherry(&home(), "serve --help")).stdout;
    for key in wherry_server::config::KEYS {
        assert!(help.contains(&format!("--{}", key.flag())), "{}", key.name);
    }
}

#[test]
fn reference_pages_are_printed() {
    let home = home();
    assert_eq!(run(&mut wherry(&home, "config reference")).stdout, wherry_server::config::reference());
    let metrics = run(&mut wherry(&home, "config reference --metrics")).stdout;
    assert_eq!(metrics, wherry_server::metrics::metrics_reference());
}

#[test]
fn a_key_is_made_once_and_shown_in_either_form() {
    let home = home();
    let refused = run(&mut wherry(&home, "key new --out deep/k"));
    assert_eq!(refused.stderr, ["wherry: deep: no such folder; make it first: mkdir -p deep"]);
    assert!(!home.path().join("deep").exists());
    std::fs::create_dir(home.path().join("deep")).unwrap();
    let made = run(&mut wherry(&home, "key new --out deep/k"));
    assert!(made.stdout.starts_with("nodekey:") && made.code == Some(0), "{:?}", made.stderr);
    let path = home.path().join("deep/k");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(run(&mut wherry(&home, "key show deep/k")).stdout, made.stdout);
    let again = run(&mut wherry(&home, "key new --out deep/k"));
    assert_eq!(
        again.stderr,
        ["wherry: deep/k: exists already and stays as it is; choose another name, or remove it first"]
    );
    let printed = run(&mut wherry(&home, "key new")).stdout;
    assert!(printed.starts_with("privkey:"));
    std::fs::write(home.path().join("line"), printed).unwrap();
    assert!(run(&mut wherry(&home, "key show line")).stdout.starts_with("nodekey:"));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let home = home();
    let mut child =
        wherry(&home, "config reference").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
}

/// A relay that runs; killed by its id when dropped.
struct Relay(Child);

impl Drop for Relay {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        self.0.wait().unwrap();
    }
}

impl Relay {
    /// Starts it and reads its log until it serves.
    fn start(mut command: Command) -> (Self, Vec<String>) {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = Vec::new();
        for line in BufReader::new(child.stderr.as_mut().unwrap()).lines() {
            log.push(line.unwrap());
            if log.last().is_some_and(|line| line.contains("serving")) {
                return (Self(child), log);
            }
        }
        panic!("ended before it served: {log:#?}, {:?}", child.wait());
    }

    /// Sends SIGTERM and waits: the exit code and what was printed.
    fn stop(mut self) -> (Option<i32>, String) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").arg(&pid).status().unwrap().success());
        let mut stdout = String::new();
        self.0.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        (self.0.wait().unwrap().code(), stdout)
    }
}

/// Asks the private listener for a page: the status line and the body.
fn ask(admin: &str, path: &str) -> (String, String) {
    let mut socket = TcpStream::connect(admin).unwrap();
    write!(socket, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

fn admin_of(log: &[String]) -> String {
    let rest = log.iter().find_map(|line| line.split_once(" admin=")).unwrap().1;
    rest.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn completions_are_made_for_each_shell() {
    let home = home();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let finished = run(&mut wherry(&home, &format!("completions {shell}")));
        assert!(finished.code == Some(0) && finished.stdout.contains("admit"), "{shell}");
    }
}

#[test]
fn a_page_that_cannot_be_written_is_told_before_anything_is_loaded() {
    let home = home();
    // Nobody listens there: had anything been dialled, that would be the complaint.
    let finished = run(&mut wherry(&home, "bench rate http://127.0.0.1:1 --report none/page.html"));
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(64), ""));
    assert_eq!(finished.stderr, ["wherry: --report none: no such folder; make it first: mkdir -p none"]);
}
