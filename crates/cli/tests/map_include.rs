//! Maps that a relay includes in the one it serves, as the network sees it.
#![expect(clippy::unwrap_used, reason = "test code")]

#[path = "subject/address.rs"]
mod address;

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use address::own_address;

/// How long something may take that takes a moment on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A relay for one's own machine, which serves its map over plain HTTP too; it ends with this value.
struct Relay {
    child: Child,
    ip: Ipv4Addr,
    log: std::path::PathBuf,
}

impl Relay {
    /// In a folder that another one had before, perhaps.
    fn start(dir: &TempDir, args: &[&str]) -> Self {
        Self::start_at(own_address(), dir, &[], args)
    }

    fn start_at(ip: Ipv4Addr, dir: &TempDir, envs: &[(&str, &Path)], args: &[&str]) -> Self {
        let log = dir.path().join(format!("log-{ip}"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_wherry"));
        command.args(["serve", "--dev", "--state", "state", "--stun", "off", "--hostname", &ip.to_string()]);
        command.args(["--listen", &format!("{ip}:8443"), "--listen", &format!("plain:{ip}:8080")]);
        command.args(["--admin", &format!("{ip}:3341")]).args(args);
        command.current_dir(dir.path()).env_clear().envs(envs.iter().copied()).stdin(Stdio::null());
        let child = command.stdout(Stdio::null()).stderr(File::create(&log).unwrap()).spawn().unwrap();
        let mut relay = Self { child, ip, log };
        wait_for("the relay to listen", || {
            assert!(relay.child.try_wait().unwrap().is_none(), "it ended:\n{}", relay.log());
            TcpStream::connect((ip, 3341)).is_ok()
        });
        relay
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Status and body.
    fn get(&self, port: u16, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(SocketAddr::from((self.ip, port))).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.ip);
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// The numbers of the regions that it serves; none if there is no map.
    fn regions(&self) -> Vec<String> {
        let (status, body) = self.get(8080, "/derpmap.json");
        let map: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        assert_eq!(status == 200, map.is_object(), "{status}: {body}");
        map["Regions"].as_object().into_iter().flatten().map(|(id, _)| id.clone()).collect()
    }

    /// Asks it to read all that it includes at once.
    fn renew(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
    }

    /// What `/readyz` says of the map.
    fn notes(&self) -> String {
        let (_, body) = self.get(3341, "/readyz");
        body.lines().filter(|line| line.starts_with("note: map: ")).map(|line| format!("{line}\n")).collect()
    }

    fn wait_for_regions(&self, regions: &[&str]) {
        wait_for("the regions", || self.regions() == regions);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a process that looks at a file by itself offers nothing to wait for"
)]
fn wait_for(what: &str, mut is_there: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_there() {
        assert!(start.elapsed() < PATIENCE, "waited for {what} in vain");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A map of one region with one node.
fn one(region: u16, node: &str, port: u32) -> String {
    format!(
        "regions:\n  {region}:\n    regionid: {region}\n    regioncode: r{region}\n    regionname: R{region}\n    \
         nodes:\n      - name: {node}\n        regionid: {region}\n        hostname: r{region}.example\n        derpport: {port}\n"
    )
}

/// Writes a certificate for `name` and its key into the folder `certs`; the authority that issued it, in PEM.
fn write_certificate(dir: &Path, name: &str) -> String {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "an authority of one's own");
    let authority_key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&authority_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new([name.to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &Issuer::new(params, authority_key)).unwrap();
    fs::create_dir(dir.join("certs")).unwrap();
    fs::write(dir.join("certs/leaf.pem"), leaf.pem() + &key.serialize_pem()).unwrap();
    authority.pem()
}

#[test]
fn a_map_with_a_mistake_is_not_taken_and_log_and_health_name_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("others.yaml");
    fs::write(&file, one(901, "901a", 443)).unwrap();
    let relay = Relay::start(&dir, &["--map-include", "others.yaml"]);
    relay.wait_for_regions(&["900", "901"]);
    assert_eq!(relay.notes(), "");
    fs::write(&file, one(902, "902a", 70000)).unwrap();
    wait_for("the mistake", || !relay.notes().is_empty());
    let mistake = "others.yaml:10:19: error [port-range]: region 902, node 902a, derpport: it is 70000, which is no port; \
                   expected: 1 to 65535, or nothing for 443; write the TCP port on which the relay speaks TLS";
    assert_eq!(relay.notes(), format!("note: map: {mistake}\n"));
    assert!(relay.log().contains(mistake), "{}", relay.log());
    assert_eq!(relay.regions(), ["900", "901"]);
    fs::write(&file, one(902, "902a", 443)).unwrap();
    relay.wait_for_regions(&["900", "902"]);
    assert_eq!(relay.notes(), "");
}

#[test]
fn a_map_that_loses_its_regions_is_not_taken_for_one_without_any_and_nulls_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("others.yaml");
    fs::write(&file, one(901, "901a", 443)).unwrap();
    let relay = Relay::start(&dir, &["--map-include", "others.yaml"]);
    relay.wait_for_regions(&["900", "901"]);
    fs::write(&file, "regions: {}\n").unwrap();
    wait_for("the mistake", || relay.notes().contains("error [no-regions]: regions: there is no region"));
    assert_eq!(relay.regions(), ["900", "901"]);
    fs::write(&file, "regions: {901: null}\n").unwrap();
    relay.wait_for_regions(&["900"]);
    assert!(relay.log().contains("the included map has no region any more"), "{}", relay.log());
}

#[test]
fn others_in_the_region_of_a_relay_without_a_mesh_are_told_by_log_and_health() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("others.yaml"), one(900, "900z", 443)).unwrap();
    let relay = Relay::start(&dir, &["--map-include", "others.yaml"]);
    let told = "region 900 of the served map has 1 relays beside this one (900a, 900z)";
    wait_for("the note", || relay.notes().contains(told));
    assert!(relay.log().contains(told), "{}", relay.log());
}

#[test]
fn maps_with_one_name_in_two_regions_do_not_go_together() {
    let dir = tempfile::tempdir().unwrap();
    for (file, region, node) in [("one.yaml", 901, "twice"), ("other.yaml", 902, "twice")] {
        fs::write(dir.path().join(file), one(region, node, 443)).unwrap();
    }
    let relay = Relay::start(&dir, &["--map-include", "one.yaml", "--map-include", "other.yaml"]);
    wait_for("the mistake", || !relay.notes().is_empty());
    assert_eq!(relay.get(8080, "/derpmap.json").0, 503);
    let notes = relay.notes();
    assert!(notes.contains("the included maps together:"), "{notes}");
    assert!(
        notes.contains("error [duplicate-node-name]: region 902, node twice, Name: it is \"twice\""),
        "{notes}"
    );
    fs::write(dir.path().join("other.yaml"), one(902, "902a", 443)).unwrap();
    relay.wait_for_regions(&["900", "901", "902"]);
}

#[test]
fn a_relay_starts_without_a_file_that_it_has_read_before() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("others.yaml");
    fs::write(&path, one(901, "901a", 443)).unwrap();
    let relay = Relay::start(&dir, &["--map-include", "others.yaml"]);
    relay.wait_for_regions(&["900", "901"]);
    drop(relay);
    fs::remove_file(&path).unwrap();
    let relay = Relay::start(&dir, &["--map-include", "others.yaml"]);
    assert_eq!(relay.regions(), ["900", "901"], "from the first moment");
    wait_for("the failure", || relay.notes().contains("others.yaml: cannot read it"));
    assert_eq!(relay.regions(), ["900", "901"]);
}

#[test]
fn the_last_good_map_of_a_url_is_served_after_a_restart_without_its_server() {
    let dir = tempfile::tempdir().unwrap();
    let map = one(901, "901a", 443);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/derp.yaml", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 4096];
        assert!(stream.read(&mut head).unwrap() > 0);
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{map}", map.len());
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let relay = Relay::start(&dir, &["--map-include", &url]);
    relay.wait_for_regions(&["900", "901"]);
    server.join().unwrap();
    drop(relay);
    let relay = Relay::start(&dir, &["--map-include", &url]);
    assert_eq!(relay.regions(), ["900", "901"], "from the first moment");
    wait_for("the failure", || !relay.notes().is_empty());
    assert!(relay.notes().contains("cannot fetch it"), "{}", relay.notes());
    assert_eq!(relay.regions(), ["900", "901"]);
    let said = "the map kept from before is served until it is read again";
    assert!(relay.log().contains(said), "{}", relay.log());
}

#[test]
fn a_map_over_tls_is_included_from_whom_the_systems_roots_stand_for() {
    let [dir, by_authority, self_signed] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let ip = own_address();
    let authority = write_certificate(by_authority.path(), &ip.to_string());
    let one = Relay::start_at(ip, &by_authority, &[], &["--cert-dir", "certs", "--map-region-id", "901"]);
    let other = Relay::start(&self_signed, &["--map-region-id", "902"]);
    let urls = [&one, &other].map(|relay| format!("https://{}:8443/derpmap.json", relay.ip));
    let include = ["--map-include", &urls[0], "--map-include", &urls[1]];
    let relay = Relay::start(&dir, &include);
    wait_for("two failures", || relay.notes().matches("no authority that this host trusts").count() == 2);
    let cure = "let SSL_CERT_FILE in this relay's environment name a file with that certificate";
    assert_eq!(relay.notes().matches(cure).count(), 2, "{}", relay.notes());
    assert_eq!(relay.get(8080, "/derpmap.json").0, 503);
    drop(relay);
    let bundle = dir.path().join("bundle.pem");
    let own = self_signed.path().join(format!("state/self-signed/self-signed-{}.pem", other.ip));
    fs::write(&bundle, authority + &fs::read_to_string(own).unwrap()).unwrap();
    let relay = Relay::start_at(own_address(), &dir, &[("SSL_CERT_FILE", &bundle)], &include);
    relay.wait_for_regions(&["900", "901", "902"]);
    assert_eq!(relay.notes(), "");
}

/// Of `count` relays that start one after the other with nothing kept, each includes what `others` says.
fn start_together(count: usize, others: impl Fn(usize) -> Vec<usize>) -> Vec<(TempDir, Relay)> {
    let ips: Vec<_> = (0..count).map(|_| own_address()).collect();
    let start = |at: usize| {
        let dir = tempfile::tempdir().unwrap();
        let includes: Vec<_> =
            others(at).into_iter().map(|other| format!("http://{}:8080/derpmap.json", ips[other])).collect();
        let id = (901 + at).to_string();
        let mut args = vec!["--map-region-id", &id, "--map-region-code", &id];
        args.extend(includes.iter().flat_map(|url| ["--map-include", url]));
        let relay = Relay::start_at(ips[at], &dir, &[], &args);
        (dir, relay)
    };
    (0..count).map(start).collect()
}

#[test]
fn relays_that_include_each_other_or_themselves_serve_the_whole_and_never_a_part() {
    type Includes = fn(usize) -> Vec<usize>;
    let rings: [(usize, Includes); 4] = [
        (1, |_| vec![0]),
        (2, |at| vec![1 - at]),
        (3, |at| vec![(at + 1) % 3]),
        (3, |at| (0..3).filter(|other| *other != at).collect()),
    ];
    for (count, others) in rings {
        let relays = start_together(count, others);
        let all: Vec<_> = (901..901 + count).map(|id| id.to_string()).collect();
        wait_for("all maps", || {
            let served: Vec<_> = relays.iter().map(|(_, relay)| relay.regions()).collect();
            assert!(served.iter().all(|regions| regions.is_empty() || *regions == all), "{served:?}");
            relays.iter().for_each(|(_, relay)| relay.renew());
            served.iter().all(|regions| *regions == all)
        });
        wait_for("whole maps to be kept", || {
            relays.iter().for_each(|(_, relay)| relay.renew());
            relays.iter().all(|(_, relay)| relay.notes().is_empty())
        });
    }
}

#[test]
fn what_one_of_two_relays_cannot_read_is_waited_for_by_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let [one, other] = [own_address(), own_address()];
    let [to_one, to_other] = [one, other].map(|ip| format!("http://{ip}:8080/derpmap.json"));
    let late = dir.path().join("late.yaml");
    fs::write(&late, "").unwrap();
    let include = ["--map-include", &to_other, "--map-include", "late.yaml"];
    let one = Relay::start_at(one, &dir, &[], &include);
    let folder = tempfile::tempdir().unwrap();
    let other = Relay::start_at(other, &folder, &[], &["--map-include", &to_one, "--map-region-id", "903"]);
    wait_for("each to have heard of the other", || {
        one.renew();
        [&one, &other].iter().all(|relay| relay.notes().contains("the relay there has not read all maps"))
    });
    assert_eq!((one.regions(), other.regions()), (Vec::new(), Vec::new()));
    for relay in [&one, &other] {
        assert_eq!(relay.log().matches("has not read all maps").count(), 1, "{}", relay.log());
    }
    fs::write(&late, self::one(902, "902a", 443)).unwrap();
    wait_for("both maps", || {
        [&one, &other].iter().for_each(|relay| relay.renew());
        [&one, &other].iter().all(|relay| relay.regions() == ["900", "902", "903"])
    });
}

#[test]
fn a_map_of_the_size_of_tailscales_is_served_whole() {
    let dir = tempfile::tempdir().unwrap();
    let node = |region: u16, name: char| {
        format!(
            r#"{{"Name":"{region}{name}","RegionID":{region},"HostName":"derp{region}{name}.tailscale.com","IPv4":"203.0.113.{region}","IPv6":"2001:db8::{region}{name}","CanPort80":true}}"#
        )
    };
    let region = |id: u16| {
        let nodes: Vec<_> = ('a'..='e').map(|name| node(id, name)).collect();
        format!(
            r#""{id}":{{"RegionID":{id},"RegionCode":"r{id}","RegionName":"City {id}","Latitude":1.5,"Longitude":-{id}.5,"Nodes":[{}]}}"#,
            nodes.join(",")
        )
    };
    let regions: Vec<_> = (1..=30).map(region).collect();
    fs::write(dir.path().join("all.json"), format!("{{\"Regions\":{{{}}}}}", regions.join(","))).unwrap();
    let relay = Relay::start(&dir, &["--map-include", "all.json", "--map-without", "r7"]);
    let expected: Vec<_> = (1..=30).filter(|id| *id != 7).chain([900]).collect();
    wait_for("the regions", || relay.regions().len() == expected.len());
    let (_, body) = relay.get(8080, "/derpmap.json");
    let map: serde_json::Value = serde_json::from_str(&body).unwrap();
    for id in expected {
        let nodes = map["Regions"][id.to_string()]["Nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), if id == 900 { 1 } else { 5 }, "region {id}");
    }
    assert_eq!(relay.notes(), "");
}
