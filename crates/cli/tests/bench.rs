//! `wherry bench` against `wherry derper`, both as a user starts them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test code")]

#[path = "subject/address.rs"]
mod address;

use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use address::own_address;

/// A relay on a loopback address of its own; it ends with this value.
struct Relay {
    child: Child,
    addr: SocketAddr,
    dir: TempDir,
}

impl Relay {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let addr = SocketAddr::new(own_address().into(), 8443);
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        let host = addr.ip().to_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_wherry"));
        command.args(["derper", "-a", &addr.to_string(), "-hostname", &host, "-certdir", ".", "-c", "key"]);
        command.args(["-certmode", "manual", "-http-port", "-1", "-stun-port", "3478"]);
        command.current_dir(dir.path()).env_clear().env("HOME", dir.path());
        let child =
            command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let mut relay = Self { child, addr, dir };
        relay.wait_for(|relay| TcpStream::connect(relay.addr).is_ok());
        relay
    }

    #[expect(clippy::disallowed_methods, reason = "another process tells nobody when it has got there")]
    fn wait_for(&mut self, arrived: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !arrived(self) {
            let log = || std::fs::read_to_string(self.dir.path().join("log")).unwrap();
            assert!(self.child.try_wait().unwrap().is_none(), "it ended:\n{}", log());
            assert!(start.elapsed() < Duration::from_secs(60), "it does not get there:\n{}", log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// How many clients are connected to it.
    fn clients(&self) -> usize {
        let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let SocketAddr::V4(addr) = self.addr else { panic!("an IPv4 address") };
        let own = format!("{:08X}:{:04X}", u32::from_ne_bytes(addr.ip().octets()), addr.port());
        let is_own = |line: &&str| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            fields.get(1) == Some(&own.as_str()) && fields.get(3) == Some(&"01")
        };
        sockets.lines().filter(is_own).count()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        self.child.wait().unwrap();
    }
}

fn bench(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wherry"));
    command.arg("bench").args(args).env_clear();
    command
}

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// The report of a run; whether it is a result is the machine's business, that it says so is ours.
fn report(output: &Output) -> Value {
    let (code, stdout, stderr) = said(output);
    let report: Value =
        serde_json::from_str(&stdout).unwrap_or_else(|err| panic!("{err}: {code:?} {stdout} {stderr}"));
    let reasons = report["reasons"].as_array().unwrap();
    let valid = report["valid"].as_bool().unwrap();
    assert_eq!(valid, reasons.is_empty(), "{report}");
    assert_eq!(code, Some(if valid { 0 } else { 75 }), "{stderr}");
    assert_eq!(stderr.matches("not a result").count(), reasons.len(), "{stderr}");
    report
}

fn run(relay: &Relay, scenario: &str, flags: &[&str]) -> Value {
    let addr = relay.addr.to_string();
    let report =
        report(&bench(&[&[scenario, &addr, "--insecure", "--json"], flags].concat()).output().unwrap());
    assert_eq!(report["scenario"], scenario);
    assert_eq!(report["server"]["pid"], relay.child.id(), "the relay's process is found by its socket");
    assert_eq!(report["generator"]["cut_off"], 0, "the relay keeps its clients");
    for stream in report["streams"].as_array().unwrap() {
        let count = |name: &str| stream[name].as_u64().unwrap();
        assert_eq!(count("offered"), count("received") + count("lost"), "{stream}");
        assert!(count("held_back") <= count("lost"), "{stream}");
        if !stream["latency"].is_null() {
            let points = stream["latency"]["points"].as_array().unwrap();
            let total: u64 = points.iter().map(|point| point["count"].as_u64().unwrap()).sum();
            assert_eq!(total, count("received"), "each packet is in the distribution once");
        }
    }
    report
}

fn figure(report: &Value, name: &str) -> f64 {
    let figures = report["figures"].as_array().unwrap();
    let found = figures.iter().find(|figure| figure["name"] == name);
    found.and_then(|figure| figure["value"].as_f64()).unwrap_or_else(|| panic!("no {name}: {figures:?}"))
}

const SHORT: [&str; 4] = ["--duration", "300ms", "--warm-up", "100ms"];

#[test]
fn open_loops_offer_what_the_clock_says_and_lose_nothing_at_a_low_rate() {
    let relay = Relay::start();
    for flags in [&["--pairs", "2"][..], &["--burst", "20"], &["--pattern", "all-to-all", "--clients", "5"]] {
        let rate = run(&relay, "rate", &[&SHORT[..], &["--rate", "1k"], flags].concat());
        assert_eq!(rate["streams"][0]["offered"], 300, "{flags:?}");
        assert_eq!(figure(&rate, "loss"), 0.0, "{flags:?}");
        assert!(figure(&rate, "p50_us") > 0.0);
    }
}

#[test]
fn closed_loops_go_round_on_several_threads_beside_idle_clients() {
    let relay = Relay::start();
    let flags = ["--pairs", "3", "--threads", "2", "--in-flight", "8", "--idle-beside", "20"];
    let peak = run(&relay, "peak", &[&SHORT[..], &flags].concat());
    assert!(figure(&peak, "packets_per_second") > 100.0 && figure(&peak, "packets_per_cpu_second") > 100.0);
    assert_eq!(figure(&peak, "loss"), 0.0);
    let hot = run(&relay, "peak", &[&SHORT[..], &["--pattern", "one-hot", "--clients", "10"]].concat());
    assert!(figure(&hot, "packets_per_second") > 100.0);
}

#[test]
fn a_ladder_tells_each_step_in_ascending_order() {
    let relay = Relay::start();
    let flags = ["--pairs", "2", "--rate", "500", "--duration", "100ms", "--warm-up", "50ms"];
    let ladder = run(&relay, "ladder", &flags);
    let rates = ladder["rates"].as_array().unwrap();
    let offered: Vec<f64> = rates.iter().map(|rate| rate["offered_per_second"].as_f64().unwrap()).collect();
    assert!(offered.is_sorted() && !offered.is_empty(), "{offered:?}");
    assert!(figure(&ladder, "peak_per_second") > 100.0);
}

#[test]
fn slow_receivers_are_flooded_and_the_others_looked_at() {
    let relay = Relay::start();
    let flags = ["--rate", "20k", "--takes", "20M", "--receive-buffer", "64KiB"];
    for (scenario, probe) in [("lanes", "discovery"), ("fair", "ordinary")] {
        let flood = run(&relay, scenario, &[&SHORT[..], &flags, &["--probe-rate", "100"]].concat());
        assert_eq!(flood["streams"][1]["name"], probe);
        assert_eq!(flood["streams"][1]["offered"], 30);
        assert!(flood["streams"][0]["lost"].as_u64().unwrap() > 0, "it cannot take 20,000/s");
        let share = figure(&flood, "taken_share");
        assert!(share > 0.5 && share < 1.4, "the receiver takes what it is told: {share}");
    }
    let slow = run(&relay, "slow", &[&SHORT[..], &["--rate", "1k", "--clients", "3"]].concat());
    assert_eq!((&slow["streams"][1]["name"], &slow["streams"][1]["received"]), (&"frozen".into(), &0.into()));
    assert_eq!(figure(&slow, "good_loss"), 0.0);
}

#[test]
fn clients_come_and_go_and_stay_and_ask() {
    let relay = Relay::start();
    let churn = run(&relay, "churn", &[&SHORT[..], &["--connect-rate", "50"]].concat());
    assert!(figure(&churn, "sessions_per_second") > 5.0);
    assert_eq!(churn["streams"][0]["offered"], 300);
    let connect = run(&relay, "connect", &[&SHORT[..], &["--diallers", "2"]].concat());
    assert!(figure(&connect, "sessions_per_cpu_second") > 1.0);
    assert_eq!(figure(&connect, "failures"), 0.0);
    let idle = run(&relay, "idle", &["--clients", "150", "--duration", "100ms"]);
    assert_eq!((figure(&idle, "clients"), idle["memory"][0]["clients"].as_u64()), (150.0, Some(100)));
    assert!(figure(&idle, "bytes_all") > 1e6);
    let stun = run(&relay, "stun", &SHORT);
    assert!(figure(&stun, "answers_per_second") > 100.0);
}

#[test]
fn an_interrupt_ends_it_with_what_there_is() {
    let mut relay = Relay::start();
    let addr = relay.addr.to_string();
    let mut command = bench(&["rate", &addr, "--insecure", "--pairs", "1", "--duration", "1h", "--json"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    relay.wait_for(|relay| relay.clients() == 2);
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let report = report(&child.wait_with_output().unwrap());
    assert_eq!(report["interrupted"], true);
}

#[test]
fn a_table_is_for_people_and_says_whether_it_is_a_result() {
    let relay = Relay::start();
    let addr = relay.addr.to_string();
    let flags =
        [&["rate", addr.as_str(), "--insecure", "--rate", "500", "--pairs", "1"], &SHORT[..]].concat();
    let (code, stdout, stderr) = said(&bench(&flags).output().unwrap());
    assert!(stdout.contains("latency p99") && stdout.contains("arrived"), "{stdout}");
    assert_eq!(stdout.contains("NOT A RESULT"), code == Some(75), "{stdout}{stderr}");
}

#[test]
fn wrong_questions_are_64_and_say_what_is_allowed() {
    let asks: [(&[&str], &str); 11] = [
        (&["peek", "127.0.0.1"], "did you mean peak?"),
        (&["rate", "203.0.113.7:1"], "--i-may-load-this-relay"),
        (&["rate", "127.0.0.1", "--rate", "fast"], "e.g. 20000 or 20k"),
        (&["rate", "127.0.0.1", "--size", "20"], "from 32 to 65536"),
        (&["rate", "127.0.0.1", "--in-flight", "3"], "--in-flight has no effect on rate"),
        (
            &["idle", "127.0.0.1", "--clients", "5"],
            "101 clients at least: what start-up costs is in the first 100",
        ),
        (&["rate", "127.0.0.1", "--rat", "5"], "unknown flag --rat; did you mean --rate?"),
        (&["rate", "127.0.0.1", "--duration", "5"], "with its unit"),
        (&["rate", "wss://127.0.0.1"], "https://"),
        (&["rate", "127.0.0.1", "127.0.0.2"], "about one relay, and 2 are named"),
        (&["mesh", "127.0.0.1"], "about 2 relays, and one is named"),
    ];
    for (ask, expected) in asks {
        let (code, stdout, stderr) = said(&bench(ask).output().unwrap());
        assert_eq!((code, stdout.as_str()), (Some(64), ""), "{ask:?} {stderr}");
        assert!(stderr.contains(expected), "{ask:?} {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{ask:?} {stderr}");
    }
}

#[test]
fn a_relay_that_cannot_be_loaded_is_told_with_what_to_do() {
    let relay = Relay::start();
    let addr = relay.addr.to_string();
    let nobody = format!("{}:9", relay.addr.ip());
    for (ask, expected) in [
        (
            addr.as_str(),
            "no authority that this host trusts has issued it; if the certificate is self-signed, give its --pin",
        ),
        (&format!("http://{addr}"), "leave out http://"),
        (&nobody, "nothing listens on 9/tcp there"),
    ] {
        let (code, stdout, stderr) = said(&bench(&["rate", ask]).output().unwrap());
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
        let (code, stdout, _) = said(&bench(&["rate", ask, "--json"]).output().unwrap());
        let answer: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!((code, &answer["valid"], &answer["scenario"]), (Some(1), &false.into(), &"rate".into()));
        assert_eq!(format!("wherry: {}\n", answer["error"].as_str().unwrap()), stderr);
    }
}

#[test]
fn stun_without_an_answer_is_told_with_its_address_and_the_flag_for_another() {
    let relay = Relay::start();
    let silent = UdpSocket::bind((relay.addr.ip(), 0)).unwrap();
    let (addr, at) = (relay.addr.to_string(), silent.local_addr().unwrap());
    let port = at.port().to_string();
    for (stun, expected) in [
        ("9", format!("nothing listens for STUN on {}:9/udp", relay.addr.ip())),
        (&port, format!("no STUN answer from {at}/udp")),
        ("off", format!("the relay at {addr} is said to have no STUN")),
    ] {
        let ask = ["stun", &addr, "--insecure", "--warm-up", "100ms", "--stun-port", stun];
        let (code, stdout, stderr) = said(&bench(&ask).output().unwrap());
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
        assert!(stderr.contains(&expected) && stderr.contains("--stun-port PORT"), "{stderr}");
    }
}

/// What a page would have to hold to load something, or to run something.
const LOADS: [&str; 11] = [
    "//",
    "<script",
    "<link",
    "<img",
    "<iframe",
    "<object",
    "@import",
    "url(",
    " src=",
    " href=",
    "javascript:",
];

#[test]
fn a_report_is_one_page_that_has_everything_and_loads_nothing() {
    let relay = Relay::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.html");
    let path = file.to_str().unwrap();
    std::fs::write(&file, "an old page").unwrap();
    let ladder = ["--pairs", "1", "--rate", "500", "--duration", "100ms", "--warm-up", "50ms"];
    let idle = ["--clients", "120", "--duration", "100ms"];
    for (scenario, flags, plots) in [("ladder", &ladder[..], 4), ("idle", &idle[..], 1)] {
        let report = run(&relay, scenario, &[flags, &["--report", path]].concat());
        let page = std::fs::read_to_string(&file).unwrap();
        for found in LOADS {
            assert!(!page.contains(found), "{found} in {page}");
        }
        assert!(page.contains("default-src 'none'"), "nothing may be loaded: {page}");
        assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"), "{page}");
        assert_eq!([page.matches("<html").count(), page.matches("<svg").count()], [1, plots], "{page}");
        let verdict = if report["valid"] == true { "<h2>A result</h2>" } else { "<h2>Not a result</h2>" };
        assert!(page.contains(verdict), "{page}");
        let figures = report["figures"].as_array().unwrap().iter().map(|figure| &figure["label"]);
        let settings = report["settings"].as_array().unwrap().iter().map(|setting| &setting["name"]);
        let said = figures.chain(settings).chain([&report["address"]]).map(|text| text.as_str().unwrap());
        for text in said {
            let text = text.replace('<', "&lt;");
            assert!(page.contains(&text), "no {text} in {page}");
        }
    }
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["page.html"], "nothing else is left");
}

#[test]
fn relays_between_which_nothing_crosses_are_told_instead_of_a_result() {
    let (near, far) = (Relay::start(), Relay::start());
    let (near, far) = (near.addr.to_string(), far.addr.to_string());
    let ask =
        |relays: [&str; 2]| said(&bench(&["mesh", relays[0], relays[1], "--insecure"]).output().unwrap());
    let (code, stdout, stderr) = ask([&near, &far]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
    assert!(stderr.contains(&format!("0 of 10 pairs cross from {near} to {far}")), "{stderr}");
    let (code, _, stderr) = ask([&near, &near]);
    assert_eq!(code, Some(64), "{stderr}");
    assert!(stderr.contains("are the same relay"), "{stderr}");
}

#[test]
fn a_process_or_a_limit_that_is_not_there_is_told_before_anything_is_loaded() {
    let relay = Relay::start();
    let addr = relay.addr.to_string();
    let (code, _, stderr) =
        said(&bench(&["rate", &addr, "--insecure", "--server-pid", "4194305"]).output().unwrap());
    assert_eq!(code, Some(64), "{stderr}");
    assert!(stderr.contains("--server-pid 4194305: there is no such process"), "{stderr}");
    let own = std::process::id().to_string();
    let (code, _, stderr) =
        said(&bench(&["rate", &addr, "--insecure", "--server-pid", &own]).output().unwrap());
    assert_eq!(code, Some(64), "{stderr}");
    let other = format!("does not listen on port 8443; process {} does", relay.child.id());
    assert!(stderr.contains(&format!("--server-pid {own}: ")) && stderr.contains(&other), "{stderr}");
    let limited =
        format!("ulimit -n 200; exec {} bench idle {addr} --insecure", env!("CARGO_BIN_EXE_wherry"));
    let (code, _, stderr) = said(&Command::new("sh").args(["-c", &limited]).output().unwrap());
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("`ulimit -n 5064`") && stderr.contains("allows this process 200"), "{stderr}");
}
