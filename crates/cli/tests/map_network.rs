//! `wherry map` where it asks the network: maps by URL, relays that run.
#![expect(clippy::unwrap_used, reason = "test code")]

#[path = "subject/address.rs"]
mod address;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use address::own_address;

fn wherry(dir: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wherry"));
    command.env_clear().current_dir(dir.path()).stdin(Stdio::null());
    command
}

/// Starts `wherry map`; its exit code, stdout and stderr.
fn map(dir: &TempDir, args: &[&str]) -> (i32, String, String) {
    let output = wherry(dir).arg("map").args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A relay for one's own machine; it ends with this value.
struct Relay {
    child: Child,
    dir: TempDir,
    /// The YAML that it prints.
    entry: String,
}

impl Relay {
    fn start(args: &[&str]) -> Self {
        Self::start_at(&["--listen", "127.0.0.1:0"], args)
    }

    fn start_at(listen: &[&str], args: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut command = wherry(&dir);
        command.args(["serve", "--dev", "--state", "state", "--admin", "off", "--stun", "127.0.0.1:0"]);
        let mut child =
            command.args(listen).args(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut entry = String::new();
        // What it prints last is the port, once it listens.
        for line in lines.by_ref().skip_while(|line| line != "regions:") {
            entry += &format!("{line}\n");
            if line.contains("derpport:") {
                break;
            }
        }
        assert!(entry.contains("derpport:"), "it ended");
        Self { child, dir, entry }
    }

    fn field(&self, name: &str) -> &str {
        let start = format!("{name}: ");
        self.entry.lines().find_map(|line| line.trim().strip_prefix(&start)).unwrap()
    }

    fn addr(&self) -> String {
        format!("127.0.0.1:{}", self.field("derpport"))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A port of an address that no other test has.
fn own_port(port: u16) -> String {
    format!("{}:{port}", own_address())
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn say(line: &str) {
    eprintln!("{line}");
}

/// A web server that gives each connection the answer of its path, then closes it. It ends with the process.
fn web(answers: &'static [(&'static str, &'static str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read(&mut byte).unwrap_or(0) == 0 {
                    break;
                }
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).unwrap();
            let path = head.split(' ').nth(1).unwrap_or_default();
            let answer = answers.iter().find(|(known, _)| *known == path);
            let (_, answer) =
                answer.unwrap_or(&("", "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n\r\n<h1>no"));
            // A client that has seen enough hangs up.
            drop(stream.write_all(answer.as_bytes()));
        }
    });
    format!("http://{addr}")
}

const MAP: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1e\r\n{\"Regions\":{\"900\":{\"RegionID\":\r\n\
                   42\r\n900,\"RegionCode\":\"a\",\"RegionName\":\"A\",\"Nodes\":[{\"Name\":\"900a\",\"Reg\r\n\
                   49\r\nionID\":900,\"HostName\":\"a.example\",\"IPv4\":\"203.0.113.7\",\"IPv6\":\"none\"}]}}}\r\n0\r\n\r\n";

#[test]
fn a_map_by_url_is_checked_through_redirects_and_chunks() {
    let url =
        web(&[("/map", MAP), ("/old", "HTTP/1.1 301 Moved\r\nLocation: /map\r\nContent-Length: 0\r\n\r\n")]);
    let dir = tempfile::tempdir().unwrap();
    for path in ["/map", "/old"] {
        let (code, out, err) = map(&dir, &["check", "--offline", &format!("{url}{path}")]);
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
        assert!(out.ends_with(&format!("\n{url}{path}: 1 region, 1 node: 1 note\n")), "{out}");
    }
}

#[test]
fn a_maps_url_is_said_without_what_may_be_a_secret() {
    let url = web(&[("/map?t=secret", MAP)]);
    let dir = tempfile::tempdir().unwrap();
    let user = url.replace("//", "//me:secret@");
    for (words, code) in
        [(format!("{url}/map?t=secret"), 0), (format!("{url}/gone?t=secret"), 1), (format!("{user}/map"), 64)]
    {
        let said = map(&dir, &["check", "--offline", &words]);
        assert_eq!((said.0, format!("{said:?}").contains("secret")), (code, false), "{said:?}");
    }
    let wrong = map(&dir, &["check", "--offline", "ftp://me:secret@maps.example/map"]);
    assert!(wrong.1.starts_with("ftp://…@maps.example/map: error [unreadable]"), "{wrong:?}");
}

#[test]
fn a_mistyped_url_shows_nothing_of_its_user() {
    let dir = tempfile::tempdir().unwrap();
    let commands = ["map check --offline", "map merge", "map entry", "netcheck", "doctor", "ping"];
    for url in
        ["https://me:se/cret@", "https://me:se?cret@", "https://me:se#cret@", "https:/me:cret@", "me:cret@"]
    {
        for command in commands {
            let words = format!("{url}maps.example/map");
            let output = wherry(&dir).args(command.split(' ')).arg(&words).output().unwrap();
            let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
            let is_hidden = !said.contains("cret") && !said.contains("me:");
            assert!(said.contains("…@maps.example/map") && is_hidden, "{command} {words}: {said}");
        }
    }
}

#[test]
fn an_error_page_and_a_web_page_by_url_are_named_as_such() {
    let url = web(&[(
        "/page",
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\n<!doctype html>",
    )]);
    let dir = tempfile::tempdir().unwrap();
    let said = |path: &str| map(&dir, &["check", "--offline", &format!("{url}{path}")]);
    let (code, out, _) = said("/page");
    assert_eq!(code, 78, "it is no map");
    assert!(
        out.starts_with(&format!("{url}/page:1:1: error [web-page]: the URL answers with a web page;")),
        "{out}"
    );
    let (code, out, _) = said("/gone");
    assert_eq!(code, 1, "there is none to be had");
    let expected =
        format!("{url}/gone: error [http-status]: the server answers with HTTP status 404 and a web page;");
    assert!(out.starts_with(&expected), "{out}");
}

#[test]
fn an_endless_redirect_and_an_endless_body_end() {
    let url = web(&[
        ("/ring", "HTTP/1.1 302 Found\r\nLocation: /ring\r\nContent-Length: 0\r\n\r\n"),
        ("/long", "HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n{}"),
    ]);
    let dir = tempfile::tempdir().unwrap();
    let (code, out, _) = map(&dir, &["check", "--offline", &format!("{url}/ring"), &format!("{url}/long")]);
    assert_eq!(code, 78, "one is there, and too long");
    assert!(out.contains("there were too many before it"), "{out}");
    assert!(out.contains("it is longer than 4194304 bytes"), "{out}");
}

#[test]
fn the_entry_of_a_running_relay_is_the_one_it_prints() {
    let relay = Relay::start(&[]);
    let (code, out, err) = map(&relay.dir, &["entry", &relay.addr()]);
    assert_eq!((code, out.as_str()), (0, relay.entry.as_str()), "{err}");
    assert!(err.contains("so it is pinned"), "{err}");
}

/// Where its own certificate is among those that this host trusts.
#[test]
fn a_self_signed_certificate_stays_pinned_where_this_host_trusts_it() {
    let relay = Relay::start(&[]);
    let certificates = relay.dir.path().join("state/self-signed");
    let certificate = fs::read_dir(certificates).unwrap().next().unwrap().unwrap().path();
    let trusting = |args: &[&str]| {
        let output = wherry(&relay.dir).env("SSL_CERT_FILE", &certificate).args(args).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(trusting(&["map", "entry", &relay.addr()]), (0, relay.entry.clone()));
    let pin = relay.field("certname");
    let without = relay.entry.replace(&format!("      certname: {pin}\n"), "");
    fs::write(relay.dir.path().join("map.yaml"), &without).unwrap();
    let (code, out) = trusting(&["map", "check", "--probe", "map.yaml"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("warning [trusted-here]: region 900, node 900a, certname: "), "{out}");
    assert!(out.contains(&format!("write certname: \"{pin}\"")), "{out}");
    for subject in [&*relay.addr(), "map.yaml"] {
        let (code, out) = trusting(&["doctor", "--open", subject]);
        assert_eq!(code, 1, "{out}");
        assert!(out.contains("  warning  tls         TLS works here only because this host trusts"), "{out}");
        assert!(out.contains(&format!("      certname: {pin}\n")), "{out}");
    }
    fs::write(relay.dir.path().join("map.yaml"), &relay.entry).unwrap();
    let (_, out) = trusting(&["map", "check", "--probe", "map.yaml"]);
    assert!(!out.contains("trusted-here"), "{out}");
}

#[test]
fn the_entry_of_a_running_relay_has_the_region_and_names_of_its_own_map() {
    let named = ["--map-region-id", "901", "--map-region-code", "two", "--map-region-name", "Two"];
    let more = ["--map-node-name", "901x", "--map-ipv6", "2001:db8::7"];
    let relay = Relay::start(&[&named[..], &more].concat());
    let entry = |flags: &[&str]| {
        let (code, out, err) = map(&relay.dir, &[&["entry", &relay.addr()], flags].concat());
        assert_eq!(code, 0, "{err}");
        out
    };
    assert_eq!(entry(&[]), relay.entry);
    assert!(relay.entry.contains("- name: 901x"), "{}", relay.entry);
    let flags = ["--region-id", "950", "--code", "x", "--name", "X", "--node-name", "y", "--ipv6", "none"];
    let out = entry(&flags);
    for line in ["  950:", "regioncode: x", "regionname: X", "- name: \"y\"", "ipv6: none"] {
        assert!(out.contains(line), "{line} in {out}");
    }
}

#[test]
fn the_usual_name_of_a_node_follows_the_region_that_a_flag_gives() {
    let relay = Relay::start(&["--map-region-id", "901"]);
    let args = ["entry", &relay.addr(), "--stun-port", "off", "--region-id", "950"];
    let (code, out, err) = map(&relay.dir, &args);
    assert_eq!((code, out.contains("- name: 950a")), (0, true), "{out}{err}");
}

#[test]
fn a_relay_is_found_in_its_own_map_by_its_pin_and_without_a_map_it_has_the_usual_region() {
    let listen = own_port(8443);
    let relay = Relay::start(&["--listen", &listen, "--map-region-id", "901"]);
    let (code, out, err) = map(&relay.dir, &["entry", &listen, "--stun-port", "off"]);
    assert_eq!((code, out.contains("  901:")), (0, true), "{out}{err}");
    let relay = Relay::start(&["--map-serve=false", "--map-region-id", "901"]);
    let (code, out, err) = map(&relay.dir, &["entry", &relay.addr(), "--stun-port", "off"]);
    assert_eq!((code, out.contains("  900:"), err.contains("--region-id")), (0, true, false), "{out}{err}");
}

/// What `wherry map entry` of this relay says of STUN, on stdout and on stderr.
fn stun_of(relay: &Relay, addr: &str, flags: &[&str]) -> (String, String) {
    let (code, out, err) = map(&relay.dir, &[&["entry", addr], flags].concat());
    assert_eq!(code, 0, "{err}");
    let port = out.lines().find(|line| line.contains("stunport")).unwrap();
    (port.trim().to_owned(), err.lines().filter(|line| line.contains("STUN")).collect())
}

#[test]
fn stun_that_does_not_answer_is_in_the_entry_if_the_relay_names_it() {
    let relay = Relay::start(&["--map-stun-port", "1"]);
    let (port, err) = stun_of(&relay, &relay.addr(), &[]);
    assert_eq!(port, "stunport: 1");
    assert!(err.contains("no answer to STUN on 1/udp, which the entry names all the same"), "{err}");
    let (port, err) = stun_of(&relay, &relay.addr(), &["--stun-port", "2"]);
    assert_eq!(port, "stunport: 2", "it was asked for");
    assert!(err.contains("no answer to STUN on 2/udp, which"), "{err}");
    assert_eq!(
        stun_of(&relay, &relay.addr(), &["--stun-port", "off"]),
        ("stunport: -1".to_owned(), String::new())
    );
}

#[test]
fn stun_that_does_not_answer_where_nobody_names_it_is_not_in_the_entry() {
    let listen = own_port(8443);
    let relay = Relay::start_at(&["--listen", &listen], &["--map-serve=false"]);
    let (port, err) = stun_of(&relay, &listen, &[]);
    assert_eq!(port, "stunport: -1");
    assert!(err.contains("no answer to STUN on 3478/udp, so the entry says that there is none"), "{err}");
}

#[test]
fn a_map_for_a_file_replaces_it_whole_or_not_at_all() {
    let relay = Relay::start(&[]);
    let file = relay.dir.path().join("derp.yaml");
    fs::write(&file, "old").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o604)).unwrap();
    let (code, out, err) = map(&relay.dir, &["entry", &own_port(1), "--out", "derp.yaml"]);
    assert_eq!((code, out.as_str(), fs::read_to_string(&file).unwrap().as_str()), (1, "", "old"), "{err}");
    symlink("derp.yaml", relay.dir.path().join("link")).unwrap();
    let (code, out, err) = map(&relay.dir, &["entry", &relay.addr(), "--out", "link"]);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("#") || text.contains("regions:"), "{text}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o604);
    let (code, out, err) = map(&relay.dir, &["convert", "derp.yaml", "--to", "json", "--out", "derp.yaml"]);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    assert!(fs::read_to_string(&file).unwrap().starts_with('{'));
    let (code, out, err) = map(&relay.dir, &["merge", "derp.yaml", "--out", "derp.yaml"]);
    assert_eq!((code, out.as_str(), fs::read_to_string(&file).unwrap()), (0, "", text), "{err}");
    for (path, words) in [("gone/derp.yaml", "no such folder"), ("/dev/null", "no file"), (".", "no file")] {
        let (code, _, err) = map(&relay.dir, &["merge", "derp.yaml", "--out", path]);
        assert!(code == 64 && err.contains(words), "{path}: {code} {err}");
    }
}

#[test]
fn port_80_is_in_the_entry_of_a_relay_that_answers_there() {
    let http = own_port(80);
    if let Err(err) = TcpListener::bind(&http) {
        return say(&format!("SKIPPED: port 80 cannot be had here: {err}"));
    }
    let ip = http.trim_end_matches(":80");
    let listen = format!("{ip}:8443");
    let entry = |relay: &Relay| map(&relay.dir, &["entry", &listen, "--stun-port", "off"]);
    let relay = Relay::start(&["--hostname", ip, "--listen", &listen, "--http", &http]);
    let (code, out, err) = entry(&relay);
    assert_eq!((code, out.contains("canport80: true")), (0, true), "{out}{err}");
    drop(relay);
    let relay = Relay::start(&["--hostname", ip, "--listen", &listen]);
    let (code, out, err) = entry(&relay);
    assert_eq!((code, out.contains("canport80")), (0, false), "{out}{err}");
}

#[test]
fn the_entry_of_settings_has_the_pin_of_the_certificate_on_disk() {
    let relay = Relay::start(&[]);
    let (listen, stun) = (relay.addr(), format!("127.0.0.1:{}", relay.field("stunport")));
    let settings = ["entry", "--dev", "--state", "state", "--listen", &listen, "--stun", &stun];
    let (code, out, err) = map(&relay.dir, &settings);
    assert_eq!((code, out.as_str(), err.as_str()), (0, relay.entry.as_str(), ""));
    let elsewhere = tempfile::tempdir().unwrap();
    let (code, out, err) = map(&elsewhere, &settings);
    assert_eq!((code, out.as_str()), (78, ""));
    assert!(err.contains("start the relay once"), "{err}");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0, "nothing is written");
}

#[test]
fn a_relay_behind_a_proxy_and_other_ports_has_the_entry_that_its_settings_give_it() {
    let addr = own_port(8080);
    let said = [
        "--hostname",
        "203.0.113.7",
        "--map-port",
        "12345",
        "--map-stun-port",
        "12346",
        "--map-ipv6",
        "2001:db8::7",
    ];
    let listen = format!("plain:{addr}");
    let dir = tempfile::tempdir().unwrap();
    let settings = ["entry", "--dev", "--state", "state", "--listen", &listen, "--stun", "127.0.0.1:0"];
    let (code, _, err) = map(&dir, &[&settings[..], &said[..2], &said[4..]].concat());
    assert_eq!(code, 78);
    assert!(err.contains("set map.port to its port"), "{err}");
    let (code, _, err) = map(&dir, &[&settings[..], &["--derp=false", "--map-port", "443"]].concat());
    assert!(code == 78 && err.contains("set derp to true"), "{code} {err}");
    let (code, out, err) = map(&dir, &[&settings[..], &said].concat());
    assert_eq!((code, err.as_str()), (0, ""));
    for line in ["ipv4: \"203.0.113.7\"", "ipv6: 2001:db8::7", "derpport: 12345", "stunport: 12346"] {
        assert!(out.contains(line), "{line} in {out}");
    }
    let relay = Relay::start_at(&["--listen", &listen], &said);
    assert_eq!(relay.entry, out);
    let (code, served, err) = map(&relay.dir, &["merge", &format!("http://{addr}/derpmap.json")]);
    assert_eq!((code, served), (0, out), "{err}");
}

#[test]
fn the_relay_serves_the_map_that_it_prints_with_others_beside_it() {
    let addr = own_port(8080);
    let maps = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/maps");
    let include = format!("{maps}/region-id-foreign.yaml");
    let relay = Relay::start(&["--listen", &format!("plain:{addr}"), "--map-include", &include]);
    let url = format!("http://{addr}/derpmap.json");
    wait_for_map(&addr);
    let (code, out, err) = map(&relay.dir, &["merge", &url, "--without", "42"]);
    assert_eq!((code, out.as_str()), (0, relay.entry.as_str()));
    assert!(err.contains("--without 42: region 42 "), "{err}");
    let (code, out, _) = map(&relay.dir, &["check", "--offline", &url]);
    assert_eq!(code, 0);
    assert!(out.ends_with(&format!("{url}: 2 regions, 2 nodes: 1 warning, 2 notes\n")), "{out}");
}

/// Waits until the relay has read what it includes.
#[expect(
    clippy::disallowed_methods,
    reason = "a relay tells nobody that its map is whole; it can only be asked again"
)]
fn wait_for_map(addr: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.write_all(b"GET /derpmap.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        if answer.starts_with("HTTP/1.1 200") {
            return;
        }
        assert!(Instant::now() < deadline, "{answer}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Nodes in one region, each at an address and with a pin, STUN off.
fn region(nodes: &[(&str, &str)]) -> String {
    let mut text =
        "regions:\n  900:\n    regionid: 900\n    regioncode: a\n    regionname: A\n    nodes:\n".to_owned();
    for ((addr, pin), name) in nodes.iter().zip(["900a", "900b", "900c"]) {
        let (host, port) = addr.split_once(':').unwrap();
        text += &format!(
            "      - {{name: {name}, regionid: 900, hostname: {host}, ipv4: {host}, derpport: {port}, "
        );
        text += &format!("certname: '{pin}', stunport: -1}}\n");
    }
    text
}

fn probed(dir: &TempDir, text: &str) -> (i32, String) {
    fs::write(dir.path().join("map.yaml"), text).unwrap();
    let (code, out, _) = map(dir, &["check", "--probe", "map.yaml"]);
    let lines: Vec<_> = out.lines().filter(|line| !line.contains("[address-private]")).collect();
    (code, lines.join("\n"))
}

#[test]
fn a_map_whose_nodes_answer_as_it_says_has_nothing_wrong() {
    let relay = Relay::start(&[]);
    let (code, out) = probed(&relay.dir, &relay.entry);
    assert_eq!((code, out.as_str()), (0, "map.yaml: 1 region, 1 node: 1 warning"));
}

#[test]
fn a_pin_that_the_node_does_not_serve_is_named_with_the_right_one() {
    let relay = Relay::start(&[]);
    let pin = relay.field("certname");
    let other = format!("sha256-raw:{}", "0a".repeat(32));
    let (code, out) = probed(&relay.dir, &relay.entry.replace(pin, &other));
    assert_eq!(code, 1);
    let expected = format!(
        "map.yaml:10:17: error [pin-differs]: region 900, node 900a, certname: it is {other}, but the node serves {pin}; \
         expected: {pin}; if the relay prints the same pin, write certname: \"{pin}\"; if not, somebody else answers\n"
    );
    assert!(out.starts_with(&expected), "{out}");
    let line = format!("      certname: {pin}\n");
    let (code, out) = probed(&relay.dir, &relay.entry.replace(&line, ""));
    assert_eq!(code, 1);
    assert!(out.contains("[certificate-refused]"), "{out}");
    assert!(out.contains(&format!("write certname: \"{pin}\"")), "{out}");
}

#[test]
fn a_node_that_is_not_there_and_stun_that_is_silent_are_named() {
    let relay = Relay::start(&[]);
    let (stun, derp) = (relay.field("stunport"), relay.field("derpport"));
    let silent = relay.entry.replace(&format!("stunport: {stun}"), "stunport: 1");
    let (code, out) = probed(&relay.dir, &silent);
    assert_eq!(code, 1);
    assert!(out.starts_with("map.yaml:13:17: error [stun-silent]: region 900, node 900a, stunport: STUN is refused at 127.0.0.1:1/udp: nothing listens there"), "{out}");
    assert!(out.contains("let the relay answer STUN on 1/udp"), "{out}");
    let (_, out) = probed(&relay.dir, &format!("{}      canport80: true\n", relay.entry));
    assert!(out.contains("warning [port80-silent]: region 900, node 900a, canport80: "), "{out}");
    let nobody = own_port(0);
    let gone = relay.entry.replace("127.0.0.1", nobody.trim_end_matches(":0"));
    let (code, out) = probed(&relay.dir, &gone);
    assert_eq!(code, 1);
    assert!(out.contains("error [node-down]: region 900, node 900a, hostname: "), "{out}");
    assert!(out.contains(&format!("nothing listens on {derp}/tcp")), "{out}");
}

#[test]
fn nodes_of_a_region_are_meshed_or_not_as_packets_say() {
    let (one, other) = (Relay::start(&[]), Relay::start(&[]));
    let end = |relay: &Relay| (relay.addr(), relay.field("certname").to_owned());
    let ((here, pin), (there, other_pin)) = (end(&one), end(&other));
    let (code, out) = probed(&one.dir, &region(&[(&here, &pin), (&there, &other_pin)]));
    assert_eq!(code, 1);
    assert!(
        out.contains("error [not-meshed]: region 900, node 900b: a packet from a client of node 900a")
            && out.contains("give each a region of its own, one node in each"),
        "{out}"
    );
    assert!(!out.contains("must-be-meshed"), "{out}");
    // One relay under two names carries packets between them, as a mesh does.
    let second = own_port(8443);
    let both = Relay::start(&["--listen", &second]);
    let (first, pin) = end(&both);
    let (code, out) = probed(&both.dir, &region(&[(&first, &pin), (&second, &pin)]));
    assert_eq!((code, out.contains("mesh")), (0, false), "{out}");
    // Every pair is tried, not those of the first node alone.
    let (code, out) = probed(&both.dir, &region(&[(&first, &pin), (&second, &pin), (&here, &end(&one).1)]));
    assert_eq!((code, out.matches("[not-meshed]").count()), (1, 2), "{out}");
    for from in ["900a", "900b"] {
        assert!(out.contains(&format!("a client of node {from} did not reach one of node 900c")), "{out}");
    }
    // What could not be tried stays open.
    let (_, out) = probed(&both.dir, &region(&[(&first, &pin), (&second, &pin), (&own_port(8443), &pin)]));
    assert!(out.contains("[must-be-meshed]") && !out.contains("[not-meshed]"), "{out}");
}

#[test]
fn what_answers_is_nobodys_example() {
    let named = ["--hostname", "example.com", "--map-ipv4", "127.0.0.1", "--map-ipv6", "none"];
    let relay = Relay::start(&named);
    let (code, out) = probed(&relay.dir, &relay.entry);
    assert_eq!((code, out.contains("[example]")), (0, false), "{out}");
    let elsewhere = own_port(0).replace(":0", "");
    let (_, out) = probed(&relay.dir, &relay.entry.replace("\"127.0.0.1\"", &elsewhere));
    assert!(out.contains("note [example]: ") && out.contains("error [node-down]"), "{out}");
}

#[test]
fn a_relay_that_admits_nobody_unknown_is_no_fault_of_the_map() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("list");
    fs::write(&list, "").unwrap();
    let relay = Relay::start(&["--admit", &format!("list:{}", list.display())]);
    let (code, out) = probed(&relay.dir, &relay.entry);
    assert_eq!(code, 0, "{out}");
    assert!(
        out.contains("warning [not-asked]: region 900, node 900a: TLS and certificate are right, but whether it relays was not asked"),
        "{out}"
    );
}

#[test]
fn a_key_that_is_admitted_opens_a_relay_with_a_list_to_the_probe() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("list");
    let (code, key, _) = key_in(&dir, "one.key");
    assert_eq!(code, 0);
    fs::write(&list, key).unwrap();
    let relay = Relay::start(&["--admit", &format!("list:{}", list.display())]);
    fs::write(dir.path().join("map.yaml"), &relay.entry).unwrap();
    let (code, out, _) = map(&dir, &["check", "--probe", "--key", "one.key", "map.yaml"]);
    assert_eq!((code, out.contains("not-asked")), (0, false), "{out}");
    key_in(&dir, "other.key");
    let (code, out, _) = map(&dir, &["check", "--probe", "--key", "other.key", "map.yaml"]);
    assert_eq!((code, out.contains("warning [not-asked]")), (0, true), "{out}");
    let (code, _, err) = map(&dir, &["check", "--probe", "--key", "gone.key", "map.yaml"]);
    assert_eq!(code, 1);
    assert!(err.contains("gone.key"), "{err}");
}

/// Makes a node key in a file; its public key.
fn key_in(dir: &TempDir, name: &str) -> (i32, String, String) {
    let output = wherry(dir).args(["key", "new", "--out", name]).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_name_that_does_not_resolve_is_named_where_no_address_is_given() {
    let dir = tempfile::tempdir().unwrap();
    let entry = |fields: &str| {
        format!(
            "regions: {{900: {{regionid: 900, regioncode: a, regionname: A, nodes: [{{name: a, regionid: 900, \
             hostname: no.such.invalid{fields}}}]}}}}\n"
        )
    };
    for (fields, rule) in [("", "error [name-unresolved]"), (", ipv4: 203.0.113.7", "note [other-family]")] {
        fs::write(dir.path().join("map.yaml"), entry(fields)).unwrap();
        let (code, out, _) = map(&dir, &["check", "map.yaml"]);
        assert_eq!(code == 1, rule.starts_with("error"), "{out}");
        assert!(out.contains(rule) && out.contains("no.such.invalid does not resolve"), "{out}");
    }
}

#[test]
fn an_entry_cannot_be_asked_of_what_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let addr = own_port(8443);
    let (code, out, err) = map(&dir, &["entry", &addr]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("nothing listens"), "{err}");
    assert_eq!(err.matches(&addr).count(), 1, "{err}");
    let (code, _, err) = map(&dir, &["entry", &addr, "--dev"]);
    assert_eq!(code, 64);
    assert!(err.contains("not both"), "{err}");
    let (code, _, err) = map(&dir, &["entry", &format!("http://{addr}")]);
    assert_eq!(code, 64);
    assert!(err.contains("plain HTTP"), "{err}");
}

#[test]
fn an_entry_is_asked_neither_of_a_file_nor_under_another_path() {
    let relay = Relay::start(&[]);
    fs::write(relay.dir.path().join("derp.yaml"), &relay.entry).unwrap();
    let under = format!("{}/derpmap.json", relay.addr());
    for (words, why) in [
        ("derp.yaml", "derp.yaml is a file"),
        (&*under, "under /derp alone"),
        (&format!("https://{under}"), "under /derp alone"),
    ] {
        let (code, out, err) = map(&relay.dir, &["entry", words]);
        assert_eq!((code, out.as_str()), (64, ""), "{err}");
        assert!(err.contains(why) && err.contains("host:port"), "{err}");
    }
    let (code, out, err) = map(&relay.dir, &["entry", &format!("https://{}/derp", relay.addr())]);
    assert_eq!((code, out.as_str()), (0, relay.entry.as_str()), "{err}");
}
