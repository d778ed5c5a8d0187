use wherry_client::Verify;

use super::*;
use clap::Parser as _;

const PIN: &str = "sha256-raw:0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a";

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    args: SubjectArgs,
}

fn asked(words: &[&str]) -> Result<Vec<Subject>, BadQuestion> {
    subjects(&Line::try_parse_from([&["ping"], words].concat()).unwrap().args)
}

fn one(words: &[&str]) -> Subject {
    let mut subjects = asked(words).unwrap();
    assert_eq!(subjects.len(), 1, "{subjects:?}");
    subjects.remove(0)
}

fn place(words: &[&str]) -> (String, u16, bool) {
    let endpoint = one(words).endpoint;
    (endpoint.host().to_owned(), endpoint.port(), endpoint.is_tls())
}

#[test]
fn hosts_and_urls_are_understood_as_people_write_them() {
    assert_eq!(place(&["relay.example"]), ("relay.example".into(), 443, true));
    assert_eq!(place(&["relay.example:8443"]), ("relay.example".into(), 8443, true));
    assert_eq!(place(&["2001:db8::7"]), ("2001:db8::7".into(), 443, true));
    assert_eq!(place(&["[2001:db8::7]:8443"]), ("2001:db8::7".into(), 8443, true));
    assert_eq!(place(&["http://192.0.2.7:3340/derp"]), ("192.0.2.7".into(), 3340, false));
    assert!(matches!(asked(&["wss://relay.example"]), Err(BadQuestion::Target(TargetError::Scheme { .. }))));
    assert!(matches!(asked(&["no such file"]), Err(BadQuestion::Target(TargetError::NotUrl { .. }))));
}

#[test]
fn json_is_a_node_a_region_or_a_map() {
    let node = format!(
        r#"{{"Name":"900a","HostName":"192.0.2.7","DERPPort":8443,"CertName":"{PIN}","STUNPort":-1}}"#
    );
    let subject = one(&[&node]);
    assert_eq!((subject.endpoint.label(), subject.endpoint.port(), subject.stun), ("900a", 8443, None));
    assert_eq!(*subject.endpoint.verify(), Verify::Pin(PIN.parse().unwrap()));
    let region =
        format!(r#"{{"RegionID":900,"Nodes":[{node},{{"Name":"s","HostName":"x","STUNOnly":true}}]}}"#);
    assert_eq!(one(&[&region]), subject);
    let map = format!(r#"{{"Regions":{{"900":{region},"901":null}}}}"#);
    assert_eq!(one(&[&map]), subject);
    assert!(matches!(asked(&["{}"]), Err(BadQuestion::NoEntry)));
    assert!(matches!(asked(&["{oops"]), Err(BadQuestion::Json(_))));
    assert!(matches!(asked(&[r#"{"Regions":{}}"#]), Err(BadQuestion::NoRelay)));
}

#[test]
fn words_around_an_entry_do_not_matter() {
    let json = format!(r#"{{"HostName":"192.0.2.7","DERPPort":8443,"CertName":"{PIN}"}}"#);
    let yaml = "regions:\n  900:\n    nodes:\n      - hostname: 192.0.2.7\n        derpport: 8443\n";
    let log = r#"{"level":"INFO","message":"serving"}"#;
    let printed = [
        format!("Certificate pin: {PIN}\n\nFor Tailscale:\n\n{json}\n\nFor Headscale:\n\n{yaml}"),
        format!("{log}\n{json}\n"),
        format!("For Headscale:\n\n{yaml}"),
        yaml.to_owned(),
        format!("omitdefaultregions: true\n{yaml}"),
    ];
    for text in printed {
        let map = entry(&text).unwrap();
        let subjects: Vec<_> = nodes(&map).map(|node| of_node(node).unwrap()).collect();
        assert_eq!((subjects.len(), subjects[0].endpoint.port()), (1, 8443), "{text}");
    }
    let logged = format!("2026/11/26 07:17:05 Configure it in DERPMap using: (https://…)\n  {json}\n");
    assert_eq!(nodes(&entry(&logged).unwrap()).count(), 1, "as derper logs it");
    // Of a map that cannot be read no node is taken for the whole.
    let torn = format!("words\n\"Regions\": {{\"900\": {{\"Nodes\": [\n  {json}\n  {json}\n]");
    assert!(matches!(entry(&torn), Err(BadQuestion::NoEntry)), "{:?}", entry(&torn));
    for text in ["", "hello", "Certificate pin: x\n", log, "- a\n- b\n"] {
        assert!(matches!(entry(text), Err(BadQuestion::NoEntry)), "{text}: {:?}", entry(text));
    }
    assert!(matches!(entry("words\nregions: x\n"), Err(BadQuestion::Map(_))));
}

#[test]
fn a_file_that_is_not_there_is_no_host() {
    for words in ["nosuchfile.yaml", "derp.yml", "map.json", "./map", "relay.example/derp"] {
        assert!(matches!(asked(&[words]), Err(BadQuestion::NoFile { .. })), "{words}");
    }
}

#[test]
fn a_file_may_be_headscales_yaml() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let yaml = "regions:\n  900:\n    nodes:\n      - name: 900a\n        hostname: relay.example\n        ipv4: 192.0.2.7\n";
    fs::write(file.path(), yaml).unwrap();
    let subject = one(&[file.path().to_str().unwrap()]);
    assert_eq!((subject.endpoint.label(), subject.endpoint.host()), ("900a", "relay.example"));
    let ip = Some("192.0.2.7".parse().unwrap());
    assert_eq!(subject.stun, Some(Stun { port: 3478, test_ip: None, ip, is_guess: false }));
}

#[test]
fn flags_win_over_the_entry() {
    let node =
        r#"{"HostName":"relay.example","CertName":"other.example","STUNPort":-1,"IPv6":"2001:db8::7"}"#;
    assert_eq!(*one(&[node, "--pin", PIN]).endpoint.verify(), Verify::Pin(PIN.parse().unwrap()));
    assert_eq!(*one(&[node, "--insecure"]).endpoint.verify(), Verify::Nothing);
    assert_eq!(
        one(&[node, "--stun-port", "3479"]).stun,
        Some(Stun { port: 3479, test_ip: None, ip: None, is_guess: false })
    );
    assert_eq!(one(&["relay.example", "--stun-port", "off"]).stun, None);
    let v6 = r#"{"HostName":"relay.example","IPv6":"2001:db8::7"}"#;
    assert_eq!(one(&[v6, "-4"]).stun.unwrap().ip, None);
    assert!(one(&[v6, "-6"]).stun.unwrap().ip.is_some());
}

#[test]
fn a_pin_that_cannot_be_read_is_never_ignored() {
    let node = r#"{"HostName":"relay.example","CertName":"sha256-raw:0a"}"#;
    assert!(matches!(asked(&[node]), Err(BadQuestion::Node(TargetError::Pin { .. }))));
    assert!(Line::try_parse_from(["ping", "relay.example", "--pin", "sha256-raw:0a"]).is_err());
    assert!(Line::try_parse_from(["ping", "relay.example", "--pin", PIN, "--insecure"]).is_err());
}

#[test]
fn a_key_is_its_text_or_within_a_relays_key_file() {
    let dir = tempfile::tempdir().unwrap();
    let text = format!("privkey:{}", "40".repeat(32));
    let read = |content: &str| {
        let path = dir.path().join("key");
        fs::write(&path, content).unwrap();
        key(&path).map(|key| key.to_text().to_string())
    };
    assert_eq!(read(&text).unwrap(), text);
    assert_eq!(read(&format!("{text}\n")).unwrap(), text);
    assert_eq!(read(&format!("{{\n\t\"PrivateKey\": \"{text}\"\n}}\n")).unwrap(), text);
    assert!(matches!(read("nodekey:40"), Err(BadQuestion::Key { .. })));
    assert!(matches!(read(""), Err(BadQuestion::Key { .. })));
    assert!(matches!(key(&dir.path().join("none")), Err(BadQuestion::Read { .. })));
}
