//! `wherry map` where it asks the network: maps by URL, relays that run.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use wherry_server::clock::Clock;

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
        let dir = tempfile::tempdir().unwrap();
        let mut command = wherry(&dir);
        command.args(["serve", "--dev", "--state", "state", "--admin", "off"]);
        command.args(["--listen", "127.0.0.1:0", "--stun", "127.0.0.1:0"]);
        let mut child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
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
        assert_eq!(out, format!("{url}{path}: 1 region, 1 node: nothing wrong\n"));
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
    assert_eq!(code, 1);
    assert!(
        out.starts_with(&format!("{url}/page:1:1: error [web-page]: the URL answers with a web page;")),
        "{out}"
    );
    let (code, out, _) = said("/gone");
    assert_eq!(code, 1);
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
    assert_eq!(code, 1);
    assert!(out.contains("there were too many before it"), "{out}");
    assert!(out.contains("it is longer than 4194304 bytes"), "{out}");
}

#[test]
fn the_entry_of_a_running_relay_is_the_one_it_prints() {
    let relay = Relay::start(&[]);
    let (code, out, err) = map(&relay.dir, &["entry", &relay.addr(), "--stun-port", relay.field("stunport")]);
    assert_eq!((code, out.as_str()), (0, relay.entry.as_str()), "{err}");
    assert!(err.contains("so it is pinned"), "{err}");
}

#[test]
fn stun_that_does_not_answer_is_not_in_the_entry() {
    let relay = Relay::start(&[]);
    let (code, out, err) = map(&relay.dir, &["entry", &relay.addr(), "--stun-port", "1"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("stunport: -1"), "{out}");
    assert!(err.contains("no answer to STUN on 1/udp"), "{err}");
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
fn the_relay_serves_the_map_that_it_prints_with_others_beside_it() {
    let [a, b, c] = Clock::start().random().unwrap();
    let addr = format!("{}:8080", Ipv4Addr::new(127, 1 + a % 254, b, 1 + c % 254));
    let maps = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/maps");
    let include = format!("{maps}/region-id-foreign.yaml");
    let relay = Relay::start(&["--listen", &format!("plain:{addr}"), "--map-include", &include]);
    let url = format!("http://{addr}/derpmap.json");
    let (code, out, err) = map(&relay.dir, &["merge", &url, "--without", "42"]);
    assert_eq!((code, out.as_str(), err.as_str()), (0, relay.entry.as_str(), ""));
    let (code, out, _) = map(&relay.dir, &["check", "--offline", &url]);
    assert_eq!(code, 0);
    assert!(out.ends_with(&format!("{url}: 2 regions, 2 nodes: 1 warning, 1 note\n")), "{out}");
}

#[test]
fn an_entry_cannot_be_asked_of_what_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    drop(taken);
    let (code, out, err) = map(&dir, &["entry", &addr]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("nothing listens"), "{err}");
    let (code, _, err) = map(&dir, &["entry", &addr, "--dev"]);
    assert_eq!(code, 64);
    assert!(err.contains("not both"), "{err}");
    let (code, _, err) = map(&dir, &["entry", &format!("http://{addr}")]);
    assert_eq!(code, 64);
    assert!(err.contains("plain HTTP"), "{err}");
}
