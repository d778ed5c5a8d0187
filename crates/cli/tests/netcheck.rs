//! `wherry netcheck` against `wherry derper`, both as a user starts them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test code")]

#[path = "subject/relay.rs"]
mod relay;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Command, Output, Stdio};

use relay::{Relay, own_address};
use serde_json::{Value, json};
use wherry_client::NodePrivate;
use wherry_server::clock::Clock;

fn netcheck(args: &[&str]) -> (Option<i32>, String, String) {
    // Nothing here leaves this host.
    let mut command = Command::new(env!("CARGO_BIN_EXE_wherry"));
    let Output { status, stdout, stderr } =
        command.args(["netcheck", "--no-router", "--no-vendor"]).args(args).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn json(args: &[&str]) -> (Option<i32>, Value) {
    let (code, stdout, stderr) = netcheck(&[args, &["--json"]].concat());
    (code, serde_json::from_str(&stdout).unwrap_or_else(|err| panic!("{err}: {stdout}{stderr}")))
}

/// Its entry; the test address has it asked on machines without a network, too.
fn entry(relay: &Relay, region: i64) -> Value {
    let ip = relay.addr.ip().to_string();
    json!({
        "Name": format!("{region}a"), "RegionID": region, "HostName": ip, "DERPPort": relay.addr.port(),
        "IPv4": ip, "IPv6": "none", "STUNTestIP": ip, "CertName": relay.pin(),
    })
}

fn map(nodes: &[Value]) -> String {
    let region = |node: &Value| {
        let id = node["RegionID"].as_i64().unwrap();
        let region = json!({
            "RegionID": id, "RegionCode": format!("r{id}"), "RegionName": format!("Region {id}"), "Nodes": [node],
        });
        (id.to_string(), region)
    };
    json!({ "Regions": nodes.iter().map(region).collect::<serde_json::Map<_, _>>() }).to_string()
}

/// The reason why a node's figure is missing.
fn reason<'a>(report: &'a Value, node: &str, figure: &str) -> &'a str {
    let missing = report["Missing"].as_array().unwrap();
    let found =
        missing.iter().find(|gap| gap["Node"] == node && gap["Figure"] == figure && gap["Family"] == "IPv4");
    found.unwrap_or_else(|| panic!("{node} {figure}: {report}"))["Reason"].as_str().unwrap()
}

#[test]
fn two_good_relays_give_the_report_that_users_know() {
    let odd = Relay::start_with(tempfile::tempdir().unwrap(), &[], &["-stun-port", "3479"]);
    let relays = [Relay::start(), odd];
    let mut second = entry(&relays[1], 902);
    second["STUNPort"] = json!(3479);
    let map = map(&[entry(&relays[0], 901), second]);
    let (code, stdout, stderr) = netcheck(&[&map]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let starts = [
        "\nReport:\n\t* Time: 2",
        "\t* UDP: true\n\t* IPv4: yes, 127.0.0.1:",
        "\t* IPv6: no, ",
        "\t* MappingVariesByDestIP: false\n\t* PortMapping: ",
        "\t* Nearest DERP: Region 90",
        "\t* DERP latency:\n\t\t- r90",
        "\t* DERP nodes:\n\t\tnode  region  STUN IPv4  STUN IPv6  relay IPv4  relay IPv6  open in\n\t\t901a  r901 ",
        "\t* In plain words: direct works: ",
        "; a relay of the map works from here\n",
    ];
    let mut rest = stdout.as_str();
    for start in starts {
        let at = rest.find(start).unwrap_or_else(|| panic!("{start:?} is missing or misplaced in {stdout}"));
        rest = &rest[at + start.len()..];
    }
    let (code, report) = json(&[&map]);
    assert_eq!(
        (code, &report["UDP"], &report["MappingVariesByDestIP"]),
        (Some(0), &json!(true), &json!(false))
    );
    let missing = report["Missing"].as_array().unwrap();
    let ports = missing.iter().find(|gap| gap["Figure"] == "PortMapping").unwrap();
    assert_eq!(
        (&ports["Reason"], &ports["What"]),
        (&json!("not-needed"), &json!("the router was to be left out"))
    );
    assert!(report["RegionLatency"]["902"].as_u64().unwrap() > 0, "{report}");
    for (node, relay) in report["Nodes"].as_array().unwrap().iter().zip(&relays) {
        assert_eq!(node["RelayV4"]["Pin"], relay.pin());
        assert_eq!(node["RelayV4"]["Server"], relay.addr.to_string());
        assert!(node["STUNv4"]["Latency"].as_u64().unwrap() > 0 && node["RelayV6"].is_null(), "{node}");
    }
}

#[test]
fn the_time_is_that_of_the_hosts_zone() {
    // One kind of time, which has a name of four bytes, and no change.
    let header = [&b"TZif2"[..], &[0; 34], &[1, 0, 0, 0, 4]].concat();
    let kind = &b"\0\0\x70\x80\0\0+08\0"[..];
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), [&header[..], kind, &header, kind, b"\n<+08>-8\n"].concat()).unwrap();
    let nobody = own_address().to_string();
    for (format, before) in [("text", "* Time: "), ("json-line", "\"Now\":\"")] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wherry"));
        let output = command
            .args(["netcheck", "--no-router", "--no-vendor", &nobody, "--format", format])
            .env("TZ", file.path())
            .output();
        let stdout = String::from_utf8(output.unwrap().stdout).unwrap();
        let time = stdout.split_once(before).unwrap().1.split(['\n', '"']).next().unwrap();
        assert!(time.ends_with("+08:00"), "{stdout}");
    }
}

#[test]
fn json_begins_with_the_fields_of_the_reference_in_their_order() {
    let relay = Relay::start();
    let (_, stdout, _) = netcheck(&[&map(&[entry(&relay, 901)]), "--format", "json-line"]);
    assert_eq!(stdout.lines().count(), 1);
    let fields = "Now UDP IPv6 IPv4 IPv6CanSend IPv4CanSend OSHasIPv6 ICMPv4 MappingVariesByDestIP UPnP PMP PCP \
                  PreferredDERP RegionLatency RegionV4Latency RegionV6Latency GlobalV4Counters GlobalV6Counters GlobalV4 \
                  GlobalV6 CaptivePortal";
    let mut rest = stdout.as_str();
    for field in fields.split_whitespace() {
        let field = format!("\"{field}\":");
        let at = rest.find(&field).unwrap_or_else(|| panic!("{field} is missing or misplaced in {stdout}"));
        rest = &rest[at + field.len()..];
    }
}

#[test]
fn every_fault_of_a_node_has_its_reason() {
    let relays = [Relay::start(), Relay::start()];
    let good = entry(&relays[0], 901);
    let with = |region: i64, changes: Value| {
        let mut node = entry(&relays[1], region);
        node.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        node
    };
    let nobody = own_address().to_string();
    let map = map(&[
        good,
        with(902, json!({ "CertName": format!("sha256-raw:{}", "0a".repeat(32)) })),
        with(903, json!({ "IPv4": nobody, "STUNTestIP": nobody })),
        // A name that resolvers answer themselves (RFC 6761).
        with(904, json!({ "IPv4": "", "STUNTestIP": "", "HostName": "nobody.invalid" })),
        with(905, json!({ "STUNOnly": true, "STUNPort": -1 })),
        with(906, json!({ "CertName": "" })),
        with(907, json!({ "CertName": "sha256-raw:0a" })),
    ]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &map).unwrap();
    let (code, report) = json(&["--map", file.path().to_str().unwrap()]);
    assert_eq!(code, Some(0), "{report}");
    for (node, figure, expected) in [
        ("902a", "Relay", "pin"),
        ("903a", "STUN", "refused"),
        ("903a", "Relay", "refused"),
        ("904a", "STUN", "not-resolved"),
        ("904a", "Relay", "not-resolved"),
        ("905a", "STUN", "switched-off"),
        ("905a", "Relay", "switched-off"),
        ("906a", "Relay", "certificate"),
        ("907a", "Relay", "bad-entry"),
    ] {
        assert_eq!(reason(&report, node, figure), expected, "{node} {figure}");
    }
    let (_, stdout, stderr) = netcheck(&["--map", file.path().to_str().unwrap()]);
    assert!(stdout.contains(&format!("put \"{}\" into CertName", relays[1].pin())), "{stdout}");
    assert!(stderr.contains("wherry map check"), "{stderr}");
}

#[test]
fn stun_of_a_single_relay_is_asked_at_the_port_that_its_own_map_names() {
    let serves = [("WHERRY_MAP_SERVE", "true")];
    let relay = Relay::start_with(tempfile::tempdir().unwrap(), &serves, &["-stun-port", "3479"]);
    let (code, report) = json(&[&relay.addr.to_string(), "--pin", &relay.pin()]);
    let server = SocketAddr::new(relay.addr.ip(), 3479).to_string();
    assert_eq!((code, &report["Nodes"][0]["STUNv4"]["Server"]), (Some(0), &json!(server)), "{report}");
    // What was named is not asked for.
    let (_, report) = json(&[&relay.addr.to_string(), "--pin", &relay.pin(), "--stun-port", "3478"]);
    assert_eq!(reason(&report, &relay.addr.ip().to_string(), "STUN"), "refused");
}

#[test]
fn a_port_that_refuses_stun_is_not_a_network_that_blocks_udp() {
    let relay =
        Relay::start_with(tempfile::tempdir().unwrap(), &[("WHERRY_MAP_SERVE", "false")], &["-stun=false"]);
    let (code, stdout, stderr) = netcheck(&[&relay.addr.to_string(), "--pin", &relay.pin()]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    let udp = stdout.lines().find(|line| line.contains("- UDP: ")).unwrap();
    let refused = format!("nothing listens for STUN on {}:3478/udp", relay.addr.ip());
    for words in [&refused, "UDP itself is not known to be blocked", "--stun-port PORT"] {
        assert!(udp.contains(words), "{words}: {udp}");
    }
    assert!(!stdout.contains("this network needs a relay"), "{stdout}");
}

#[test]
fn a_relay_that_admits_nobody_here_is_reached_and_a_key_opens_it() {
    let key = NodePrivate::generate(Clock::start().random().unwrap());
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("nodes"), format!("{}\n", key.public())).unwrap();
    let file = dir.path().join("admitted");
    std::fs::write(&file, key.to_text().as_bytes()).unwrap();
    let relay = Relay::start_in(dir, &[("WHERRY_ADMIT", "list:nodes")]);
    let map = map(&[entry(&relay, 901)]);
    let (code, report) = json(&[&map]);
    assert_eq!((code, reason(&report, "901a", "Relay")), (Some(0), "not-admitted"));
    let (code, report) = json(&[&map, "--key", file.to_str().unwrap()]);
    assert_eq!((code, report["Nodes"][0]["RelayV4"].is_object()), (Some(0), true), "{report}");
}

#[test]
fn a_key_that_was_given_and_is_refused_is_no_all_clear() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("nodes"), "").unwrap();
    let file = dir.path().join("unknown");
    let key = NodePrivate::generate(Clock::start().random().unwrap());
    std::fs::write(&file, key.to_text().as_bytes()).unwrap();
    let relay = Relay::start_in(dir, &[("WHERRY_ADMIT", "list:nodes")]);
    for stun in ["3478", "off"] {
        let map = map(&[entry(&relay, 901)]);
        let ask = [&*map, "--stun-port", stun, "--key", file.to_str().unwrap()];
        let (code, stdout, stderr) = netcheck(&ask);
        assert_eq!(code, Some(1), "{stdout}{stderr}");
        for said in [&stdout, &stderr] {
            assert!(said.contains("no relay of the map that is reached from here admits this key"), "{said}");
        }
    }
}

#[test]
fn a_map_may_come_from_a_url() {
    let relay = Relay::start();
    let map = map(&[entry(&relay, 901)]);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/derp.json", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _request = stream.read(&mut [0; 4096]).unwrap();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
        write!(stream, "{head}Content-Length: {}\r\n\r\n{map}", map.len()).unwrap();
    });
    let (code, report) = json(&["--map", &url]);
    server.join().unwrap();
    assert_eq!((code, &report["PreferredDERP"]), (Some(0), &json!(901)));
}

#[test]
fn the_map_of_a_self_signed_relay_comes_by_its_pin_and_any_by_its_name() {
    let serves = [("WHERRY_MAP_SERVE", "true")];
    let relay = Relay::start_with(tempfile::tempdir().unwrap(), &serves, &["-stun-port", "3478"]);
    let (url, pin) = (format!("https://{}/derpmap.json", relay.addr), relay.pin());
    let other = format!("sha256-raw:{}", "0a".repeat(32));
    for flags in [&["--pin", &pin][..], &["--insecure"]] {
        let (code, report) = json(&[&["--map", &url], flags].concat());
        assert_eq!((code, report["Nodes"][0]["RelayV4"].is_object()), (Some(0), true), "{report}");
    }
    for (flags, cure) in [(&[][..], "server's --pin"), (&["--pin", &other], "the pin is another's")] {
        let (code, stdout, stderr) = netcheck(&[&["--map", &url], flags].concat());
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
        assert_eq!(
            (stderr.contains(cure), stderr.contains("SSL_CERT_FILE")),
            (true, flags.is_empty()),
            "{stderr}"
        );
    }
    // The pin is the relays': a server with a good name need not have it.
    let mut command = Command::new(env!("CARGO_BIN_EXE_wherry"));
    command.args(["netcheck", "--no-router", "--no-vendor", "--map", &url, "--pin", &other, "--json"]);
    command.env("SSL_CERT_FILE", relay.dir.path().join(format!("{}.crt", relay.addr.ip())));
    let output = command.output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(reason(&report, "900a", "Relay"), "pin", "{report}");
}

#[test]
fn a_map_whose_only_relay_does_not_pass_is_1_though_stun_answers() {
    let relay = Relay::start();
    let mut wrong = entry(&relay, 901);
    wrong["CertName"] = json!(format!("sha256-raw:{}", "0a".repeat(32)));
    let (code, stdout, stderr) = netcheck(&[&map(&[wrong])]);
    assert_eq!(code, Some(1), "{stdout}");
    assert!(stdout.contains("UDP: true") && stderr.contains("though STUN answers"), "{stdout}{stderr}");
    let mut stun = entry(&relay, 901);
    stun["STUNOnly"] = json!(true);
    let (code, stdout, stderr) = netcheck(&[&map(&[stun])]);
    assert_eq!(code, Some(1), "{stdout}");
    for (said, what) in [
        (&stdout, "UDP: true"),
        (&stdout, "no node of the map relays, so nobody finds a home there"),
        (&stderr, "no node of the map relays"),
    ] {
        assert!(said.contains(what), "{stdout}{stderr}");
    }
}

#[test]
fn stun_that_is_switched_off_was_not_asked_and_no_network_blocks_it() {
    let relay = Relay::start();
    let map = map(&[entry(&relay, 901)]);
    let (code, stdout, _) = netcheck(&[&map, "--stun-port", "off"]);
    assert_eq!(code, Some(0), "{stdout}");
    let told = "In plain words: the map names no STUN server, so whether UDP comes through is not known; a relay of the map works";
    assert!(stdout.contains(told) && !stdout.contains("blocks UDP"), "{stdout}");
    let (_, report) = json(&[&map, "--stun-port", "off"]);
    let udp = report["Missing"].as_array().unwrap().iter().find(|gap| gap["Figure"] == "UDP").unwrap();
    assert_eq!((&report["UDP"], &udp["Reason"]), (&json!(false), &json!("switched-off")));
}

#[test]
fn a_listed_relay_is_reached_though_nothing_answers_by_udp() {
    let list = tempfile::NamedTempFile::new().unwrap();
    let admit = format!("list:{}", list.path().display());
    let flags = [("WHERRY_ADMIT", admit.as_str())];
    let relay = Relay::start_with(tempfile::tempdir().unwrap(), &flags, &[]);
    let mut silent = entry(&relay, 901);
    // A socket that answers nothing: what a network that drops UDP is like.
    let hole = std::net::UdpSocket::bind((relay.addr.ip(), 0)).unwrap();
    silent["STUNPort"] = json!(hole.local_addr().unwrap().port());
    let (code, stdout, _) = netcheck(&[&map(&[silent])]);
    assert_eq!(code, Some(0), "{stdout}");
    assert!(stdout.contains("not admitted"), "{stdout}");
    let words = "In plain words: 901a, the only STUN server that was asked, does not answer, though its relay does by TCP";
    assert!(stdout.contains(words), "{stdout}");
    assert!(stdout.contains("in the relay's firewall and its provider's"), "{stdout}");
    let end = "; a relay of the map works from here, as far as a stranger may see (--key FILE goes beyond)\n";
    assert!(stdout.ends_with(end), "{stdout}");
    assert!(!stdout.contains("blocks UDP") && !stdout.contains("needs a relay"), "{stdout}");
}

#[test]
fn nothing_reached_is_1_and_says_so() {
    let nobody = own_address().to_string();
    let (code, stdout, stderr) = netcheck(&[&nobody]);
    assert_eq!(code, Some(1), "{stdout}");
    assert!(stdout.contains("UDP: false") && stderr.contains("nothing can be reached"), "{stdout}{stderr}");
    assert!(stdout.contains("the vendor's hosts were to be left out"), "{stdout}");
}

#[test]
fn wrong_questions_are_64_and_bad_maps_78_with_file_and_line() {
    for ask in [
        &[][..],
        &["http://relay.example"],
        &["https://relay.example/other"],
        &["relay.example", "--map", "x.yaml"],
        &["relay.example", "--bind-address", "192.0.2.7"],
        &["relay.example", "--every", "0"],
        &["--map", "ftp://127.0.0.1/derp.yaml"],
        &["--map", "https://"],
    ] {
        let (code, stdout, stderr) = netcheck(ask);
        assert_eq!((code, stdout.as_str(), stderr.is_empty()), (Some(64), "", false), "{ask:?}");
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    for (text, place) in [("regions:\n  900: [\n", ":"), ("{\"Regions\": {}}", ""), ("hello\n", ":1")] {
        std::fs::write(file.path(), text).unwrap();
        let (code, _, stderr) = netcheck(&["--map", path]);
        assert_eq!(code, Some(78), "{text}: {stderr}");
        assert!(stderr.contains(&format!("{path}{place}")), "{text}: {stderr}");
    }
    let nobody = format!("http://{}:8080/derp.json", own_address());
    for ask in [&["--map", "/nonexistent/derp.yaml"][..], &["/nonexistent/derp.yaml"], &["--map", &nobody]] {
        let (code, stdout, stderr) = netcheck(ask);
        assert_eq!((code, stdout.as_str(), stderr.is_empty()), (Some(1), "", false), "{ask:?}");
    }
}

#[test]
fn without_a_question_both_ways_to_ask_one_are_named() {
    let (code, _, stderr) = netcheck(&[]);
    assert!(code == Some(64) && stderr.contains("<RELAY|--map <FILE|URL>>"), "{stderr}");
}

#[test]
fn nodes_of_one_name_and_regions_of_one_code_are_told_apart() {
    let nodes = [901, 902].map(|id| {
        let nobody = own_address().to_string();
        json!({ "Name": "a", "RegionID": id, "HostName": nobody, "IPv4": nobody, "IPv6": "none" })
    });
    let (_, stdout, _) = netcheck(&[&map(&nodes)]);
    assert!(stdout.contains("\ta     r901 ") && stdout.contains("a of r902 relay IPv4: "), "{stdout}");
    let (_, stdout, _) = netcheck(&[&map(&nodes).replace("\"r902\"", "\"r901\"")]);
    assert!(stdout.contains("\ta     r901 (901) ") && stdout.contains("r901 (902) latency"), "{stdout}");
}

#[test]
fn nodes_of_one_name_in_one_region_are_told_apart_by_what_they_have() {
    let hosts = [(), ()].map(|()| own_address().to_string());
    let nodes = hosts.each_ref().map(
        |nobody| json!({ "Name": "a", "RegionID": 901, "HostName": nobody, "IPv4": nobody, "IPv6": "none" }),
    );
    let map = json!({ "Regions": { "901": { "RegionID": 901, "RegionCode": "r", "RegionName": "R", "Nodes": nodes } } });
    let (_, stdout, _) = netcheck(&[&map.to_string()]);
    let (_, report) = json(&[&map.to_string()]);
    for (at, host) in hosts.iter().enumerate() {
        let label = format!("a ({host})");
        assert!(stdout.contains(&format!("\t{label} ")), "{stdout}");
        assert!(stdout.contains(&format!("{label} relay IPv4: ")), "{stdout}");
        let node = &report["Nodes"][at];
        assert_eq!((&node["Name"], &node["Label"]), (&json!("a"), &json!(label)), "{report}");
        assert_eq!(reason(&report, &label, "Relay"), "refused", "{report}");
    }
}

#[test]
fn a_portal_that_nobody_was_asked_for_is_missing_and_not_said_to_be_none() {
    let nobody = own_address().to_string();
    let (_, report) = json(&[&nobody]);
    assert!(report["CaptivePortal"].is_null(), "{report}");
    let (_, stdout, _) = netcheck(&[&nobody]);
    assert_eq!(stdout.matches("CaptivePortal").count(), 1, "{stdout}");
}

#[test]
fn names_of_a_map_cannot_speak_to_the_terminal() {
    let relay = Relay::start();
    let mut text = entry(&relay, 901);
    text["Name"] = json!("a\u{1b}[2J\nforged");
    let map = map(&[text]).replace("Region 901", "R\\u001b[2J\\nforged");
    let (code, stdout, stderr) = netcheck(&[&map]);
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    assert!(stdout.contains(r"a\u{1b}[2J\nforged") && stdout.contains(r"R\u{1b}[2J\nforged"), "{stdout}");
    assert!(!stdout.contains('\u{1b}') && !stdout.contains("\nforged"), "{stdout:?}");
}

#[test]
fn a_field_that_no_client_reads_opens_no_way_to_the_relay() {
    let relay = Relay::start();
    let ip = relay.addr.ip();
    let text = |port: &str| {
        format!(
            "regions:\n  901:\n    regionid: 901\n    nodes:\n      - {{name: 901a, regionid: 901, hostname: {ip}, ipv4: {ip}, \
             ipv6: none, stuntestip: {ip}, {port}, certname: '{}'}}\n",
            relay.pin()
        )
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    for (port, expected) in [("derpport: 8443", Some(0)), ("port: 8443", Some(1))] {
        std::fs::write(file.path(), text(port)).unwrap();
        let (code, stdout, stderr) = netcheck(&["--map", path]);
        assert_eq!(code, expected, "{port}: {stdout}{stderr}");
    }
    std::fs::write(file.path(), text("derpport: '8443'")).unwrap();
    let (code, stdout, stderr) = netcheck(&["--map", path]);
    assert_eq!((code, stdout.as_str()), (Some(78), ""), "the whole map is refused by its readers");
    assert!(stderr.contains("[wrong-type]"), "{stderr}");
}

#[test]
fn reports_at_an_interval_end_when_nobody_reads_them() {
    let relay = Relay::start();
    let mut child = Command::new(env!("CARGO_BIN_EXE_wherry"))
        .args([
            "netcheck",
            "--no-router",
            "--no-vendor",
            &map(&[entry(&relay, 901)]),
            "--every",
            "10ms",
            "--format",
            "json-line",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 8];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    assert!(child.wait().unwrap().success());
}
