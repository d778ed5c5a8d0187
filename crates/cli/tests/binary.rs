//! The binary as a user meets it: what it prints where, and its exit codes.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test code")]

#[path = "subject/address.rs"]
mod address;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;
use wherry_server::config::{Problem, Sources, load};

use address::own_address;

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

#[test]
fn mistakes_about_the_private_listener_get_their_lines_and_exit_codes() {
    let home = home();
    let table: &[(&str, i32, &[&str])] = &[
        (
            "status --admin 127.0.0.1:1",
            1,
            &[
                "wherry: cannot reach the private listener at 127.0.0.1:1: Connection refused (os error 111); start the relay, or give the address of its key admin: --admin HOST:PORT",
            ],
        ),
        (
            "status --admin NONSENSE",
            64,
            &[
                r#"wherry: admin = "NONSENSE" (flag --admin): no port; allowed: the relay's key admin as HOST:PORT or http://HOST:PORT, 127.0.0.1:3341 if it has none"#,
            ],
        ),
        (
            "status --admin https://127.0.0.1:3341",
            64,
            &[
                r#"wherry: admin = "https://127.0.0.1:3341" (flag --admin): the private listener speaks plain HTTP, not TLS; allowed: the relay's key admin as HOST:PORT or http://HOST:PORT, 127.0.0.1:3341 if it has none"#,
            ],
        ),
        (
            "status --interval soon",
            64,
            &[
                r#"wherry: --interval <TIME>: "soon" is not allowed; allowed: a number with its unit: 500ms, 2s, 1m"#,
            ],
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
fn config_check_shows_where_each_value_came_from() {
    let home = home();
    std::fs::write(home.path().join("relay.toml"), "# mine\nworkers = 2\n[limits]\nkeepalive = '61s'\n")
        .unwrap();
    let mut command = wherry(&home, "config check --dev --config relay.toml --stun 127.0.0.1:5 --json");
    let finished = run(command.env("WHERRY_HOME", "blank"));
    assert_eq!(finished.code, Some(0), "{:?}", finished.stderr);
    let report: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
    let of = |key: &str| {
        let rows = report["settings"].as_array().unwrap();
        let row = rows.iter().find(|row| row["key"] == key).unwrap();
        format!("{} {}", row["values"], row["from"].as_str().unwrap())
    };
    assert_eq!(of("workers"), r#"["2"] relay.toml:2"#);
    assert_eq!(of("limits.keepalive"), r#"["61s"] relay.toml:4"#);
    assert_eq!(of("stun"), r#"["127.0.0.1:5"] flag --stun"#);
    assert_eq!(of("home"), r#"["blank"] environment WHERRY_HOME"#);
    assert_eq!(of("listen"), r#"["127.0.0.1:3340"] --dev"#);
    assert_eq!(of("derp"), r#"["true"] default"#);
    assert_eq!(report["ok"], true);
    let memory =
        report["settings"].as_array().unwrap().iter().find(|row| row["key"] == "limits.memory").unwrap();
    assert!(memory["reason"].as_str().unwrap().contains("a quarter of the "), "{memory}");
    let table = run(&mut wherry(&home, "config check --dev --config relay.toml")).stdout;
    assert!(table.ends_with("\nok: the relay can start with this, if its addresses are free\n"), "{table}");
    assert!(table.contains("default: a quarter of the "), "{table}");
    assert!(
        table.lines().any(|line| line.split_whitespace().eq(["workers", "2", "relay.toml:2"])),
        "{table}"
    );
}

#[test]
fn config_check_shows_values_beside_mistakes() {
    let home = home();
    let failed = run(&mut wherry(&home, "config check --json --workers 0"));
    let report: serde_json::Value = serde_json::from_str(&failed.stdout).unwrap();
    let count = |of: &str| report[of].as_array().unwrap().len();
    assert_eq!((failed.code, count("problems"), count("settings")), (Some(78), 3, 38));
    let failed = run(&mut wherry(&home, "config check --workers 0 --hostname x"));
    assert_eq!((failed.code, failed.stderr.len(), failed.stdout.contains("ok:")), (Some(78), 3, false));
    assert_eq!(report["ok"], false);
    let line = |of: &str| failed.stdout.lines().find(|line| line.starts_with(of)).unwrap_or_default();
    let words = |of: &str| line(of).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words("workers"), "workers 0 flag --workers");
    assert_eq!(words("cert_dir"), "cert_dir none default");
    let unknown = run(&mut wherry(&home, "config check --admti open --lisen :1"));
    assert_eq!(
        unknown.stderr,
        [
            "wherry: unknown flag --admti; did you mean --admit?",
            "wherry: unknown flag --lisen; did you mean --listen?"
        ]
    );
    assert_eq!(unknown.code, Some(64));
    assert!(unknown.stdout.contains("\nlisten "), "{}", unknown.stdout);
    let no_file = run(&mut wherry(&home, "config check --conf relay.toml"));
    assert_eq!((no_file.code, &*no_file.stdout), (Some(64), ""));
    assert_eq!(no_file.stderr, ["wherry: unknown flag --conf; did you mean --config?"]);
}

#[test]
fn a_secret_in_the_url_of_an_included_map_is_shown_nowhere() {
    let home = home();
    let urls = "\"https://me:s3cret@maps.example/m\", \"https://maps.example/m?token=s3cret\", \"ftp://me:s3cret@x\"";
    std::fs::write(home.path().join("relay.toml"), format!("[map]\ninclude = [{urls}]\n")).unwrap();
    for args in [
        "config check --dev --config relay.toml",
        "config check --dev --config relay.toml --json",
        "serve --dev --config relay.toml",
        "doctor relay.toml",
        "doctor relay.toml --json",
    ] {
        let Finished { stdout, stderr, .. } = run(&mut wherry(&home, args));
        assert!(
            stdout.contains("…@maps.example/m") || stderr.concat().contains("…@maps.example/m"),
            "{args}: {stdout}{stderr:?}"
        );
        assert!(
            !stdout.contains("s3cret") && !stderr.concat().contains("s3cret"),
            "{args}: {stdout}{stderr:?}"
        );
    }
}

#[test]
fn config_check_judges_the_files_of_included_maps() {
    let home = home();
    let check = |text: &[u8]| {
        std::fs::write(home.path().join("map.yaml"), text).unwrap();
        run(&mut wherry(&home, "config check --dev --map-include map.yaml"))
    };
    let broken = check(b"regions: 7\n");
    assert_eq!((broken.code, broken.stderr.len()), (Some(78), 1), "{:?}", broken.stderr);
    assert!(broken.stderr[0].starts_with("wherry: map.yaml:1:10: error ["), "{:?}", broken.stderr);
    let binary = check(b"\x1f\x8b");
    assert_eq!(binary.code, Some(78), "{:?}", binary.stderr);
    let node = "{name: 7a, regionid: 7, hostname: a.example}";
    let good = check(
        format!("regions: {{7: {{regionid: 7, regioncode: a, regionname: A, nodes: [{node}]}}}}\n")
            .as_bytes(),
    );
    assert_eq!((good.code, good.stderr), (Some(0), Vec::new()));
}

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
    for example in
        [include_str!("../../../packaging/self-signed.toml"), include_str!("../../../packaging/wherry.toml")]
    {
        assert!(example.contains("\nadmit = \"list:/etc/wherry/nodes\"\n"), "{example}");
    }
}

#[test]
fn packaged_examples_take_any_key_as_one_more_line() {
    for example in
        [include_str!("../../../packaging/self-signed.toml"), include_str!("../../../packaging/wherry.toml")]
    {
        assert!(!example.lines().any(|line| line.starts_with('[')), "a table would swallow it: {example}");
    }
}

#[test]
fn the_packaged_unit_starts_what_there_is() {
    let home = home();
    let unit = include_str!("../../../packaging/wherry.service");
    let start =
        unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/wherry serve ")).unwrap();
    std::fs::write(home.path().join("wherry.toml"), "listen = 'plain:127.0.0.1:1'\n").unwrap();
    let here = start.replace("/etc/", "");
    let checked = run(&mut wherry(&home, &format!("config check {here}")));
    assert_eq!((checked.code, checked.stderr), (Some(0), Vec::new()));
    assert!(checked.stdout.contains("wherry.toml:1"), "{}", checked.stdout);
}

#[test]
fn config_check_writes_nothing() {
    let home = home();
    assert_eq!(run(&mut wherry(&home, "config check --dev")).code, Some(0));
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn config_check_looks_into_the_files_that_are_named() {
    let home = home();
    std::fs::create_dir(home.path().join("certs")).unwrap();
    std::fs::write(home.path().join("nodes"), "nodekey:12\n").unwrap();
    let line = "config check --listen 127.0.0.1:1 --cert-dir certs --admit list:nodes";
    let finished = run(&mut wherry(&home, line));
    assert_eq!(finished.code, Some(78));
    let [list, certificates] = finished.stderr.as_slice() else { panic!("{:?}", finished.stderr) };
    assert!(list.starts_with("wherry: list nodes: line 1: "), "{list}");
    assert!(certificates.starts_with("wherry: certs holds no certificate"), "{certificates}");
    let finished = run(&mut wherry(&home, &format!("{line} --workers 0")));
    assert_eq!(finished.stderr.len(), 3, "a mistake elsewhere hides nothing: {:?}", finished.stderr);
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

#[test]
fn dev_needs_nothing_and_what_it_prints_is_a_map_for_every_tool() {
    let home = home();
    let (relay, log) = Relay::start(wherry(&home, "serve --dev --listen 127.0.0.1:0 --stun off --admin off"));
    assert!(log.iter().any(|line| line.contains("tls=[127.0.0.1:")), "{log:#?}");
    let (code, stdout) = relay.stop();
    assert_eq!(code, Some(0));
    std::fs::write(home.path().join("derp.yaml"), &stdout).unwrap();
    let converted = run(&mut wherry(&home, "map convert derp.yaml --to json"));
    assert_eq!((converted.code, converted.stderr), (Some(0), Vec::new()), "{stdout}");
    let map: serde_json::Value = serde_json::from_str(&converted.stdout).unwrap();
    let node = &map["Regions"]["900"]["Nodes"][0];
    let pin = node["CertName"].as_str().unwrap();
    assert!(
        pin.starts_with("sha256-raw:") && stdout.starts_with(&format!("# Certificate pin: {pin}\n")),
        "{stdout}"
    );
    assert_eq!((node["IPv4"].as_str(), node["IPv6"].as_str()), (Some("127.0.0.1"), Some("none")));
    assert!(log.iter().any(|line| line.contains(&format!("127.0.0.1:{}", node["DERPPort"]))));
    for tool in ["map check --offline derp.yaml", "map merge derp.yaml"] {
        let finished = run(&mut wherry(&home, tool));
        assert_eq!(finished.code, Some(0), "{tool}: {}{:?}", finished.stdout, finished.stderr);
    }
    for tool in ["ping derp.yaml", "doctor derp.yaml"] {
        let finished = run(&mut wherry(&home, tool));
        let said = finished.stdout + &finished.stderr.join("\n");
        assert!(said.contains("nothing listens on"), "{tool} dials the relay, which is gone: {said}");
    }
}

#[test]
fn a_relay_without_a_map_says_what_is_missing_and_prints_nothing() {
    let home = home();
    for (flags, reason) in [
        ("--hostname x.example --self-signed --derp=false", "derp is false"),
        ("--listen plain:127.0.0.1:0", "hostname is not set"),
        ("--listen plain:127.0.0.1:0 --hostname x.example", "no listener speaks TLS"),
    ] {
        let listen = if flags.contains("--listen") { "" } else { "--listen 127.0.0.1:0" };
        let line = format!("serve {flags} {listen} --http off --stun off --admin off");
        let (relay, log) = Relay::start(wherry(&home, &line));
        let is_said = |line: &String| line.contains("no map to print or to serve") && line.contains(reason);
        assert!(log.iter().any(is_said), "{flags}: {log:#?}");
        assert_eq!(relay.stop(), (Some(0), String::new()), "{flags}");
    }
}

#[test]
fn a_link_named_derper_takes_its_flags_and_warns_that_all_are_admitted() {
    let home = home();
    let link = home.path().join("derper");
    symlink(env!("CARGO_BIN_EXE_wherry"), &link).unwrap();
    let (relay, log) =
        Relay::start(program(&home, &link, "-c k -a=127.0.0.1:0 --stun=false -certmode letsencrypt"));
    let warnings: Vec<_> = log.iter().filter(|line| line.contains("WARN")).collect();
    assert!(warnings.len() == 2 && warnings[0].contains("WHERRY_ADMIT=list:FILE"), "{log:#?}");
    assert!(warnings[1].contains("-certmode letsencrypt"), "what is not heeded is said: {log:#?}");
    assert!(log.iter().any(|line| line.contains("plain=[127.0.0.1:")), "{log:#?}");
    assert_eq!(relay.stop().0, Some(0));
    assert!(home.path().join("k").is_file());
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a relay that hangs tells nobody; real time is what ends the wait for it"
)]
fn a_map_on_a_file_that_hangs_does_not_keep_the_relay_from_stopping() {
    let home = home();
    let pipe = home.path().join("map");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // With a writer that writes nothing, reading waits for ever.
    let writer = std::fs::OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
    let (mut relay, _) = Relay::start(wherry(
        &home,
        "serve --dev --listen 127.0.0.1:0 --stun off --admin off --map-include map",
    ));
    let files = format!("/proc/{}/fd", relay.0.id());
    let is_read = || {
        let mut files = std::fs::read_dir(&files).unwrap();
        files.any(|file| std::fs::read_link(file.unwrap().path()).is_ok_and(|target| target == pipe))
    };
    let deadline = || std::time::Instant::now() + std::time::Duration::from_secs(60);
    let reading = deadline();
    while !is_read() {
        assert!(std::time::Instant::now() < reading, "it never opens the map");
        std::thread::yield_now();
    }
    assert!(Command::new("kill").arg(relay.0.id().to_string()).status().unwrap().success());
    let stopping = deadline();
    let end = loop {
        match relay.0.try_wait().unwrap() {
            None if std::time::Instant::now() < stopping => std::thread::yield_now(),
            end => break end,
        }
    };
    assert_eq!(end.and_then(|end| end.code()), Some(0));
    drop(writer);
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
fn status_asks_a_running_relay() {
    let home = home();
    let (relay, log) = Relay::start(wherry(
        &home,
        "serve --dev --listen 127.0.0.1:0 --stun 127.0.0.1:0 --admin 127.0.0.1:0",
    ));
    let admin = admin_of(&log);
    let table = run(&mut wherry(&home, &format!("status --interval 10ms --admin http://{admin}/")));
    assert!(
        table.stdout.contains("up 0s, ready\nlistening on 127.0.0.1:"),
        "{}{:?}",
        table.stdout,
        table.stderr
    );
    assert!(table.stdout.contains("\n0 connections, 0 of them at home here;"), "{}", table.stdout);
    let mut json = wherry(&home, "status --interval 0s --json");
    let json = run(json.env("WHERRY_ADMIN", &admin));
    let status: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&status["ready"], &status["addresses"]["admin"]), (&true.into(), &admin.as_str().into()));
    let (line, metrics) = ask(&admin, "/metrics");
    assert!(line.ends_with("200 OK") && metrics.contains("\nwherry_ready 1\n"), "{metrics}");
    assert_eq!(relay.stop().0, Some(0));
}

#[test]
fn status_asks_on_loopback_who_listens_everywhere() {
    let home = home();
    let (relay, log) =
        Relay::start(wherry(&home, "serve --dev --listen 127.0.0.1:0 --stun off --admin :0 --admin-exposed"));
    let admin = admin_of(&log);
    let port = admin.strip_prefix("[::]").unwrap();
    let mut of_variable = wherry(&home, "status --interval 0s");
    let asked = run(of_variable.env("WHERRY_ADMIN", port));
    assert!(asked.code == Some(0) && asked.stdout.contains(", ready\n"), "{:?}", asked.stderr);
    assert_eq!(relay.stop().0, Some(0));
    // Nobody has it any more.
    let silent = run(&mut wherry(&home, &format!("status --admin {port}")));
    assert!(silent.stderr[0].contains(&format!(" at 127.0.0.1{port}: ")), "{:?}", silent.stderr);
}

#[test]
fn status_says_where_the_private_listener_was_switched_off() {
    let home = home();
    let mut of_variable = wherry(&home, "status");
    let asked = run(of_variable.env("WHERRY_ADMIN", "off"));
    let said = "wherry: admin = \"off\" (environment WHERRY_ADMIN): the private listener is off, so there is nobody to ask who \
                is connected; start the relay with an address there, such as 127.0.0.1:3341, and ask that: --admin HOST:PORT";
    assert_eq!((asked.code, asked.stderr), (Some(1), vec![said.to_owned()]));
    assert_eq!(run(&mut wherry(&home, "status --admin off")).code, Some(64));
}

#[test]
fn status_tells_a_public_listener_from_the_private_one() {
    let home = home();
    let (relay, log) = Relay::start(wherry(
        &home,
        "serve --dev --listen 127.0.0.1:0 --listen plain:127.0.0.1:0 --stun off --admin off",
    ));
    for kind in [" tls=[", " plain=["] {
        let public = log.iter().find_map(|line| line.split_once(kind)).unwrap().1.split_once(']').unwrap().0;
        let asked = run(&mut wherry(&home, &format!("status --admin {public}")));
        assert_eq!(asked.code, Some(1));
        let start = format!("wherry: what answers at {public} is no private listener of wherry (\"HTTP/1.0 ");
        let [line] = asked.stderr.as_slice() else { panic!("{:?}", asked.stderr) };
        assert!(line.starts_with(&start) && line.ends_with("key admin: --admin HOST:PORT"), "{line}");
    }
    let mut of_variable = wherry(&home, "status");
    let refused = run(of_variable.env("WHERRY_ADMIN", "NONSENSE"));
    assert!(
        refused.code == Some(78) && refused.stderr[0].contains("environment WHERRY_ADMIN"),
        "{:?}",
        refused.stderr
    );
    assert_eq!(relay.stop().0, Some(0));
}

#[test]
fn a_list_that_breaks_shows_in_readyz_and_the_relay_goes_on() {
    let home = home();
    let list = home.path().join("nodes");
    std::fs::write(&list, format!("nodekey:{} ada\n", "ab".repeat(32))).unwrap();
    let (relay, log) = Relay::start(wherry(
        &home,
        "serve --dev --admit list:nodes --listen 127.0.0.1:0 --stun off --admin 127.0.0.1:0",
    ));
    let admin = admin_of(&log);
    assert_eq!(ask(&admin, "/readyz"), ("HTTP/1.0 200 OK".to_owned(), "ready\n".to_owned()));
    std::fs::write(&list, "not a key\n").unwrap();
    assert!(Command::new("kill").args(["-HUP", &relay.0.id().to_string()]).status().unwrap().success());
    // The signal and the requests are served by the same thread, so a few requests are enough.
    let mut answers = (0..5000).map(|_| ask(&admin, "/readyz"));
    let (line, body) = answers.find(|(line, _)| line != "HTTP/1.0 200 OK").expect("still ready");
    assert_eq!(line, "HTTP/1.0 503 Service Unavailable");
    assert!(body.starts_with("admission: ") && body.contains("nodes") && body.lines().count() == 1, "{body}");
    assert_eq!(relay.stop().0, Some(0));
}

#[test]
fn an_empty_list_is_noted_and_who_is_taken_off_is_named() {
    let home = home();
    let list = home.path().join("nodes");
    std::fs::write(&list, format!("nodekey:{} ada\n", "ab".repeat(32))).unwrap();
    let (mut relay, log) = Relay::start(wherry(
        &home,
        "serve --dev --admit list:nodes --listen 127.0.0.1:0 --stun off --admin 127.0.0.1:0",
    ));
    let admin = admin_of(&log);
    std::fs::write(&list, "").unwrap();
    assert!(Command::new("kill").args(["-HUP", &relay.0.id().to_string()]).status().unwrap().success());
    let mut log = BufReader::new(relay.0.stderr.take().unwrap()).lines().map(Result::unwrap);
    let taken_off = log.find(|line| line.contains("taken off the list")).unwrap();
    assert!(taken_off.contains("peer=[q6urq]") && taken_off.contains("name=\"ada\""), "{taken_off}");
    let note = "note: admission: the list nodes is empty: no node may use the relay\n";
    assert_eq!(ask(&admin, "/readyz"), ("HTTP/1.0 200 OK".to_owned(), format!("ready\n{note}")));
    let status = run(&mut wherry(&home, &format!("status --interval 0s --admin {admin}"))).stdout;
    assert!(status.contains(&format!(", ready\n{note}listening on ")), "{status}");
    assert_eq!(relay.stop().0, Some(0));
}

#[test]
fn a_taken_port_is_one_line_and_the_port_that_it_names_works() {
    let (home, ip) = (home(), own_address());
    let take = |port: u16| std::net::TcpListener::bind(SocketAddr::new(ip.into(), port)).unwrap();
    let taken = [take(0), take(8443)];
    let addr = taken[0].local_addr().unwrap();
    for kind in ["", "plain:"] {
        let dev = format!("serve --dev --listen {kind}{addr} --stun off --admin off");
        let finished = run(&mut wherry(&home, &dev));
        assert_eq!(finished.code, Some(1));
        let [line] = finished.stderr.as_slice() else { panic!("{:?}", finished.stderr) };
        assert!(line.starts_with(&format!("wherry: cannot listen on {addr} (listen): ")), "{line}");
        let (_, rest) = line.split_once("or choose another: --listen ").unwrap();
        let other = rest;
        assert!(other.starts_with(&format!("{kind}{ip}:")), "{line}");
        let (relay, _) =
            Relay::start(wherry(&home, &format!("serve --dev --listen {other} --stun off --admin off")));
        assert_eq!(relay.stop().0, Some(0));
    }
}

#[test]
fn the_port_to_choose_in_place_of_a_taken_one_is_none_that_the_relay_wants_elsewhere() {
    let (home, ip) = (home(), own_address());
    let taken = std::net::TcpListener::bind((ip, 0)).unwrap();
    let others = format!("--listen plain:{ip}:8443 --http {ip}:8444 --admin {ip}:8445 --stun off");
    let serve = |addr: &str| wherry(&home, &format!("serve --dev --listen {addr} {others}"));
    let finished = run(&mut serve(&taken.local_addr().unwrap().to_string()));
    let [line] = finished.stderr.as_slice() else { panic!("{:?}", finished.stderr) };
    let (_, other) = line.split_once("or choose another: --listen ").unwrap();
    assert_eq!(other, format!("{ip}:8446"));
    let (relay, _) = Relay::start(serve(other));
    assert_eq!(relay.stop().0, Some(0));
}

#[test]
fn a_taken_port_that_is_not_needed_is_told_with_the_way_to_do_without() {
    let home = home();
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let taken = tcp.local_addr().unwrap();
    for (key, addr) in [("http", taken), ("admin", taken), ("stun", udp.local_addr().unwrap())] {
        let of = |one: &str| if one == key { format!("--{one} {addr}") } else { format!("--{one} off") };
        let flags = ["http", "admin", "stun"].map(of).join(" ");
        let finished = run(&mut wherry(&home, &format!("serve --dev --listen 127.0.0.1:0 {flags}")));
        let [line] = finished.stderr.as_slice() else { panic!("{:?}", finished.stderr) };
        assert!(line.contains(&format!("{addr} ({key}): ")), "{line}");
        assert!(line.ends_with(&format!("or do without: --{key} off")), "{line}");
    }
}

#[test]
fn derper_names_remedies_by_its_own_flags() {
    let (home, ip) = (home(), own_address());
    let tcp = std::net::TcpListener::bind((ip, 0)).unwrap();
    let port = tcp.local_addr().unwrap().port();
    for (flags, remedy) in [
        (format!("-a {ip}:{port} -c k -certdir ."), format!("or choose another: -a {ip}:84")),
        (
            format!("-a {ip}:8443 -c k -certdir . -http-port {port}"),
            "or do without: -http-port -1".to_owned(),
        ),
        (format!("-a {ip}:8443 -certdir . -c /proc/none/k"), "or choose another place with -c".to_owned()),
        (format!("-a {ip}:8443 -c k -certdir /proc/none"), "; -certdir chooses another".to_owned()),
    ] {
        let line = format!("derper -hostname {ip} -certmode manual -stun=false {flags}");
        let line = if flags.contains("-http-port") { line } else { format!("{line} -http-port -1") };
        let finished = run(&mut wherry(&home, &line));
        let told = finished.stderr.last().unwrap();
        assert!(told.contains(&remedy), "{told}");
    }
}

#[test]
fn what_is_made_anew_is_told_with_its_path() {
    let home = home();
    let ip = own_address();
    let line = format!(
        "derper -a {ip}:8443 -hostname {ip} -certmode manual -http-port -1 -stun=false -c mistyped/key -certdir mistyped"
    );
    let (relay, log) = Relay::start(wherry(&home, &line));
    let log = log.join("\n");
    assert!(log.contains("made a node key") && log.contains("path=mistyped/key"), "{log}");
    let certificate = format!("path=mistyped/{ip}.crt");
    assert!(log.contains("made a self-signed certificate") && log.contains(&certificate), "{log}");
    assert!(
        log.contains("bound on the memory of all that waits together (limits.memory) mebibytes="),
        "{log}"
    );
    assert_eq!(relay.stop().0, Some(0));
}

#[test]
fn an_address_for_status_is_sent_to_its_flag() {
    let finished = run(&mut wherry(&home(), "status http://127.0.0.1:3341"));
    let hint =
        r#"wherry: "http://127.0.0.1:3341" needs its flag: wherry status --admin http://127.0.0.1:3341"#;
    assert_eq!((finished.code, finished.stderr.as_slice()), (Some(64), &[hint.to_owned()][..]));
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
