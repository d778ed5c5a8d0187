//! `wherry ping` against `wherry derper`, both as a user starts them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test code")]

#[path = "subject/relay.rs"]
mod relay;

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output};

use relay::{Relay, own_address};
use serde_json::Value;
use wherry_client::NodePrivate;
use wherry_server::clock::Clock;

fn ping(args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_wherry")).arg("ping").args(args).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn json(args: &[&str]) -> (Option<i32>, Value) {
    let (code, stdout, _) = ping(&[args, &["--json"]].concat());
    (code, serde_json::from_str(&stdout).unwrap_or_else(|err| panic!("{err}: {stdout}")))
}

fn steps(report: &Value) -> Vec<(String, bool)> {
    let steps = report["relays"][0]["steps"].as_array().unwrap();
    let step = |step: &Value| (step["step"].as_str().unwrap().to_owned(), step["problem"].is_null());
    steps.iter().map(step).collect()
}

#[test]
fn a_good_relay_passes_every_step_in_every_form_of_the_question() {
    let relay = Relay::start();
    let (addr, pin) = (relay.addr.to_string(), relay.pin());
    let node = format!(
        r#"{{"Name":"900a","HostName":"{}","DERPPort":{},"CertName":"{pin}"}}"#,
        relay.addr.ip(),
        relay.addr.port()
    );
    let file = relay.dir.path().join("entry.json");
    std::fs::write(&file, &node).unwrap();
    let url = format!("https://{addr}/derp");
    let asks: [&[&str]; 5] = [
        &[&addr, "--pin", &pin],
        &[&url, "--insecure", "--websocket"],
        &[&node],
        &[file.to_str().unwrap()],
        &[&node, "--key", "key"],
    ];
    let key = relay.dir.path().join("key");
    for ask in asks {
        let ask: Vec<_> =
            ask.iter().map(|word| if *word == "key" { key.to_str().unwrap() } else { word }).collect();
        let (code, report) = json(&[&ask[..], &["-c", "2"]].concat());
        assert_eq!((code, report["healthy"].as_bool()), (Some(0), Some(true)), "{ask:?}: {report}");
        let names: Vec<_> = steps(&report).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["tcp", "tls", "handshake", "relay", "stun"], "{ask:?}");
        assert_eq!(report["relays"][0]["tls"]["pin"], pin.as_str());
        assert_eq!(report["relays"][0]["steps"][3]["worked"], 2);
    }
    let (code, stdout, stderr) = ping(&[&node, "-c", "1"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(stdout.contains("\nthe relay's key  nodekey:") && stdout.contains("\nhealthy\n"), "{stdout}");
}

#[test]
fn a_certificate_nobody_vouches_for_fails_at_tls_and_its_pin_is_named() {
    let relay = Relay::start();
    let (code, stdout, stderr) = ping(&[&relay.addr.to_string()]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stdout.contains("NOT HEALTHY") && stdout.contains("failed"), "{stdout}");
    assert!(stderr.contains(&relay.pin()) && stderr.contains("CertName"), "{stderr}");
    let other = format!("sha256-raw:{}", "0a".repeat(32));
    let (code, report) = json(&[&relay.addr.to_string(), "--pin", &other]);
    assert_eq!(code, Some(1));
    assert_eq!(steps(&report), [("tcp".into(), true), ("tls".into(), false), ("stun".into(), true)]);
}

#[test]
fn closed_admission_is_told_apart_from_a_broken_relay() {
    let key = NodePrivate::generate(Clock::start().random().unwrap());
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("nodes"), format!("{}\n", key.public())).unwrap();
    let file = dir.path().join("admitted");
    std::fs::write(&file, key.to_text().as_bytes()).unwrap();
    let relay = Relay::start_in(dir, &[("WHERRY_ADMIT", "list:nodes")]);
    let addr = relay.addr.to_string();
    let (code, stdout, stderr) = ping(&[&addr, "--insecure", "-c", "1"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    assert!(stdout.contains("\nhealthy, as far as a stranger may see: admission is closed"), "{stdout}");
    assert!(stdout.contains("closed\n") && stdout.contains("--key FILE"), "{stdout}");
    let (code, report) = json(&[&addr, "--insecure", "-c", "1"]);
    assert_eq!((code, &report["relays"][0]["closed"]), (Some(0), &true.into()), "{report}");
    let (code, stdout, stderr) = ping(&[&addr, "--insecure", "-c", "2", "--key", file.to_str().unwrap()]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(stdout.contains("\nhealthy\n"), "{stdout}");
    assert!(stdout.contains(&format!("\nasked as         {}\n", key.public())), "{stdout}");
}

/// A balancer before two relays: every third connection goes to `other`.
fn balancer(relay: SocketAddr, other: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind((own_address(), 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for (number, near) in listener.incoming().enumerate() {
            let far = TcpStream::connect(if number % 3 == 2 { other } else { relay }).unwrap();
            let near = near.unwrap();
            for (mut from, mut to) in [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)] {
                std::thread::spawn(move || {
                    // Either end may be gone.
                    drop(std::io::copy(&mut from, &mut to));
                    drop(to.shutdown(Shutdown::Write));
                });
            }
        }
    });
    addr
}

#[test]
fn a_relay_that_is_closed_now_and_then_is_neither_closed_nor_healthy() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("nodes"), "# nobody\n").unwrap();
    let (open, closed) = (Relay::start(), Relay::start_in(dir, &[("WHERRY_ADMIT", "list:nodes")]));
    let addr = balancer(open.addr, closed.addr).to_string();
    let (code, report) = json(&[&addr, "--insecure", "--stun-port", "off", "-c", "5"]);
    assert_eq!((code, &report["relays"][0]["closed"]), (Some(1), &false.into()), "{report}");
    let steps = report["relays"][0]["steps"].as_array().unwrap();
    let handshake = steps.iter().find(|step| step["step"] == "handshake").unwrap();
    assert!(handshake["worked"].as_u64().unwrap() > 0, "{report}");
    assert!(handshake["problem"]["remedy"].as_str().unwrap().contains("admission"), "{report}");
}

#[test]
fn a_port_nobody_listens_on_fails_at_tcp() {
    let nobody = SocketAddr::new(own_address().into(), 8443).to_string();
    let (code, report) = json(&[&nobody, "--stun-port", "off"]);
    assert_eq!((code, steps(&report)), (Some(1), vec![("tcp".into(), false)]));
    let remedy = report["relays"][0]["steps"][0]["problem"]["remedy"].as_str().unwrap();
    assert!(remedy.contains("nothing listens on 8443/tcp"), "{remedy}");
}

#[test]
fn a_relay_without_stun_is_healthy_where_nobody_said_that_it_has_any() {
    let relay = Relay::start_with(tempfile::tempdir().unwrap(), &[], &["-stun=false"]);
    let addr = relay.addr.to_string();
    let (code, stdout, stderr) = ping(&[&addr, "--insecure", "-c", "1", "--timeout", "300ms"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    let note =
        format!("note: nothing listens for STUN on {}:3478/udp, where most relays have it", relay.addr.ip());
    assert!(stdout.contains(&note) && stdout.contains("no answer\n"), "{stdout}");
    let (code, _, stderr) =
        ping(&[&addr, "--insecure", "-c", "1", "--timeout", "300ms", "--stun-port", "3478"]);
    assert_eq!(code, Some(1), "a port that was named must answer");
    assert!(stderr.contains(":3478/udp") && stderr.contains("let the relay answer STUN there"), "{stderr}");
}

#[test]
fn stun_is_asked_at_the_port_that_the_relays_own_map_names() {
    let serves = [("WHERRY_MAP_SERVE", "true")];
    let relay = Relay::start_with(tempfile::tempdir().unwrap(), &serves, &["-stun-port", "3479"]);
    let (code, report) = json(&[&relay.addr.to_string(), "--pin", &relay.pin(), "-c", "1"]);
    let stun = &report["relays"][0]["steps"][4];
    assert_eq!((code, &stun["step"], &stun["worked"]), (Some(0), &"stun".into(), &1.into()), "{report}");
}

#[test]
fn stun_without_an_answer_has_its_reason_below_the_table() {
    let nobody = SocketAddr::new(own_address().into(), 8443);
    let (code, stdout, _) = ping(&[&nobody.to_string(), "--stun-port", "3478"]);
    let note = format!("note: nothing listens for STUN on {}:3478/udp; a relay that cannot", nobody.ip());
    assert!(code == Some(1) && stdout.contains(&note), "{stdout}");
    let (code, stdout, _) = ping(&["nobody.invalid"]);
    assert!(code == Some(1) && stdout.contains("note: STUN was not asked: its server has no"), "{stdout}");
}

#[test]
fn what_only_follows_from_a_problem_is_not_told_as_another() {
    let nobody = SocketAddr::new(own_address().into(), 8443).to_string();
    let (code, _, stderr) = ping(&[&nobody, "--stun-port", "3478"]);
    assert_eq!((code, stderr.lines().filter(|line| !line.is_empty()).count()), (Some(1), 1), "{stderr}");
}

#[test]
fn wrong_questions_are_64_wrong_maps_78_and_say_so_on_stderr() {
    let asks: [(&[&str], i32); 9] = [
        (&[], 64),
        (&["wss://relay.example"], 64),
        (&["relay.example", "--pin", "sha256-raw:0a"], 64),
        (&["relay.example", "--timeout", "5"], 64),
        (&["{}"], 78),
        (&["{oops"], 78),
        (&[r#"{"HostName":"relay.example","CertName":"sha256-raw:0a"}"#], 78),
        (&["relay.example", "--key", "/nonexistent"], 1),
        (&["/nonexistent/derp.yaml"], 1),
    ];
    for (ask, expected) in asks {
        let (code, stdout, stderr) = ping(ask);
        assert_eq!((code, stdout.as_str()), (Some(expected), ""), "{ask:?}");
        assert!(!stderr.is_empty(), "{ask:?}");
    }
}

fn log(relay: &Relay) -> String {
    std::fs::read_to_string(relay.dir.path().join("log")).unwrap()
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "what the relay writes when it hears of it offers nothing to wait for"
)]
fn a_client_whose_pin_is_old_shows_once_in_the_relays_log() {
    let relay = Relay::start();
    let old = format!("sha256-raw:{}", "0a".repeat(32));
    for _ in 0..2 {
        assert_eq!(ping(&[&relay.addr.to_string(), "--pin", &old]).0, Some(1));
    }
    let start = std::time::Instant::now();
    while !log(&relay).contains("a client refuses the certificate") {
        assert!(start.elapsed() < std::time::Duration::from_secs(60), "{}", log(&relay));
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let log = log(&relay);
    let lines: Vec<_> = log.lines().filter(|line| line.contains("refuses the certificate")).collect();
    let [line] = lines.as_slice() else { panic!("{log}") };
    assert!(line.contains("addr=127.") && line.contains("alert=\"CertificateUnknown\""), "{line}");
}

#[test]
fn a_stranger_that_comes_again_is_told_once_in_the_relays_log() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("nodes"), "").unwrap();
    let relay = Relay::start_in(dir, &[("WHERRY_ADMIT", "list:nodes")]);
    let file = relay.dir.path().join("one.key");
    let mut make = Command::new(env!("CARGO_BIN_EXE_wherry"));
    let key = make.args(["key", "new", "--out"]).arg(&file).output().unwrap().stdout;
    let key = String::from_utf8(key).unwrap();
    for _ in 0..3 {
        let (code, _, stderr) =
            ping(&[&relay.addr.to_string(), "--pin", &relay.pin(), "--key", file.to_str().unwrap()]);
        assert!(code == Some(1) && stderr.contains("not admitted"), "{stderr}");
    }
    let log = log(&relay);
    let is_its = |line: &&str| line.contains("not admitted") && line.contains(key.trim());
    assert_eq!(log.lines().filter(is_its).count(), 1, "{log}");
}
