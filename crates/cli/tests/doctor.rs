//! `wherry doctor` against relays with faults, each made for real.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test code")]

#[path = "doctor/chain.rs"]
mod chain;
#[path = "doctor/families.rs"]
mod families;
#[path = "doctor/host.rs"]
mod host;
#[path = "doctor/maps.rs"]
mod maps;
#[path = "doctor/proxies.rs"]
mod proxies;
#[path = "subject/relay.rs"]
mod relay;

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use relay::{Relay, own_address};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use serde_json::{Value, json};
use tempfile::TempDir;
use wherry_client::NodePrivate;
use wherry_server::clock::Clock;
use wherry_wire::stun::{MAX_RESPONSE_LEN, parse_request, response};

fn doctor(args: &[&str]) -> (Option<i32>, String, String) {
    outcome(Command::new(env!("CARGO_BIN_EXE_wherry")).arg("doctor").args(args))
}

fn outcome(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn json(args: &[&str]) -> (Option<i32>, Value) {
    let (code, stdout, stderr) = doctor(&[args, &["--json"]].concat());
    (code, serde_json::from_str(&stdout).unwrap_or_else(|err| panic!("{err}: {stdout}{stderr}")))
}

/// The faults of the first relay.
fn faults(report: &Value) -> Vec<[String; 4]> {
    among(&report["relays"][0]["findings"])
}

/// The faults among findings: mark, part, what was found, what to do.
fn among(findings: &Value) -> Vec<[String; 4]> {
    let findings = findings.as_array().unwrap();
    let is_fault = |finding: &&Value| finding["mark"] == "warning" || finding["mark"] == "error";
    let fields = ["mark", "part", "found", "remedy"];
    findings
        .iter()
        .filter(is_fault)
        .map(|one| fields.map(|field| one[field].as_str().unwrap().to_owned()))
        .collect()
}

/// Asks and expects one fault and exit code 1.
fn fault(args: &[&str], mark: &str, part: &str, words: [&str; 2]) -> Value {
    let (code, report) = json(args);
    let found = faults(&report);
    let [one] = &found[..] else { panic!("{found:?}: {report}") };
    assert_eq!((code, one[0].as_str(), one[1].as_str()), (Some(1), mark, part), "{report}");
    assert!(one[2].contains(words[0]) && one[3].contains(words[1]), "{one:?}");
    report
}

/// A relay that admits the node of the key file, and nobody else.
fn guarded() -> (Relay, String) {
    let dir = tempfile::tempdir().unwrap();
    let [file, _] = list(dir.path());
    (Relay::start_in(dir, &[("WHERRY_ADMIT", "list:nodes")]), file)
}

/// A list `nodes` of two nodes, and the files with their keys.
fn list(dir: &Path) -> [String; 2] {
    let keys = [0, 1].map(|_| NodePrivate::generate(Clock::start().random().unwrap()));
    let lines = keys.each_ref().map(|key| format!("{}\n", key.public()));
    std::fs::write(dir.join("nodes"), lines.concat()).unwrap();
    [("one", &keys[0]), ("other", &keys[1])].map(|(name, key)| {
        let file = dir.join(name);
        std::fs::write(&file, key.to_text().as_bytes()).unwrap();
        file.to_str().unwrap().to_owned()
    })
}

/// A relay whose certificate is for `name`, `life` days long, and began so many days ago.
fn with_certificate(name: &str, before: u32, life: u32) -> Relay {
    let dir = tempfile::tempdir().unwrap();
    let addr = SocketAddr::new(own_address().into(), 8443);
    write_certificate(dir.path(), &addr.ip().to_string(), name, before, life);
    Relay::start_at(addr, dir, &[], &["-stun-port", "3478"])
}

#[expect(clippy::disallowed_methods, reason = "a certificate's dates are those of the day")]
fn write_certificate(dir: &Path, file: &str, name: &str, before: u32, life: u32) {
    let day = Duration::from_hours(24);
    let name = if name.is_empty() { file } else { name };
    let mut params = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
    params.not_before = (SystemTime::now() - day * before).into();
    params.not_after = (SystemTime::now() - day * before + day * life).into();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    std::fs::write(dir.join(format!("{file}.crt")), certificate.pem()).unwrap();
    std::fs::write(dir.join(format!("{file}.key")), key.serialize_pem()).unwrap();
}

/// A server that does with each connection what it is told to; it ends with the process.
fn server(serve: impl Fn(TcpStream) + Send + 'static) -> String {
    server_at(own_address().into(), serve)
}

fn server_at(ip: IpAddr, serve: impl Fn(TcpStream) + Send + 'static) -> String {
    serve_on(TcpListener::bind((ip, 0)).unwrap(), serve).to_string()
}

fn serve_on(listener: TcpListener, serve: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().for_each(|stream| serve(stream.unwrap())));
    addr
}

/// Passes bytes on between two sides until one of them hangs up.
fn pass(one: TcpStream, other: TcpStream) {
    let (mut from, mut to) = (one.try_clone().unwrap(), other.try_clone().unwrap());
    let there = std::thread::spawn(move || {
        drop(std::io::copy(&mut from, &mut to));
        drop(to.shutdown(Shutdown::Write));
    });
    let (mut from, mut to) = (other, one);
    drop(std::io::copy(&mut from, &mut to));
    drop(to.shutdown(Shutdown::Write));
    there.join().unwrap();
}

/// A server that shakes hands by TLS with the certificate of the folder, and does no more.
fn tls_server(listener: TcpListener, ip: &str, dir: &Path) -> SocketAddr {
    dated_tls_server(listener, ip, dir, "")
}

/// The same, which answers a request with this date, if any.
fn dated_tls_server(listener: TcpListener, ip: &str, dir: &Path, date: &'static str) -> SocketAddr {
    let read = |ending| std::fs::read(dir.join(format!("{ip}.{ending}"))).unwrap();
    let certificate = CertificateDer::from_pem_slice(&read("crt")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(&read("key")).unwrap();
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let config = Arc::new(config);
    serve_on(listener, move |mut stream| {
        let mut session = ServerConnection::new(Arc::clone(&config)).unwrap();
        // The client hangs up where it refuses the certificate.
        drop(session.complete_io(&mut stream));
        let mut tls = rustls::Stream::new(&mut session, &mut stream);
        if !date.is_empty() && tls.read(&mut [0; 4096]).is_ok_and(|len| len > 0) {
            let head = format!("HTTP/1.1 404 Not Found\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n");
            drop(tls.write_all(head.as_bytes()));
        }
    })
}

/// A STUN server that sees `seen` wherever it is asked from; it ends with the process.
fn stun_that_sees(at: IpAddr, seen: &'static str) -> u16 {
    let socket = UdpSocket::bind((at, 0)).unwrap();
    let port = socket.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut datagram, mut out) = ([0; 1500], [0; MAX_RESPONSE_LEN]);
        while let Ok((len, from)) = socket.recv_from(&mut datagram) {
            let tx = parse_request(&datagram[..len]).unwrap();
            let len = response(tx, &seen.parse().unwrap(), &mut out);
            socket.send_to(&out[..len], from).unwrap();
        }
    });
    port
}

#[test]
fn a_good_relay_has_a_line_for_each_thing_that_was_looked_at() {
    let (relay, key) = guarded();
    let (code, stdout, stderr) = doctor(&[&relay.addr.to_string(), "--pin", &relay.pin(), "--key", &key]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    for part in ["port", "tls", "expiry", "clock", "derp", "admission", "families", "stun"] {
        assert!(stdout.contains(&format!("  ok       {part} ")), "{part}: {stdout}");
    }
    assert!(stdout.ends_with("\nhealthy\n\n"), "{stdout}");
}

#[test]
fn each_line_says_how_far_was_looked_and_what_was_asked() {
    let said = |ask: &[&str], lines: &[&str]| {
        let (_, report) = json(ask);
        for line in lines {
            assert!(report.to_string().contains(line), "{line}: {report}");
        }
    };
    let (closed, key) = guarded();
    let (addr, pin) = (closed.addr.to_string(), closed.pin());
    let ask = [&*addr, "--pin", &pin];
    let refused = ["\"TLS works, and the certificate is the pinned one\"", "\"a random key is refused\""];
    said(&ask, &[&refused[..], &["the handshake up to the admission (--key FILE goes beyond it)"]].concat());
    let with_key = [&ask[..], &["--key", &key]].concat();
    said(&with_key, &[&refused[..], &["the handshake works, and the key is admitted"]].concat());
    let other = closed.dir.path().join("nobody");
    std::fs::write(&other, NodePrivate::generate(Clock::start().random().unwrap()).to_text().as_bytes())
        .unwrap();
    let with_other = [&ask[..], &["--key", other.to_str().unwrap()]].concat();
    fault(&with_other, "error", "derp", ["the key is not admitted there", "the relay's admission list"]);
    let open = Relay::start_with(TempDir::new().unwrap(), &[], &["-certmode", "letsencrypt"]);
    let plain = format!("http://{}/derp", open.addr);
    let lines = [
        "\"mark\":\"skipped\",\"part\":\"tls\"",
        "clients speak TLS alone",
        "\"open to anybody, as meant\"",
        "\"the HTTP upgrade and the handshake work\"",
        "\"not asked: there is said to be none\"",
    ];
    said(&[&plain, "--stun-port", "off", "--open"], &lines);
    let blind = Relay::start();
    let ask = [&blind.addr.to_string(), "--insecure", "--open"];
    fault(&ask, "warning", "tls", ["any certificate is accepted", "leave out InsecureForTests"]);
}

#[test]
fn a_relay_open_to_strangers_is_a_warning_unless_it_is_meant() {
    let relay = Relay::start();
    let ask = [&relay.addr.to_string(), "--pin", &relay.pin()];
    fault(&ask, "warning", "admission", ["a random key is admitted", "--open"]);
    assert_eq!(doctor(&[&ask[..], &["--open"]].concat()).0, Some(0));
}

#[test]
fn a_wrong_pin_and_a_certificate_that_nobody_stands_for_come_with_the_right_entry() {
    let relay = Relay::start();
    let (addr, pin) = (relay.addr.to_string(), relay.pin());
    let other = format!("sha256-raw:{}", "0a".repeat(32));
    let wrong = fault(&[&addr, "--pin", &other], "error", "tls", [&pin, "CertName"]);
    let unknown = fault(&[&addr], "error", "tls", ["authority", &pin]);
    for report in [wrong, unknown] {
        let node = &report["relays"][0]["map"]["Regions"]["900"]["Nodes"][0];
        assert_eq!((&node["CertName"], &node["DERPPort"]), (&json!(pin), &json!(8443)), "{report}");
    }
    let (_, stdout, _) = doctor(&[&addr]);
    assert!(stdout.contains("NOT HEALTHY") && stdout.contains(&format!("certname: {pin}")), "{stdout}");
}

#[test]
fn the_entry_is_as_the_relays_own_map_has_it_and_so_is_the_port_of_stun() {
    let said = [
        ("WHERRY_MAP_SERVE", "true"),
        ("WHERRY_MAP_REGION_ID", "905"),
        ("WHERRY_MAP_REGION_CODE", "nyc"),
        ("WHERRY_MAP_IPV6", "2001:db8::10"),
    ];
    let relay = Relay::start_with(tempfile::tempdir().unwrap(), &said, &["-stun-port", "3479"]);
    let (code, report) = json(&[&relay.addr.to_string(), "--pin", &relay.pin(), "--open"]);
    assert_eq!((code, faults(&report)), (Some(0), Vec::new()), "{report}");
    let region = &report["relays"][0]["map"]["Regions"]["905"];
    let node = &region["Nodes"][0];
    let found = (&region["RegionCode"], &node["Name"], &node["IPv6"], &node["STUNPort"]);
    assert_eq!(found, (&json!("nyc"), &json!("905a"), &json!("2001:db8::10"), &json!(3479)), "{report}");
}

#[test]
fn a_port_of_stun_that_is_silent_stays_in_the_entry() {
    let relay =
        Relay::start_with(tempfile::tempdir().unwrap(), &[("WHERRY_MAP_SERVE", "false")], &["-stun=false"]);
    let (_, report) = json(&[&relay.addr.to_string(), "--pin", &relay.pin(), "--open"]);
    assert_eq!(faults(&report)[0][1], "stun", "{report}");
    let node = &report["relays"][0]["map"]["Regions"]["900"]["Nodes"][0];
    assert_eq!(node["STUNPort"], 3478, "to be opened, not to be left out: {report}");
}

#[test]
fn a_certificate_with_less_than_two_weeks_left_is_a_warning() {
    let ask = |relay: &Relay| [relay.addr.to_string(), "--pin".to_owned(), relay.pin(), "--open".to_owned()];
    let soon = with_certificate("", 80, 90);
    let [addr, flag, pin, open] = &ask(&soon);
    fault(&[addr, flag, pin, open], "warning", "expiry", ["expires in 9 days", "renew"]);
    let fine = with_certificate("", 1, 91);
    let [addr, flag, pin, open] = &ask(&fine);
    assert_eq!(doctor(&[addr, flag, pin, open]).0, Some(0));
}

#[test]
fn stun_that_is_silent_or_refused_is_an_error_where_the_port_was_named_and_a_warning_where_it_is_the_usual_one()
 {
    let relay = Relay::start_with(TempDir::new().unwrap(), &[], &["-stun=false"]);
    let (addr, pin) = (relay.addr.to_string(), relay.pin());
    let ask = [&addr, "--pin", &pin, "--open"];
    fault(&ask, "warning", "stun", ["STUN is refused", "let the relay answer STUN on 3478/udp"]);
    // It takes questions and answers none.
    let _silent = UdpSocket::bind((relay.addr.ip(), 3478)).unwrap();
    fault(&ask, "warning", "stun", ["no answer to STUN", "--stun-port off"]);
    fault(&[&ask[..], &["--stun-port", "3478"]].concat(), "error", "stun", ["3478/udp", "firewall"]);
    assert_eq!(doctor(&[&ask[..], &["--stun-port", "off"]].concat()).0, Some(0));
}

#[test]
fn stun_behind_a_container_network_sees_a_private_address() {
    let relay = Relay::start();
    let port = stun_that_sees(relay.addr.ip(), "172.17.0.1:40000").to_string();
    let ask = [&relay.addr.to_string(), "--pin", &relay.pin(), "--open", "--stun-port", &port];
    fault(&ask, "error", "stun", ["sees 172.17.0.1", "--network host"]);
}

#[test]
fn what_answers_in_place_of_stun_is_not_called_silent() {
    let relay = Relay::start();
    for (answer, words) in [(&b"\x01\x11\0\0"[..], "a log-in"), (b"hello", "no STUN")] {
        let socket = UdpSocket::bind((relay.addr.ip(), 0)).unwrap();
        let port = socket.local_addr().unwrap().port().to_string();
        std::thread::spawn(move || {
            while let Ok((_, from)) = socket.recv_from(&mut [0; 1500]) {
                socket.send_to(answer, from).unwrap();
            }
        });
        let ask = [&relay.addr.to_string(), "--pin", &relay.pin(), "--open", "--stun-port", &port];
        let report = fault(&ask, "error", "stun", [words, "another program has"]);
        assert!(!report.to_string().contains("firewall"), "{report}");
    }
}

#[test]
fn a_port_that_is_shut_does_not_keep_stun_from_being_asked() {
    let at = own_address();
    let port = stun_that_sees(at.into(), "127.0.0.1:40000");
    let (code, report) = json(&[&format!("{at}:8443"), "--stun-port", &port.to_string()]);
    let stun = report["relays"][0]["findings"].as_array().unwrap().iter().find(|one| one["part"] == "stun");
    assert_eq!((code, &stun.unwrap()["mark"]), (Some(1), &json!("ok")), "{report}");
}

#[test]
fn plain_http_where_tls_is_expected_is_named() {
    let addr = server(|mut stream| {
        drop(stream.read(&mut [0; 512]));
        drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"));
    });
    fault(&[&addr, "--stun-port", "off"], "error", "tls", ["does not speak TLS", "plain HTTP"]);
}

/// The proxy speaks HTTP/1.0 towards the relay in all but name, as many do unless told otherwise: no Upgrade, no Connection.
#[test]
fn a_proxy_that_strips_upgrade_is_named() {
    let relay = Relay::start_with(TempDir::new().unwrap(), &[], &["-certmode", "letsencrypt"]);
    let direct = format!("http://{}/derp", relay.addr);
    assert_eq!(doctor(&[&direct, "--stun-port", "off", "--open"]).0, Some(0));
    let behind = relay.addr;
    let addr = server(move |mut stream| {
        let mut head = [0; 4096];
        let len = stream.read(&mut head).unwrap_or(0);
        if len == 0 {
            return;
        }
        let head = String::from_utf8(head[..len].to_vec()).unwrap();
        let is_kept = |line: &&str| !line.starts_with("Upgrade:") && !line.starts_with("Connection:");
        let head = head.lines().filter(is_kept).map(|line| format!("{line}\r\n")).collect::<String>();
        let mut relay = TcpStream::connect(behind).unwrap();
        relay.write_all(head.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
        // Whoever has seen enough hangs up.
        drop(std::io::copy(&mut relay, &mut stream));
    });
    let ask = [&format!("http://{addr}/derp"), "--stun-port", "off"];
    fault(&ask, "error", "derp", ["HTTP status", "Upgrade and Connection"]);
}

/// Asks a server of TLS alone with a self-signed certificate that this host trusts; `date` is what it answers by HTTP.
fn of_trusted(name: &str, before: u32, life: u32, date: &'static str) -> (Option<i32>, Value) {
    let dir = tempfile::tempdir().unwrap();
    let ip = own_address().to_string();
    write_certificate(dir.path(), &ip, name, before, life);
    let addr = dated_tls_server(TcpListener::bind((&*ip, 0)).unwrap(), &ip, dir.path(), date).to_string();
    let roots = dir.path().join(format!("{ip}.crt"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_wherry"));
    command.args(["doctor", &addr, "--stun-port", "off", "--json"]).env("SSL_CERT_FILE", roots);
    let (code, stdout, _) = outcome(&mut command);
    (code, serde_json::from_str(&stdout).unwrap())
}

#[test]
fn an_expired_certificate_and_one_for_another_name_are_told_apart() {
    for (name, life, words) in [
        ("", 9, ["has expired", "renew"]),
        ("other.example", 90, ["not valid for", "name it as its certificate does"]),
    ] {
        let (code, report) = of_trusted(name, 10, life, "");
        let found = faults(&report);
        assert_eq!((code, found.len(), found[0][1].as_str()), (Some(1), 1, "tls"), "{report}");
        assert!(found[0][2].contains(words[0]) && found[0][3].contains(words[1]), "{found:?}");
        let clock =
            report["relays"][0]["findings"].as_array().unwrap().iter().find(|one| one["part"] == "clock");
        assert_eq!(clock.map(|one| &one["mark"]), name.is_empty().then_some(&json!("skipped")), "{report}");
    }
}

/// Whichever of the two is wrong: the relay has its certificate for a good one, this host has not.
#[test]
fn where_clocks_differ_it_is_they_that_are_named_before_a_certificate_out_of_date() {
    let (code, report) = of_trusted("", 10, 9, "Sun, 06 Nov 1994 08:49:37 GMT");
    let found = faults(&report);
    let parts: Vec<_> = found.iter().map(|one| one[1].as_str()).collect();
    assert_eq!((code, parts), (Some(1), vec!["clock", "tls"]), "{report}");
    assert!(found[0][2].contains("days behind") && found[0][3].contains("time server"), "{found:?}");
    assert!(found[1][3].contains("first set the clock that is wrong"), "{found:?}");
}

#[expect(clippy::disallowed_methods, reason = "a certificate's dates are those of the day")]
#[test]
fn a_certificate_whose_time_has_not_come_has_the_clock_in_its_remedy_once() {
    let dir = tempfile::tempdir().unwrap();
    let ip = own_address().to_string();
    let day = Duration::from_hours(24);
    let mut params = rcgen::CertificateParams::new([ip.clone()]).unwrap();
    params.not_before = (SystemTime::now() + day * 9).into();
    params.not_after = (SystemTime::now() + day * 90).into();
    let key = rcgen::KeyPair::generate().unwrap();
    std::fs::write(dir.path().join(format!("{ip}.crt")), params.self_signed(&key).unwrap().pem()).unwrap();
    std::fs::write(dir.path().join(format!("{ip}.key")), key.serialize_pem()).unwrap();
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    let addr = dated_tls_server(TcpListener::bind((&*ip, 0)).unwrap(), &ip, dir.path(), date).to_string();
    let roots = dir.path().join(format!("{ip}.crt"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_wherry"));
    command.args(["doctor", &addr, "--stun-port", "off", "--json"]).env("SSL_CERT_FILE", roots);
    let report: Value = serde_json::from_str(&outcome(&mut command).1).unwrap();
    let tls = faults(&report).into_iter().find(|one| one[1] == "tls").unwrap();
    assert!(tls[3].contains("first set the clock") && tls[3].matches("clock").count() == 1, "{tls:?}");
}

#[test]
fn a_clock_that_is_off_is_named() {
    let addr = server(|mut stream| {
        drop(stream.read(&mut [0; 4096]));
        let page = "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n";
        drop(stream.write_all(page.as_bytes()));
    });
    let (code, report) = json(&[&format!("http://{addr}/derp"), "--stun-port", "off"]);
    let found = faults(&report);
    assert_eq!((code, found[0][1].as_str()), (Some(1), "clock"), "{report}");
    assert!(found[0][2].contains("behind") && found[0][3].contains("time server"), "{found:?}");
}

#[test]
fn a_name_that_does_not_resolve_and_a_closed_port_are_told_apart() {
    let name = fault(&["nobody.invalid"], "error", "name", ["name resolution failed", "spelling"]);
    assert!(name["relays"][0]["map"].is_null());
    assert!(name.to_string().contains("not asked: the relay's address is not known"), "{name}");
    let nobody = SocketAddr::new(own_address().into(), 8443).to_string();
    let closed =
        fault(&[&nobody], "error", "port", ["8443/tcp is not reached", "nothing listens on 8443/tcp"]);
    assert!(closed.to_string().contains("as long as nothing listens on the TCP port"), "{closed}");
}

#[test]
fn wrong_questions_are_told_apart() {
    for (expected, ask) in [
        (64, &["wss://relay.example"][..]),
        (64, &["https:///derp.yaml"]),
        (78, &["{}"]),
        (1, &["relay.example", "--key", "/nonexistent"]),
        (1, &["gone.yaml"]),
    ] {
        let (code, stdout, stderr) = doctor(ask);
        assert_eq!((code, stdout.as_str(), stderr.is_empty()), (Some(expected), "", false), "{ask:?}");
    }
}
