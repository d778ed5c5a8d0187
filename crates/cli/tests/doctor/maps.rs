//! Maps: their text, every node in them, and whether relays of a region forward to each other.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::{io::Write as _, path::Path};

use serde_json::{Value, json};

use super::host::Served;
use super::{Relay, among, doctor, list, own_address, server};

fn node(name: &str, relay: &Relay) -> Value {
    let ip = relay.addr.ip().to_string();
    json!({
        "Name": name, "RegionID": 900, "HostName": ip, "IPv4": ip, "IPv6": "none",
        "DERPPort": relay.addr.port(), "CertName": relay.pin(),
    })
}

/// A map of one region with these nodes.
fn map(nodes: &[Value]) -> String {
    let region = json!({ "RegionID": 900, "RegionCode": "r", "RegionName": "R", "Nodes": nodes });
    json!({ "Regions": { "900": region } }).to_string()
}

fn in_file(dir: &Path, map: &str) -> String {
    let file = dir.join("map.json");
    std::fs::write(&file, map).unwrap();
    file.to_str().unwrap().to_owned()
}

/// The rules that the text of the map breaks, without those that an address of this machine breaks.
fn rules(report: &Value) -> Vec<&str> {
    let findings = report["map"].as_array().unwrap();
    let rules = findings.iter().map(|finding| finding["rule"].as_str().unwrap());
    rules.filter(|rule| *rule != "address-private").collect()
}

/// Mark and words of the only finding about a mesh.
fn mesh(report: &Value) -> (&str, &str) {
    let findings = report["regions"][0]["findings"].as_array().unwrap();
    assert_eq!((findings.len(), &report["regions"][1]), (1, &Value::Null), "{report}");
    (findings[0]["mark"].as_str().unwrap(), findings[0]["found"].as_str().unwrap())
}

#[test]
fn a_map_by_url_is_examined_as_a_file_is() {
    let relay = Relay::start();
    let body = map(&[node("900a", &relay)]);
    let found = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let addr = server(move |mut stream| {
        let mut head = [0; 4096];
        let len = std::io::Read::read(&mut stream, &mut head).unwrap();
        let answer = match head[..len].starts_with(b"GET /derpmap.json ") {
            true => &found,
            false => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        };
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let (code, report) = super::json(&[&format!("http://{addr}/derpmap.json"), "--open"]);
    assert_eq!((code, &report["relays"][0]["name"]), (Some(0), &json!("900a")), "{report}");
    let (code, report) = super::json(&[&format!("http://{addr}/other.json")]);
    assert_eq!((code, rules(&report), &report["relays"]), (Some(1), vec!["http-status"], &json!([])));
}

#[test]
fn the_map_of_a_self_signed_relay_comes_by_its_pin() {
    let serves = [("WHERRY_MAP_SERVE", "true")];
    let relay = Relay::start_with(tempfile::tempdir().unwrap(), &serves, &["-stun-port", "3478"]);
    let url = format!("https://{}/derpmap.json", relay.addr);
    let (code, report) = super::json(&[&url, "--pin", &relay.pin(), "--open"]);
    assert_eq!((code, &report["relays"][0]["healthy"]), (Some(0), &json!(true)), "{report}");
    let (code, report) = super::json(&[&url, "--open"]);
    assert_eq!((code, rules(&report)), (Some(1), vec!["unreadable"]), "{report}");
}

#[test]
fn a_map_by_stdin_is_examined_as_a_file_is() {
    let relay = Relay::start();
    let mut command = Command::new(env!("CARGO_BIN_EXE_wherry"));
    command.args(["doctor", "-", "--open", "--json"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(map(&[node("900a", &relay)]).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &report["map"][0]["source"]), (Some(0), &json!("stdin")), "{report}");
    assert_eq!(report["relays"][0]["healthy"], true);
}

#[test]
fn every_mistake_in_the_text_of_a_map_is_told() {
    let relay = Relay::start();
    let text = map(&[node("900a", &relay)]).replace("\"RegionCode\":\"r\",", "\"Flavour\":\"r\",");
    let text = text.replace("\"Name\":\"900a\",\"RegionID\":900", "\"Name\":\"900a\",\"RegionID\":901");
    let file = in_file(relay.dir.path(), &text);
    let (code, report) = super::json(&[&file, "--open"]);
    let rules = rules(&report);
    assert_eq!((code, &report["relays"][0]["healthy"]), (Some(1), &json!(true)), "{report}");
    for rule in ["node-region-differs", "unknown-key", "region-code-missing"] {
        assert!(rules.contains(&rule), "{rule}: {rules:?}");
    }
    let (_, stdout, stderr) = doctor(&[&file, "--open"]);
    assert!(stdout.contains("map.json:1:") && stdout.contains("error [node-region-differs]"), "{stdout}");
    assert!(stderr.contains("the map has 1 error"), "{stderr}");
}

#[test]
fn a_file_that_holds_no_map_is_told_as_such() {
    let dir = tempfile::tempdir().unwrap();
    let file = in_file(dir.path(), "<!doctype html><title>Log in</title>");
    let (code, report) = super::json(&[&file]);
    assert_eq!((code, rules(&report)), (Some(78), vec!["web-page"]), "{report}");
    let (code, report) = super::json(&[&in_file(dir.path(), "regions:\n  900: [\n")]);
    assert_eq!((code, &report["relays"]), (Some(78), &json!([])), "{report}");
    let file = dir.path().join("bytes");
    std::fs::write(&file, [0xff, 0xff]).unwrap();
    let (code, report) = super::json(&[file.to_str().unwrap()]);
    assert_eq!((code, rules(&report)), (Some(78), vec!["unreadable"]), "{report}");
}

#[test]
fn a_map_without_a_relay_is_not_healthy() {
    let dir = tempfile::tempdir().unwrap();
    let file = in_file(dir.path(), "regions:\n  1: null\n  2: null\n");
    let (code, report) = super::json(&[&file]);
    assert_eq!((code, &report["healthy"]), (Some(78), &json!(false)), "{report}");
    let (_, _, stderr) = doctor(&[&file]);
    assert!(stderr.contains("the map has no node that relays"), "{stderr}");
}

#[test]
fn a_node_without_a_host_name_is_told_by_its_own() {
    let map =
        r#"{"Regions":{"901":{"RegionID":901,"Nodes":[{"Name":"901a","RegionID":901,"IPv4":"192.0.2.7"}]}}}"#;
    let (_, stdout, _) = doctor(&[map]);
    assert!(stdout.contains("the host name is empty") && !stdout.contains("()"), "{stdout}");
}

#[test]
fn a_node_whose_pin_cannot_be_read_does_not_keep_the_others_from_being_examined() {
    let relay = Relay::start();
    let mut bad = node("900a", &relay);
    bad["CertName"] = json!("sha256-raw:0a");
    let file = in_file(relay.dir.path(), &map(&[bad, node("900b", &relay)]));
    let (code, report) = super::json(&[&file, "--open"]);
    let names: Vec<_> = [0, 1].map(|at| report["relays"][at]["name"].clone()).into();
    assert_eq!((code, names), (Some(1), vec![json!("900a"), json!("900b")]), "{report}");
    let found = among(&report["relays"][0]["findings"]);
    assert_eq!((found.len(), found[0][0].as_str(), found[0][1].as_str()), (1, "error", "entry"), "{found:?}");
    assert!(found[0][2].contains("pin of node 900a"), "{found:?}");
    assert_eq!(report["relays"][1]["healthy"], true, "{report}");
    assert!(rules(&report).contains(&"pin-bad"), "{report}");
}

/// Whatever else stands there stays.
#[test]
fn what_is_wrong_in_an_entry_is_corrected_there_and_nothing_else() {
    let relay = Relay::start();
    let mut asked = node("905b", &relay);
    let wrong = json!(format!("sha256-raw:{}", "0a".repeat(32)));
    for (field, value) in
        [("RegionID", json!(905)), ("CertName", wrong), ("CanPort80", json!(true)), ("STUNPort", json!(3478))]
    {
        asked[field] = value;
    }
    let region = json!({ "RegionID": 905, "RegionCode": "nyc", "RegionName": "New York", "Nodes": [asked] });
    let map = json!({ "Regions": { "905": region } });
    let mut right = map.clone();
    right["Regions"]["905"]["Nodes"][0]["CertName"] = json!(relay.pin());
    let file = in_file(relay.dir.path(), &map.to_string());
    let (code, report) = super::json(&[&file, "--open"]);
    assert_eq!((code, &report["relays"][0]["map"]), (Some(1), &right), "{report}");
    let (_, stdout, _) = doctor(&[&file, "--open"]);
    assert!(stdout.contains("regioncode: nyc") && stdout.contains("- name: 905b"), "{stdout}");
    // Where nothing in it is wrong it is not shown again.
    let (code, stdout, _) = doctor(&[&in_file(relay.dir.path(), &right.to_string())]);
    assert_eq!((code, stdout.contains("regioncode")), (Some(1), false), "{stdout}");
}

#[test]
fn a_node_for_stun_alone_is_asked_for_it() {
    let relay = Relay::start();
    let (at, ip) = (own_address(), own_address());
    let port = super::stun_that_sees(at.into(), "127.0.0.1:40000");
    // It takes questions and answers none.
    let silent = UdpSocket::bind((ip, 0)).unwrap();
    let stun = |name: &str, ip: Ipv4Addr, port: u16| {
        json!({
            "Name": name, "RegionID": 900, "HostName": ip, "IPv4": ip, "IPv6": "none", "STUNOnly": true, "STUNPort": port,
        })
    };
    let answers = stun("900b", at, port);
    let dir = relay.dir.path();
    let (code, report) = super::json(&[&in_file(dir, &map(&[answers, node("900a", &relay)])), "--open"]);
    assert_eq!((code, &report["relays"][0]["name"]), (Some(0), &json!("900b")), "{report}");
    assert_eq!(report["regions"], json!([]), "one relay alone is no mesh");
    let dead = stun("900c", ip, silent.local_addr().unwrap().port());
    let (code, report) = super::json(&[&in_file(dir, &map(&[node("900a", &relay), dead])), "--open"]);
    let found = among(&report["relays"][1]["findings"]);
    assert_eq!((code, found.len(), found[0][1].as_str()), (Some(1), 1, "stun"), "{report}");
}

#[test]
fn two_nodes_of_a_region_that_are_not_meshed_are_named() {
    let relays = [Relay::start(), Relay::start()];
    let nodes: Vec<_> =
        ["900a", "900b"].into_iter().zip(&relays).map(|(name, relay)| node(name, relay)).collect();
    let dir = relays[0].dir.path();
    let (code, report) = super::json(&[&in_file(dir, &map(&nodes)), "--open"]);
    assert_eq!((code, &report["healthy"], rules(&report)), (Some(1), &json!(false), vec![]), "{report}");
    let (mark, found) = mesh(&report);
    assert!(mark == "error" && found.contains("900a did not reach one of node 900b"), "{mark}: {found}");
    let (code, alone) = super::json(&[&in_file(dir, &map(&nodes[..1])), "--open"]);
    assert_eq!((code, &alone["regions"]), (Some(0), &json!([])), "{alone}");
}

#[test]
fn relays_with_a_list_are_asked_for_their_mesh_with_a_key_for_each_and_skipped_without() {
    let keys_dir = tempfile::tempdir().unwrap();
    let [one, other] = list(keys_dir.path());
    let relays = [(), ()].map(|()| {
        let dir = tempfile::tempdir().unwrap();
        std::fs::copy(keys_dir.path().join("nodes"), dir.path().join("nodes")).unwrap();
        Relay::start_in(dir, &[("WHERRY_ADMIT", "list:nodes")])
    });
    let nodes: Vec<_> =
        ["900a", "900b"].into_iter().zip(&relays).map(|(name, relay)| node(name, relay)).collect();
    let file = in_file(keys_dir.path(), &map(&nodes));
    let (code, report) = super::json(&[&file, "--key", &one]);
    let (mark, found) = mesh(&report);
    assert_eq!((code, mark, rules(&report)), (Some(0), "skipped", vec!["must-be-meshed"]), "{report}");
    assert!(found.contains("900b") && found.contains("--key FILE once for each relay"), "{found}");
    let (code, report) = super::json(&[&file, "--key", &one, "--key", &other]);
    let (mark, found) = mesh(&report);
    assert_eq!((code, mark, rules(&report)), (Some(1), "error", vec![]), "{report}");
    assert!(found.contains("did not reach"), "{found}");
    let (_, text, _) = doctor(&[&file]);
    assert!(text.contains("region 900\n") && text.contains("\nnot examined\n"), "{text}");
    assert!(text.contains("warning [must-be-meshed]"), "{text}");
    let (code, report) = super::json(&[&file]);
    let marks =
        report["regions"][0]["findings"].as_array().unwrap().iter().map(|one| one["mark"].as_str().unwrap());
    assert_eq!((code, marks.collect::<Vec<_>>()), (Some(0), vec!["skipped"; 2]), "{report}");
}

#[test]
fn a_key_that_one_relay_refuses_is_left_for_the_next() {
    let keys_dir = tempfile::tempdir().unwrap();
    let [one, other] = list(keys_dir.path());
    let lines = std::fs::read_to_string(keys_dir.path().join("nodes")).unwrap();
    // The first relay admits the second key alone, and the second the first.
    let admitted = [lines.lines().nth(1).unwrap(), lines.lines().next().unwrap()];
    let relays = admitted.map(|line| {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("nodes"), format!("{line}\n")).unwrap();
        Relay::start_in(dir, &[("WHERRY_ADMIT", "list:nodes")])
    });
    let nodes: Vec<_> =
        ["900a", "900b"].into_iter().zip(&relays).map(|(name, relay)| node(name, relay)).collect();
    let file = in_file(keys_dir.path(), &map(&nodes));
    let (_, report) = super::json(&[&file, "--key", &one, "--key", &other]);
    let (mark, found) = mesh(&report);
    assert!(mark == "error" && found.contains("did not reach"), "{report}");
}

#[test]
fn one_relay_under_two_addresses_carries_packets_as_a_mesh_does_and_two_keys_show_it() {
    let second = own_address();
    let relay = Served::start(&[IpAddr::V4(second)]);
    let nodes = [("900a", relay.ip), ("900b", second.into())].map(|(name, ip)| {
        json!({
            "Name": name, "RegionID": 900, "HostName": ip, "IPv4": ip, "IPv6": "none",
            "DERPPort": 8443, "CertName": relay.pin(),
        })
    });
    let file = in_file(relay.dir.path(), &map(&nodes));
    let (code, report) =
        super::json(&[&file, "--stun-port", "off", "--key", &relay.keys[0], "--key", &relay.keys[1]]);
    assert_eq!((code, mesh(&report)), (Some(0), ("ok", "packets pass between 900a and 900b")), "{report}");
}

#[test]
fn the_nodes_of_a_map_are_told_in_their_order() {
    let nodes = ["n0", "n1", "n2"].map(|name| {
        let addr: SocketAddr = server(drop).parse().unwrap();
        json!({
            "Name": name, "RegionID": 900, "HostName": addr.ip(), "IPv4": addr.ip(), "IPv6": "none",
            "DERPPort": addr.port(), "STUNPort": -1,
        })
    });
    let (code, report) = super::json(&[&map(&nodes)]);
    let relays = report["relays"].as_array().unwrap();
    let told: Vec<_> = relays.iter().map(|relay| (&relay["name"], among(&relay["findings"]).len())).collect();
    let expected = ["n0", "n1", "n2"].map(|name| (json!(name), 1));
    assert_eq!(
        (code, told),
        (Some(1), expected.iter().map(|(name, len)| (name, *len)).collect()),
        "{report}"
    );
}

#[test]
fn a_map_that_denies_the_stun_of_its_relay_is_a_fault_and_is_corrected() {
    let serves = [("WHERRY_MAP_SERVE", "true")];
    let relay = Relay::start_with(tempfile::tempdir().unwrap(), &serves, &["-stun-port", "3478"]);
    let mut denied = node("900a", &relay);
    denied["STUNPort"] = json!(-1);
    let file = in_file(relay.dir.path(), &map(&[denied]));
    let words = ["the relay's own map names 3478/udp", "write STUNPort 3478"];
    let report = super::fault(&[&file, "--open"], "warning", "stun", words);
    let node = &report["relays"][0]["map"]["Regions"]["900"]["Nodes"][0];
    assert_eq!((&node["STUNPort"], &node["CertName"]), (&json!(3478), &json!(relay.pin())), "{report}");
    // One that serves no map has none to set against it.
    let relay = Relay::start();
    let mut denied = self::node("900a", &relay);
    denied["STUNPort"] = json!(-1);
    let (code, report) = super::json(&[&in_file(relay.dir.path(), &map(&[denied])), "--open"]);
    assert_eq!((code, super::faults(&report)), (Some(0), Vec::new()), "{report}");
}
