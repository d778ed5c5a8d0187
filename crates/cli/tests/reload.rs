//! A relay that is told to read its settings again.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test code")]

#[path = "subject/address.rs"]
mod address;
#[path = "subject/ending.rs"]
mod ending;

use std::io::{BufRead as _, BufReader, Lines};
use std::net::IpAddr;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use tempfile::TempDir;
use wherry_client::{Connection, Dialer, Endpoint, Identity, RecvError, Target, Trust, Verify};

use address::own_address;
use ending::end_of;

/// A relay by a file, on an address of its own; it ends with this value.
struct Relay {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
    dir: TempDir,
    ip: IpAddr,
}

/// A file for a relay at `ip`; `HERE` in `more` is the folder.
fn write(dir: &TempDir, ip: IpAddr, more: &str) {
    let text = format!(
        "hostname = \"{ip}\"\nlisten = \"{ip}:8443\"\nstun = \"{ip}:3478\"\nadmin = \"{ip}:3341\"\nself_signed = true\n\
         state = \"HERE/state\"\n{more}\n"
    );
    let here = dir.path().display().to_string();
    std::fs::write(dir.path().join("wherry.toml"), text.replace("HERE", &here)).unwrap();
}

impl Relay {
    fn start(more: &str) -> Self {
        let (dir, ip) = (tempfile::tempdir().unwrap(), IpAddr::V4(own_address()));
        write(&dir, ip, more);
        let mut command = Command::new(env!("CARGO_BIN_EXE_wherry"));
        command.args(["serve", "--config", "wherry.toml"]).env_clear().current_dir(dir.path());
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut relay = Self { child, log, dir, ip };
        relay.read_until(" serving ");
        relay
    }

    /// Writes the file anew and reads the log up to the end of a reload.
    fn reload(&mut self, more: &str) -> String {
        write(&self.dir, self.ip, more);
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
        self.read_until("reloading settings");
        // Certificates are read after the settings.
        self.read_until("certificates reloaded")
    }

    fn read_until(&mut self, words: &str) -> String {
        let mut read = String::new();
        for line in self.log.by_ref() {
            read += &format!("{}\n", line.unwrap());
            if read.contains(words) {
                return read;
            }
        }
        panic!("no {words:?} in the log: {read}")
    }

    fn ask(&self, line: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wherry"));
        command.args(line.split_whitespace()).env_clear().current_dir(self.dir.path());
        command.stdin(Stdio::null()).output().unwrap()
    }

    fn status(&self) -> String {
        String::from_utf8(self.ask("status --config wherry.toml --interval 0s").stdout).unwrap()
    }

    fn doctor(&self) -> String {
        let asked = self.ask("doctor wherry.toml");
        String::from_utf8(asked.stdout).unwrap()
    }

    async fn join(&self, me: &Identity) -> Option<Connection> {
        let endpoint: Endpoint = format!("https://{}:8443", self.ip).parse().unwrap();
        let target = Target::one(endpoint.with_verify(Verify::Nothing));
        Dialer::new(Trust::system([]).unwrap()).connect(&target, me).await.ok()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        self.child.wait().unwrap();
    }
}

const LISTED: &str = "admit = \"list:HERE/nodes\"";

#[tokio::test]
async fn a_list_in_place_of_open_cuts_off_who_is_not_on_it() {
    let mut relay = Relay::start("admit = \"open\"");
    let (anna, bert) = (Identity::throw_away().unwrap(), Identity::throw_away().unwrap());
    let mut conns = [relay.join(&anna).await.unwrap(), relay.join(&bert).await.unwrap()];
    assert!(relay.status().contains("open to anybody"), "{}", relay.status());
    std::fs::write(relay.dir.path().join("nodes"), anna.public().to_string()).unwrap();
    write(&relay.dir, relay.ip, LISTED);
    let told = relay.doctor();
    assert!(told.contains("admit is open in the relay that runs, though list:"), "{told}");
    let log = relay.reload(LISTED);
    assert!(log.contains("admission changed before=\"open\" now=\"list:"), "{log}");
    assert!(log.contains("cut_off=1"), "{log}");
    let ended = async { while conns[1].recv().await.is_ok() {} };
    ended.await;
    assert!(matches!(conns[1].recv().await, Err(RecvError::Closed)));
    assert!(conns[0].ping(std::time::Duration::from_secs(60)).await.is_ok(), "she is on the list");
    assert!(relay.join(&bert).await.is_none());
    assert!(relay.status().contains("open to the nodes in /"), "{}", relay.status());
    assert!(!relay.doctor().contains("is written"), "{}", relay.doctor());
    // The new list is watched as the first one is.
    std::fs::write(relay.dir.path().join("nodes"), bert.public().to_string()).unwrap();
    while conns[0].recv().await.is_ok() {}
    assert!(relay.join(&bert).await.is_some());
}

#[tokio::test]
async fn a_list_that_cannot_be_used_leaves_admission_as_it_was() {
    let mut relay = Relay::start("admit = \"open\"");
    let log = relay.reload(LISTED);
    assert!(log.contains("settings not read again"), "{log}");
    assert!(log.contains("make it: touch"), "{log}");
    assert!(relay.status().contains("not ready: settings: admit = "), "{}", relay.status());
    std::fs::write(relay.dir.path().join("nodes"), "anna\n").unwrap();
    let log = relay.reload(LISTED);
    assert!(log.contains("admission not changed"), "{log}");
    let status = relay.status();
    assert!(status.contains("open to anybody") && status.contains("line 1: expected a node key"), "{status}");
    std::fs::write(relay.dir.path().join("nodes"), "# nobody\n").unwrap();
    relay.reload(LISTED);
    let status = relay.status();
    assert!(status.contains(", ready\n") && status.contains("open to the nodes in /"), "{status}");
}

#[test]
fn what_a_reload_does_not_take_is_said_until_a_restart() {
    let mut relay = Relay::start("admit = \"open\"\nmap.region_code = \"home\"");
    let log = relay.reload("admit = \"open\"\nmap.region_code = \"office\"\nlimits.keepalive = \"30s\"");
    for words in [
        "it takes effect on a restart key=\"map.region_code\" before=\"home\" now=\"office\"",
        "it takes effect on a restart key=\"limits.keepalive\" before=\"60s\" now=\"30s\"",
    ] {
        assert!(log.contains(words), "{log}");
    }
    let note = "note: settings: map.region_code is home, though office is written";
    assert!(relay.status().contains(note), "{}", relay.status());
    let told = relay.doctor();
    assert!(told.contains("warning  running     settings: map.region_code is home"), "{told}");
    assert!(told.contains("-> systemctl restart wherry"), "{told}");
    assert_eq!(relay.ask("config check wherry.toml").status.code(), Some(0));
    relay.reload("admit = \"open\"\nmap.region_code = \"home\"");
    assert!(!relay.status().contains("note:"), "{}", relay.status());
    let included = |token: &str| {
        format!(
            "admit = \"open\"\nmap.region_code = \"home\"\nmap.include = \"https://127.0.0.1:1/m?{token}\""
        )
    };
    let mut relay = Relay::start(&included("one"));
    let log = relay.reload(&included("two"));
    assert!(
        log.contains("it takes effect on a restart key=\"map.include\""),
        "what is not shown counts: {log}"
    );
    assert!(!log.contains("two"), "{log}");
}

#[test]
fn a_file_of_settings_that_hangs_does_not_keep_the_relay_from_stopping() {
    let mut relay = Relay::start("admit = \"open\"");
    let file = relay.dir.path().join("wherry.toml");
    std::fs::remove_file(&file).unwrap();
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    // With a writer that writes nothing, reading waits for ever.
    let writer = std::fs::OpenOptions::new().read(true).write(true).open(&file).unwrap();
    let kill = |signal: &str, pid: u32| {
        assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
    };
    kill("-HUP", relay.child.id());
    relay.read_until("reloading settings");
    kill("-TERM", relay.child.id());
    assert_eq!(end_of(&mut relay.child), Some(0));
    drop(writer);
}

#[test]
fn admission_that_nobody_wrote_is_not_taken() {
    let mut relay = Relay::start("admit = \"list:/dev/null\"");
    // On loopback alone a relay without a choice is open.
    let log = relay.reload("");
    assert!(log.contains("it takes effect on a restart key=\"admit\""), "{log}");
    let told = relay.doctor();
    assert!(told.contains("nothing is written, which would make it open"), "{told}");
    assert!(!told.contains("systemctl reload wherry"), "a reload does not take it: {told}");
    assert!(relay.status().contains("open to the nodes in /dev/null"), "{}", relay.status());
}
