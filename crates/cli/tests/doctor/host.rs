//! A relay on this host, by its configuration.

use std::fs::Permissions;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::chain::Chain;
use super::{Relay, among, doctor, list, outcome, own_address, write_certificate};

/// A relay that `wherry serve` runs by a file; it ends with this value.
pub(super) struct Served {
    child: Child,
    pub(super) ip: IpAddr,
    pub(super) dir: TempDir,
    pub(super) keys: [String; 2],
}

/// A folder with a configuration, its address, and the keys on its list. `HERE` in `more` is the folder.
fn configured(more: &str, also: &[IpAddr]) -> (TempDir, IpAddr, [String; 2]) {
    let dir = tempfile::tempdir().unwrap();
    let ip = IpAddr::V4(own_address());
    let keys = list(dir.path());
    let listen: Vec<_> = [&[ip], also].concat().into_iter().map(|ip| format!("{ip}:8443")).collect();
    let here = dir.path().display();
    let text = format!(
        "hostname = \"{ip}\"\nlisten = {listen:?}\nstun = \"{ip}:3478\"\nadmit = \"list:{here}/nodes\"\n\
         state = \"{here}/state\"\nadmin = \"{ip}:3341\"\n{}\n",
        more.replace("HERE", &here.to_string())
    );
    std::fs::write(dir.path().join("wherry.toml"), text).unwrap();
    (dir, ip, keys)
}

fn file(dir: &TempDir) -> String {
    dir.path().join("wherry.toml").to_str().unwrap().to_owned()
}

impl Served {
    pub(super) fn start(also: &[IpAddr]) -> Self {
        Self::start_by("exec \"$0\" serve --config wherry.toml", also)
    }

    fn start_by(script: &str, also: &[IpAddr]) -> Self {
        let (dir, ip, keys) = configured("self_signed = true", also);
        let mut command = Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_wherry")]).current_dir(dir.path());
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut relay = Self { child, ip, dir, keys };
        relay.wait();
        relay
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a process that does not listen yet offers nothing to wait for"
    )]
    fn wait(&mut self) {
        let start = Instant::now();
        // The private listener is the last to be served.
        while TcpStream::connect((self.ip, 3341)).is_err() {
            assert!(self.child.try_wait().unwrap().is_none(), "it ended");
            assert!(start.elapsed() < Duration::from_secs(60), "it does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(super) fn pin(&self) -> String {
        let entry = Command::new(env!("CARGO_BIN_EXE_wherry"))
            .args(["map", "entry", "--config", &file(&self.dir)])
            .output()
            .unwrap();
        let entry = String::from_utf8(entry.stdout).unwrap();
        let pin = entry.lines().find_map(|line| line.trim().strip_prefix("certname: ")).unwrap();
        pin.to_owned()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        self.child.wait().unwrap();
    }
}

/// The faults of the host, those of one part where one is named.
fn faults(report: &Value, part: &str) -> Vec<[String; 4]> {
    let all = among(&report["host"]).into_iter();
    all.filter(|one| part.is_empty() || one[1] == part).collect()
}

/// Asks and expects one fault of this part.
fn fault(dir: &TempDir, mark: &str, part: &str, words: [&str; 2]) -> Value {
    let (code, report) = super::json(&[&file(dir)]);
    let found = faults(&report, part);
    let [one] = &found[..] else { panic!("{found:?}: {report}") };
    assert_eq!((code, one[0].as_str()), (Some(1), mark), "{report}");
    assert!(one[2].contains(words[0]) && one[3].contains(words[1]), "{one:?}");
    report
}

#[test]
fn a_good_configuration_is_examined_here_and_then_as_clients_see_it() {
    let relay = Served::start(&[]);
    let (code, stdout, stderr) = doctor(&[&file(&relay.dir), "--key", &relay.keys[0]]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    for part in ["config", "files", "listen", "running", "limit", "port", "tls", "derp", "admission", "stun"]
    {
        assert!(stdout.contains(&format!("  ok       {part} ")), "{part}: {stdout}");
    }
    assert!(stdout.contains("the certificate is the pinned one"), "{stdout}");
    assert_eq!(stdout.matches("\nhealthy\n\n").count(), 1, "{stdout}");
    // The file may come from the environment, or by its flag.
    let mut command = Command::new(env!("CARGO_BIN_EXE_wherry"));
    let (code, named, _) =
        outcome(command.args(["doctor", "--key", &relay.keys[0]]).env("WHERRY_CONFIG", file(&relay.dir)));
    assert_eq!((code, named.lines().next()), (Some(0), stdout.lines().next()), "{named}");
    assert_eq!(doctor(&["--config", &file(&relay.dir), "--key", &relay.keys[0]]).0, Some(0));
}

#[test]
fn every_mistake_of_a_configuration_is_a_finding_with_its_place_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("wherry.toml"), "lisen = \":443\"\nadmit = \"nobody\"\nstun = \":0x\"\n")
        .unwrap();
    let (code, report) = super::json(&[&file(&dir)]);
    let found = faults(&report, "config");
    // The fourth is that no certificate is named.
    assert_eq!((code, found.len(), &report["relays"]), (Some(1), 4, &json!([])), "{report}");
    for (line, words, remedy) in
        [(1, "unknown key", "\"listen\""), (2, "nobody", "list:FILE"), (3, "stun", "[IP]:PORT")]
    {
        let place = format!("wherry.toml:{line}");
        let one = found.iter().find(|one| one[2].contains(&place)).unwrap();
        assert!(one[2].contains(words) && one[3].contains(remedy), "{one:?}");
    }
    let missing = tempfile::tempdir().unwrap();
    fault(&missing, "error", "config", ["wherry.toml", "check the path"]);
}

#[test]
fn a_relay_that_does_not_run_is_one_fault_and_nobody_is_asked_from_outside() {
    let (dir, ip, _) = configured("self_signed = true", &[]);
    let report = fault(&dir, "error", "", ["the relay does not run", "start it"]);
    assert!(report["host"].to_string().contains(&format!("{ip}:8443/tcp")), "{report}");
    assert_eq!(report["relays"], json!([]));
}

#[test]
fn a_port_that_another_program_has_is_told_with_its_process() {
    let (dir, ip, _) = configured("self_signed = true", &[]);
    let taken = TcpListener::bind((ip, 8443)).unwrap();
    let process = format!("(process {})", std::process::id());
    let report = fault(&dir, "error", "", [&process, "listen"]);
    assert_eq!(report["relays"], json!([]), "{report}");
    drop(taken);
}

#[test]
fn a_relay_that_was_started_with_other_settings_is_told() {
    let relay = Served::start(&[]);
    let text = std::fs::read_to_string(file(&relay.dir)).unwrap();
    std::fs::write(file(&relay.dir), text.replace(":3478", ":3479")).unwrap();
    fault(&relay.dir, "error", "listen", [":3479/udp", "restart it"]);
}

#[test]
fn few_open_files_are_told_of_the_relay_else_of_whoever_would_start_it() {
    let relay = Served::start_by("ulimit -n 256; exec \"$0\" serve --config wherry.toml", &[]);
    let report = fault(&relay.dir, "warning", "", ["the relay (process ", "LimitNOFILE"]);
    assert!(report["host"].to_string().contains("256 files"), "{report}");
    let (dir, ..) = configured("self_signed = true", &[]);
    let (_, stdout, _) = outcome(Command::new("sh").args([
        "-c",
        "ulimit -n 256; exec \"$0\" doctor \"$1\"",
        env!("CARGO_BIN_EXE_wherry"),
        &file(&dir),
    ]));
    assert!(stdout.contains("  warning  limit       this process"), "{stdout}");
}

/// A configuration with a certificate for `name`, `life` days long, that began so many days ago.
fn with_certificate(name: Option<&str>, before: u32, life: u32) -> TempDir {
    let (dir, ip, _) = configured("cert_dir = \"HERE/certs\"", &[]);
    let (certs, ip) = (dir.path().join("certs"), ip.to_string());
    std::fs::create_dir(&certs).unwrap();
    write_certificate(&certs, "any", name.unwrap_or(&ip), before, life);
    dir
}

#[test]
fn certificate_files_are_looked_into() {
    for (certificate, mark, words) in [
        (with_certificate(None, 10, 9), "error", ["expired on", "renew it"]),
        (with_certificate(Some("other.example"), 1, 90), "error", ["is valid for", "get one with that name"]),
        (with_certificate(None, 80, 90), "warning", ["expires within two weeks", "renew it"]),
    ] {
        fault(&certificate, mark, "files", words);
    }
    let (_, report) = super::json(&[&file(&with_certificate(None, 1, 90))]);
    assert_eq!(faults(&report, "files"), Vec::<[String; 4]>::new(), "{report}");
}

/// A configuration whose folder has the certificate that an authority issued, without that.
fn with_leaf_alone() -> (TempDir, Chain, String) {
    let (dir, ip, _) = configured("cert_dir = \"HERE/certs\"", &[]);
    let ip = ip.to_string();
    let (certs, chain) = (dir.path().join("certs"), Chain::new(&ip));
    std::fs::create_dir(&certs).unwrap();
    std::fs::write(certs.join("cert.pem"), format!("{}{}", chain.leaf, chain.key)).unwrap();
    (dir, chain, ip)
}

/// What a relay says at its start, with these roots to trust.
fn log_until_it_serves(dir: &TempDir, roots: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wherry"));
    let serve = command.args(["serve", "--config", &file(dir)]).env("SSL_CERT_FILE", roots);
    let mut child = serve.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut said = Vec::new();
    for line in lines {
        said.push(line);
        if said.last().unwrap().contains(" serving ") {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    said.join("\n")
}

#[test]
fn a_certificate_without_its_issuer_is_told_by_doctor_and_by_the_relay_unless_that_is_a_root() {
    let (dir, chain, _) = with_leaf_alone();
    let words = ["the certificate of its issuer, CN=Between, is not shown", "fullchain.pem"];
    fault(&dir, "warning", "files", words);
    let roots = dir.path().join("roots.pem");
    std::fs::write(&roots, &chain.between).unwrap();
    let mut wherry = Command::new(env!("CARGO_BIN_EXE_wherry"));
    let (_, stdout, _) = outcome(wherry.args(["doctor", &file(&dir)]).env("SSL_CERT_FILE", &roots));
    assert!(stdout.contains("  ok       files       the certificates in "), "{stdout}");
    let said = log_until_it_serves(&dir, "/nonexistent");
    assert!(said.contains("refuses the certificate") && said.contains("CN=Between"), "{said}");
    let said = log_until_it_serves(&dir, roots.to_str().unwrap());
    assert!(said.contains(" serving ") && !said.contains("refuses the certificate"), "{said}");
    std::fs::write(dir.path().join("certs/chain.pem"), &chain.between).unwrap();
    let (_, report) = super::json(&[&file(&dir)]);
    assert_eq!(faults(&report, "files"), Vec::<[String; 4]>::new(), "{report}");
}

/// What `wherry config check` says of a configuration, with its exit code.
fn checked(dir: &TempDir) -> (Option<i32>, Vec<String>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wherry"));
    warned(command.args(["config", "check", "--json", "--config", &file(dir)]))
}

fn warned(check: &mut Command) -> (Option<i32>, Vec<String>) {
    let (code, stdout, _) = outcome(check);
    let report: Value = serde_json::from_str(&stdout).unwrap();
    let warnings = report["warnings"].as_array().unwrap();
    (code, warnings.iter().map(|one| one.as_str().unwrap().to_owned()).collect())
}

#[test]
fn a_chain_that_clients_refuse_is_told_before_the_relay_starts_and_by_the_relay() {
    let (dir, chain, ip) = with_leaf_alone();
    let certs = dir.path().join("certs/cert.pem");
    let show = |shown: &[&str], key: &str| std::fs::write(&certs, shown.concat() + key).unwrap();
    let (other, old) =
        (Chain::new(&ip), Chain::with(&ip, |between, _| between.not_after = date_time_ymd(2001, 1, 1)));
    let for_clients =
        Chain::with(&ip, |_, leaf| leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    let good =
        Chain::with(&ip, |_, leaf| leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]);
    for (shown, key, mark, words) in [
        (
            [&chain.leaf, &other.root],
            &chain.key,
            "warning",
            ["CN=Between, is not shown with it, but that of CN=Root", "fullchain.pem"],
        ),
        (
            [&old.leaf, &old.between],
            &old.key,
            "error",
            ["an issuer that is shown with it has: CN=Between", "not a kept copy"],
        ),
        (
            [&for_clients.leaf, &for_clients.between],
            &for_clients.key,
            "error",
            ["it is not for TLS servers", "usage serverAuth"],
        ),
    ] {
        show(&shown.map(String::as_str), key);
        fault(&dir, mark, "files", words);
        let (code, warnings) = checked(&dir);
        let [warning] = &warnings[..] else { panic!("{words:?}: {warnings:?}") };
        assert!(code == Some(0) && words.iter().all(|words| warning.contains(words)), "{warning}");
        assert!(warning.contains("certs/cert.pem"), "{warning}");
        let said = log_until_it_serves(&dir, "/nonexistent");
        assert!(said.contains(words[0]) && said.contains("wherry config check"), "{said}");
    }
    show(&[&good.leaf, &good.between], &good.key);
    assert_eq!(checked(&dir), (Some(0), Vec::new()));
}

/// The order matters to no client, and the relay keeps it.
#[test]
fn a_chain_in_another_order_is_no_fault() {
    let (dir, chain, _) = with_leaf_alone();
    let shown = [&*chain.leaf, &chain.root, &chain.between, &chain.key].concat();
    std::fs::write(dir.path().join("certs/cert.pem"), shown).unwrap();
    assert_eq!(checked(&dir), (Some(0), Vec::new()));
}

#[test]
fn a_chain_that_loses_its_issuer_while_the_relay_runs_is_told_by_the_relay() {
    let (dir, chain, _) = with_leaf_alone();
    let issuer = dir.path().join("certs/chain.pem");
    std::fs::write(&issuer, &chain.between).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_wherry"));
    let serve = command.args(["serve", "--config", &file(&dir)]).env("SSL_CERT_FILE", "/nonexistent");
    let mut child = serve.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut said_until = |end| {
        let mut said = Vec::new();
        while said.last().is_none_or(|line: &String| !line.contains(end)) {
            said.extend(Some(lines.next().unwrap_or_else(|| panic!("no {end:?} in {said:#?}"))));
        }
        said.join("\n")
    };
    let said = said_until(" serving ");
    assert!(!said.contains("refuses the certificate"), "{said}");
    std::fs::remove_file(&issuer).unwrap();
    let said = said_until("certificates reloaded");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(said.contains("refuses the certificate") && said.contains("CN=Between"), "{said}");
}

#[test]
fn a_list_with_nobody_on_it_and_one_with_a_mistake_are_told() {
    for (text, mark, words) in [
        ("# nobody yet\n", "warning", ["is empty", "a line"]),
        ("anna\nprivkey:0a\n", "error", ["; line 2", "correct each of these lines"]),
    ] {
        let (dir, ..) = configured("self_signed = true", &[]);
        std::fs::write(dir.path().join("nodes"), text).unwrap();
        fault(&dir, mark, "files", words);
    }
}

#[test]
fn a_tailscaled_that_is_gone_is_told_by_its_socket() {
    let relay = Relay::start();
    let socket = relay.dir.path().join("tailscaled.sock");
    let ask = |socket: &Path| {
        let (addr, pin) = (relay.addr.to_string(), relay.pin());
        super::json(&[&addr, "--pin", &pin, "--open", "--tailscaled-socket", socket.to_str().unwrap()])
    };
    let listener = UnixListener::bind(&socket).unwrap();
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let len = stream.read(&mut [0; 512]).unwrap();
        stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n{}").unwrap();
        len
    });
    let (code, report) = ask(&socket);
    assert_eq!((code, &report["host"][0]["mark"]), (Some(0), &json!("ok")), "{report}");
    assert!(answering.join().unwrap() > 0);
    // The listener is gone, its file is not.
    assert!(socket.exists());
    let (code, report) = ask(&socket);
    let found = faults(&report, "tailscaled");
    assert_eq!((code, found.len(), found[0][0].as_str()), (Some(1), 1, "warning"), "{report}");
    assert!(found[0][2].contains("nobody answers") && found[0][3].contains("systemctl restart tailscaled"));
    // One that hangs takes the question, and no more.
    let hung = relay.dir.path().join("hung.sock");
    let listener = UnixListener::bind(&hung).unwrap();
    let (code, report) = ask(&hung);
    assert!(code == Some(1) && faults(&report, "tailscaled")[0][2].contains("does not answer"), "{report}");
    drop(listener);
    let (code, report) = ask(&relay.dir.path().join("none"));
    assert!(code == Some(1) && faults(&report, "tailscaled")[0][2].contains("no socket"), "{report}");
    assert!(!report.to_string().contains("remove the socket"), "{report}");
}

#[test]
fn an_address_that_the_relay_has_is_not_said_to_be_taken() {
    let relay = Served::start(&[]);
    let addr = SocketAddr::new(relay.ip, 8443);
    let (_, report) = super::json(&[&file(&relay.dir), "--key", &relay.keys[0]]);
    let listen = report["host"].as_array().unwrap().iter().find(|one| one["part"] == "listen").unwrap();
    assert_eq!((&listen["mark"], faults(&report, "").len()), (&json!("ok"), 0), "{report}");
    assert!(listen["found"].as_str().unwrap().contains(&format!("{addr}/tcp (listen)")), "{report}");
}

#[test]
fn a_relay_that_says_of_itself_what_its_files_show_is_told_once() {
    let relay = Served::start_by(": >nodes; exec \"$0\" serve --config wherry.toml", &[]);
    fault(&relay.dir, "warning", "", ["is empty", "a line"]);
}

#[test]
fn an_address_of_the_host_at_which_the_relay_does_not_listen_is_told_as_that() {
    let relay = Served::start(&[]);
    let pin = relay.pin();
    let (ip, other) = (relay.ip.to_string(), own_address().to_string());
    let text = std::fs::read_to_string(file(&relay.dir)).unwrap();
    let named = |ip: &str| format!("hostname = \"{ip}\"");
    std::fs::write(file(&relay.dir), text.replace(&named(&ip), &named(&other))).unwrap();
    let (code, report) = super::json(&[&file(&relay.dir), "--pin", &pin]);
    let found = super::faults(&report);
    assert_eq!((code, found.len(), found[0][1].as_str()), (Some(1), 1, "port"), "{report}");
    assert!(found[0][3].contains("let the relay listen on it"), "{found:?}");
}

#[test]
fn a_relay_that_says_what_it_has_is_known_whatever_its_program_is_called() {
    let relay = Served::start_by("ln -s \"$0\" relay; exec ./relay serve --config wherry.toml", &[]);
    let (code, report) = super::json(&[&file(&relay.dir), "--key", &relay.keys[0]]);
    assert_eq!((code, faults(&report, "").len()), (Some(0), 0), "{report}");
}

#[test]
fn a_self_signed_relay_is_asked_by_its_pin_or_not_at_all() {
    let relay = Served::start(&[]);
    let pin = relay.pin();
    let text = std::fs::read_to_string(file(&relay.dir)).unwrap();
    // As a user has it whose state is kept elsewhere.
    std::fs::write(file(&relay.dir), text.replace("/state\"", "/mine\"")).unwrap();
    let (code, report) = super::json(&[&file(&relay.dir)]);
    assert_eq!((code, &report["relays"]), (Some(0), &json!([])), "{report}");
    let told = report["host"].to_string();
    assert!(told.contains("or give --pin") && !told.contains("not made yet"), "{report}");
    let (code, report) = super::json(&[&file(&relay.dir), "--pin", &pin, "--key", &relay.keys[0]]);
    assert_eq!((code, &report["relays"][0]["healthy"]), (Some(0), &json!(true)), "{report}");
}

#[test]
fn a_relay_that_hangs_is_told_and_asked_no_further() {
    let relay = Served::start(&[]);
    let signal = |name: &str| {
        let pid = relay.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    };
    signal("-STOP");
    let process = format!("(process {}) hangs", relay.child.id());
    let report = fault(&relay.dir, "error", "running", [&process, "restart it"]);
    assert_eq!(report["relays"], json!([]), "{report}");
    signal("-CONT");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a relay tells nobody that it has taken a connection")]
fn a_relay_without_a_file_to_open_is_not_said_to_hang() {
    let script = "ulimit -n 256; WHERRY_LIMITS_HTTP=60s exec \"$0\" serve --config wherry.toml";
    let relay = Served::start_by(script, &[]);
    let start = Instant::now();
    let is_full = || std::fs::read_dir(format!("/proc/{}/fd", relay.child.id())).unwrap().count() >= 256;
    // They say nothing, so that they stay.
    let crowd: Vec<_> = (0..300).map(|_| TcpStream::connect((relay.ip, 8443)).unwrap()).collect();
    while !is_full() {
        assert!(start.elapsed() < Duration::from_secs(30), "it takes fewer");
        std::thread::yield_now();
    }
    let full = format!("(process {}) has as many files open as it may, 256", relay.child.id());
    fault(&relay.dir, "error", "running", [&full, "LimitNOFILE"]);
    let admin = format!("{}:3341", relay.ip);
    let mut status = Command::new(env!("CARGO_BIN_EXE_wherry"));
    let (code, _, stderr) = outcome(status.args(["status", "--admin", &admin, "--interval", "0s"]));
    assert!(code == Some(1) && stderr.contains("as many files open as it may"), "{stderr}");
    drop(crowd);
}

#[test]
fn a_relay_without_a_private_listener_is_said_not_to_have_been_asked() {
    let relay = Served::start(&[]);
    let text = std::fs::read_to_string(file(&relay.dir)).unwrap();
    let (before, after) = text.split_once("admin = ").unwrap();
    let rest = after.split_once('\n').unwrap().1;
    std::fs::write(file(&relay.dir), format!("{before}admin = \"off\"\n{rest}")).unwrap();
    let (code, report) = super::json(&[&file(&relay.dir), "--key", &relay.keys[0]]);
    let running = report["host"].as_array().unwrap().iter().find(|one| one["part"] == "running").unwrap();
    assert_eq!((code, &running["mark"]), (Some(0), &json!("skipped")), "{report}");
}

#[test]
fn a_relay_is_dialled_at_the_port_that_its_map_entry_names() {
    let relay = Served::start(&[]);
    let mut text = std::fs::read_to_string(file(&relay.dir)).unwrap();
    text.push_str("[map]\nport = 9443\n");
    std::fs::write(file(&relay.dir), text).unwrap();
    let (code, report) = super::json(&[&file(&relay.dir)]);
    assert_eq!((code, &report["relays"][0]["port"]), (Some(1), &json!(9443)), "{report}");
}

#[test]
fn an_address_that_the_settings_name_in_the_map_is_examined_as_a_family_and_told_with_its_key() {
    let relay = Served::start(&[]);
    let text = std::fs::read_to_string(file(&relay.dir)).unwrap();
    std::fs::write(file(&relay.dir), format!("{text}[map]\nipv6 = \"::1\"\n")).unwrap();
    let (code, report) = super::json(&[&file(&relay.dir), "--key", &relay.keys[0]]);
    let found = super::faults(&report);
    assert_eq!((code, found.len(), found[0][1].as_str()), (Some(1), 1, "families"), "{report}");
    assert!(found[0][2].contains("IPv6 is half working") && found[0][3].contains("map.ipv6"), "{found:?}");
}

/// A file that nobody may read, and a user whom that concerns, for root is none.
fn kept_from(dir: &TempDir, file: &str, mut command: Command) -> Command {
    for (path, mode) in [(dir.path().to_owned(), 0o755), (dir.path().join(file), 0o000)] {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

const NOBODY: u32 = 65534;

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

fn allow(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn files_that_are_kept_from_this_user_are_no_fault_of_a_relay_that_runs_and_it_is_asked() {
    let relay = Served::start(&[]);
    let pin = relay.pin();
    let doctor = |keep: &str| {
        let mut command = kept_from(&relay.dir, keep, Command::new(env!("CARGO_BIN_EXE_wherry")));
        let args = ["doctor", "--json", &file(&relay.dir), "--pin", &pin, "--key", &relay.keys[0]];
        let (code, stdout, stderr) = outcome(command.args(args));
        (code, serde_json::from_str::<Value>(&stdout).unwrap_or_else(|err| panic!("{err}: {stderr}")))
    };
    let (code, report) = doctor("state/derp.key.json");
    assert_eq!((code, &report["relays"][0]["healthy"]), (Some(0), &json!(true)), "{report}");
    let config = report["host"].as_array().unwrap().iter().find(|one| one["part"] == "config").unwrap();
    assert_eq!(config["mark"], "skipped", "{report}");
    assert!(config["found"].as_str().unwrap().contains("as root or as the relay's user"), "{report}");
    assert!(report["host"].to_string().contains("\"running\""), "{report}");
}

#[test]
fn files_that_are_kept_from_this_user_are_told_with_the_user_to_be_where_no_relay_runs() {
    let (dir, ..) = configured("self_signed = true", &[]);
    let mut command = kept_from(&dir, "nodes", Command::new(env!("CARGO_BIN_EXE_wherry")));
    let (code, stdout, _) = outcome(command.args(["doctor", "--json", &file(&dir)]));
    let report = serde_json::from_str(&stdout).unwrap();
    let found = faults(&report, "config");
    assert_eq!((code, found.len(), found[0][0].as_str()), (Some(1), 1, "error"), "{report}");
    assert!(found[0][3].contains("as root or as the relay's user"), "{found:?}");
}

/// A folder with the unit of a relay by this configuration, and what it says besides.
fn with_unit(dir: &TempDir, says: &str) -> TempDir {
    let units = tempfile::tempdir().unwrap();
    let unit = format!("[Service]\nExecStart=/usr/local/bin/wherry serve --config {}\n{says}\n", file(dir));
    std::fs::write(units.path().join("wherry.service"), unit).unwrap();
    units
}

/// The warnings in the folder of a configuration, with its unit in the first of these places that has it.
fn checked_by_unit(dir: &TempDir, places: &[&TempDir]) -> (Option<i32>, Vec<String>) {
    let places = places.iter().map(|place| place.path().to_str().unwrap()).collect::<Vec<_>>().join(":");
    let mut command = Command::new(env!("CARGO_BIN_EXE_wherry"));
    let check = command.args(["config", "check", "--json", "--config", "wherry.toml"]);
    warned(check.current_dir(dir.path()).env("SYSTEMD_UNIT_PATH", places))
}

/// Only root can ask for another user, so for others nothing is said.
#[test]
fn files_that_are_kept_from_the_user_of_the_unit_are_told_to_root() {
    let (dir, ip, _) = configured("cert_dir = \"HERE/certs\"", &[]);
    let (path, certs) = (dir.path(), dir.path().join("certs"));
    std::fs::create_dir(&certs).unwrap();
    write_certificate(&certs, "any", &ip.to_string(), 1, 90);
    allow(path, 0o755);
    let check = |says: &str| {
        let (code, warnings) = checked_by_unit(&dir, &[&with_unit(&dir, says)]);
        assert_eq!(code, Some(0), "{says}: {warnings:?}");
        warnings
    };
    let is_root = is_root();
    for says in [
        "User=nobody",
        "User=root\nUser = nobody",
        "User=1",
        "DynamicUser=yes\nUser=nobody-of-that-name",
        "DynamicUser=1\nUser=nobody-of-that-name",
    ] {
        for kept in ["certs/any.key", "nodes", "wherry.toml"] {
            allow(&path.join(kept), 0o600);
            let warnings = check(says);
            allow(&path.join(kept), 0o644);
            if !is_root {
                assert_eq!(warnings, Vec::<String>::new());
                continue;
            }
            let [warning] = &warnings[..] else { panic!("{says} {kept}: {warnings:?}") };
            let user = says.rsplit('=').next().unwrap().trim();
            let found = format!(
                "{} cannot be read by the user {user}, as whom wherry.service",
                path.join(kept).display()
            );
            assert!(warning.starts_with(&found) && warning.contains(&format!("chown {user} ")), "{warning}");
            assert_eq!(warning.contains("useradd"), says.contains("Dynamic"), "{warning}");
        }
        assert_eq!(check(says), Vec::<String>::new());
    }
    // A folder above shuts everything in; a unit for another file, or of root, is none.
    allow(path, 0o700);
    let shut_in = check("User=nobody");
    assert_eq!(shut_in.len(), if is_root { 5 } else { 0 });
    for warning in shut_in {
        let is_folder = warning.starts_with(&format!("{} cannot be read", certs.display()));
        let mode = if is_folder { "or chmod 755 if" } else { "or chmod 644 if" };
        assert!(warning.contains(mode), "{warning}");
    }
    for says in ["ExecStart=/usr/local/bin/wherry serve --config /etc/hostname\nUser=nobody", "User=root", ""]
    {
        assert_eq!(check(says), Vec::<String>::new());
    }
    let units = with_unit(&dir, "User=nobody");
    allow(path, 0o755);
    allow(&path.join("nodes"), 0o600);
    let mut doctor = Command::new(env!("CARGO_BIN_EXE_wherry"));
    let (_, stdout, _) = outcome(doctor.args(["doctor", &file(&dir)]).env("SYSTEMD_UNIT_PATH", units.path()));
    assert_eq!(stdout.contains("nodes cannot be read by the user nobody"), is_root, "{stdout}");
}

/// Only root can give files to other groups.
#[test]
fn a_file_that_one_group_of_the_unit_leads_to_and_another_reads_is_not_kept_from_it() {
    if !is_root() {
        return;
    }
    let dir = with_certificate(None, 1, 90);
    let certs = dir.path().join("certs");
    allow(dir.path(), 0o755);
    for entry in std::fs::read_dir(&certs).unwrap() {
        let path = entry.unwrap().path();
        chown(&path, None, Some(60002)).unwrap();
        allow(&path, 0o640);
    }
    chown(&certs, None, Some(60001)).unwrap();
    allow(&certs, 0o750);
    let kept = |groups: &str| {
        let says = format!("User=nobody\nSupplementaryGroups={groups}");
        checked_by_unit(&dir, &[&with_unit(&dir, &says)]).1
    };
    for (groups, count) in [("60001 60002", 0), ("60001", 2), ("60002", 3)] {
        let kept = kept(groups);
        assert_eq!(kept.len(), count, "{groups}: {kept:?}");
    }
}

#[test]
fn an_override_of_the_unit_counts_wherever_systemd_finds_it() {
    let dir = with_certificate(None, 1, 90);
    allow(dir.path(), 0o755);
    allow(&dir.path().join("nodes"), 0o600);
    let (local, vendor) = (tempfile::tempdir().unwrap(), with_unit(&dir, "User=root"));
    let drop_in = |place: &TempDir, name: &str, user: &str| {
        let folder = place.path().join("wherry.service.d");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), format!("[Service]\nUser={user}\n")).unwrap();
    };
    let kept = || checked_by_unit(&dir, &[&local, &vendor]).1;
    assert_eq!(kept(), Vec::<String>::new());
    drop_in(&local, "10-user.conf", "nobody");
    // Of one name the first counts, and what is no drop-in does not.
    drop_in(&vendor, "10-user.conf", "root");
    drop_in(&local, "10-user.conf.bak", "root");
    let kept_from_nobody = kept();
    assert_eq!(kept_from_nobody.len(), usize::from(is_root()), "{kept_from_nobody:?}");
    assert!(kept_from_nobody.iter().all(|one| one.contains("the user nobody,")), "{kept_from_nobody:?}");
    drop_in(&vendor, "20-user.conf", "root");
    assert_eq!(kept(), Vec::<String>::new());
}

#[test]
fn what_is_not_there_or_has_no_whole_path_is_not_said_to_be_kept_from_the_unit() {
    let more = "self_signed = true\nmesh_key_file = \"HERE/gone\"\n[map]\ninclude = [\"map\", \"HERE/map\"]";
    let (dir, ..) = configured(more, &[]);
    let map = dir.path().join("map");
    std::fs::write(&map, "regions: {}\n").unwrap();
    allow(dir.path(), 0o755);
    allow(&map, 0o600);
    // The mistake is told as what it is.
    let (code, kept) = checked_by_unit(&dir, &[&with_unit(&dir, "User=nobody")]);
    assert_eq!((code, kept.len()), (Some(78), usize::from(is_root())), "{kept:?}");
    let whole = format!("{} cannot be read by", map.display());
    assert!(kept.iter().all(|one| one.starts_with(&whole)), "{kept:?}");
}

/// Only root may write there.
#[test]
fn what_lies_in_the_state_directory_of_the_unit_is_not_kept_from_it() {
    if !is_root() {
        return;
    }
    let state = tempfile::tempdir_in("/var/lib").unwrap();
    let map = state.path().join("map");
    std::fs::write(&map, "regions: {}\n").unwrap();
    allow(&map, 0o600);
    let (dir, ..) = configured(&format!("self_signed = true\n[map]\ninclude = [{map:?}]"), &[]);
    allow(dir.path(), 0o755);
    let name = state.path().file_name().unwrap().to_str().unwrap();
    let several = format!("wherry {name}");
    for (folders, count) in [("wherry", 1), (name, 0), (several.as_str(), 0)] {
        let says = format!("User=nobody\nStateDirectory={folders}");
        let kept = checked_by_unit(&dir, &[&with_unit(&dir, &says)]).1;
        assert_eq!(kept.len(), count, "{folders}: {kept:?}");
    }
}
