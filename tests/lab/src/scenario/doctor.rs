//! Faults of a network, made for real one after the other, and what `wherry doctor` says of each.

use super::authority;
use crate::evidence::words;
use crate::folder::write;
use crate::net::{Host, Nat};
use crate::process::{Process, outcome};
use crate::relay::{Relay, Setup};
use crate::stage::{RELAY, RELAY_NAME, SECOND, Stage};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Last numbers in the addresses of who asks, and of the relay behind a proxy.
const ASKER: u8 = 30;
const PROXIED: u8 = 40;

/// Time an examination may take: each step of it has 5 s, some are taken again by each family.
const EXAMINATION: Duration = Duration::from_secs(60);

/// Time a web server has to start.
const START: Duration = Duration::from_secs(20);

/// Who asks.
struct Asker<'a> {
    stage: &'a Stage<'a>,
    host: Host,
}

/// Plays it.
pub(super) fn run(stage: &Stage<'_>) -> Result<(), String> {
    let host = stage.internet.public("asker", ASKER)?;
    host.knows(&format!(
        "203.0.113.{RELAY} {RELAY_NAME}\n2001:db8::{RELAY:x} {RELAY_NAME}\n203.0.113.{PROXIED} proxied.{RELAY_NAME}\n"
    ))?;
    let asker = Asker { stage, host };
    filtered(&asker)?;
    translated(&asker)?;
    behind_a_proxy(&asker)
}

/// A relay whose ports are shut one after the other.
fn filtered(asker: &Asker<'_>) -> Result<(), String> {
    let host = asker.stage.internet.public("relay", RELAY)?;
    let setup = Setup { hostname: RELAY_NAME.to_owned(), ..Setup::bare(&host) };
    let relay = asker.stage.relay(&host, setup)?;
    let pin = pin(&relay)?;
    let ask = |name: &str, expected: Option<[&str; 3]>| {
        asker.ask(name, &[RELAY_NAME, "--pin", &pin, "--open", "--stun-port", "3478"], &[], expected)
    };
    ask("healthy", None)?;
    for (name, rule, expected) in [
        (
            "rejected",
            "tcp dport 443 reject with icmpx type admin-prohibited",
            [
                "error    port",
                "443/tcp is not reached",
                "check that the address is the relay's, then open the port",
            ],
        ),
        (
            "rejected-by-ipv6",
            "meta nfproto ipv6 tcp dport 443 reject with icmpx type admin-prohibited",
            [
                "warning  families",
                "IPv6 is half working: the TCP connection fails",
                "check that the address is the relay's",
            ],
        ),
        (
            "udp",
            "udp dport 3478 drop",
            ["error    stun", "no answer to STUN", "open 3478/udp in the host's firewall"],
        ),
        (
            "tcp",
            "tcp dport 443 drop",
            ["error    port", "443/tcp is not reached", "open 443/tcp in the host's firewall"],
        ),
        (
            "aaaa",
            "meta nfproto ipv6 tcp dport 443 drop",
            ["warning  families", "IPv6 is half working: the TCP connection fails", "no AAAA record"],
        ),
        (
            "stun-by-ipv6",
            "meta nfproto ipv6 udp dport 3478 drop",
            ["warning  families", "IPv6 is half working: no answer to STUN", "no AAAA record"],
        ),
    ] {
        host.nft(&format!(
            "table inet fault {{\n chain in {{\n  type filter hook input priority filter\n  {rule}\n }}\n}}\n"
        ))?;
        ask(name, Some(expected))?;
    }
    // As a UDP proxy on the relay's host has it.
    host.nft(&format!(
        "table ip fault {{\n chain in {{\n  type nat hook input priority 100\n  udp dport 3478 snat to 203.0.113.{RELAY}\n }}\n}}\n"
    ))?;
    ask("seen-by-itself", Some(["error    stun", "it is its own", "--network host"]))?;
    host.nft("")?;
    ask("mended", None)?;
    unresolved(asker, &host)?;
    drop(relay);
    Ok(())
}

/// A name server that fails, and one that keeps silent.
fn unresolved(asker: &Asker<'_>, server: &Host) -> Result<(), String> {
    let unknown = format!("unknown.{RELAY_NAME}");
    let ask = |name: &str, found| {
        let remedy = "the name servers that this host asks (/etc/resolv.conf) do not answer";
        asker.ask(name, &[&unknown], &[], Some(["error    name", found, remedy]))
    };
    // There is none, so that the local one is asked, which is not there.
    ask("no-name-server", "name resolution failed")?;
    server.nft("table inet fault {\n chain in {\n  type filter hook input priority filter\n  udp dport 53 drop\n }\n}\n")?;
    asker.host.asks(&format!("203.0.113.{RELAY}"))?;
    ask("silent-name-server", "the resolver of this host does not answer")
}

/// A relay in a network whose router puts its own address in place of everybody's, as that of containers does.
fn translated(asker: &Asker<'_>) -> Result<(), String> {
    let behind = asker.stage.internet.behind("box", SECOND, Nat::Easy)?;
    let inner = behind.client.v4.ok_or("the relay has no address")?;
    behind.router.pass_on("tcp", 443, inner)?;
    behind.router.pass_on("udp", 3478, inner)?;
    let outer = format!("203.0.113.{SECOND}");
    let setup = Setup { hostname: outer.clone(), ..Setup::bare(&behind.client) };
    let relay = asker.stage.relay(&behind.client, setup)?;
    let pin = pin(&relay)?;
    let question = [&*outer, "--pin", &pin, "--open"];
    asker.ask("passed-on", &question, &[], None)?;
    behind.router.hide_sources()?;
    let sees = format!("sees 192.168.{SECOND}.1");
    asker.ask("rewritten", &question, &[], Some(["error    stun", &sees, "--network host"]))?;
    // Within that network the router's own address is nothing to complain of: that is how it turns packets around.
    behind.router.turn_around(&outer, inner)?;
    let inside = Asker { stage: asker.stage, host: behind.client };
    inside.ask("turned-around", &question, &[], None)?;
    behind.router.turn_around_as(&outer)?;
    inside.ask("turned-around-as-outside", &question, &[], None)?;
    drop(relay);
    Ok(())
}

/// A relay behind nginx, which passes `Upgrade` on only where it is told to.
fn behind_a_proxy(asker: &Asker<'_>) -> Result<(), String> {
    let host = asker.stage.internet.public("proxied", PROXIED)?;
    let extra = ["--listen", "plain:127.0.0.1:8080"].map(str::to_owned).to_vec();
    let relay = asker.stage.relay(&host, Setup { listen: 8443, extra, ..Setup::bare(&host) })?;
    let name = format!("proxied.{RELAY_NAME}");
    let dir = asker.stage.dir.join("nginx");
    std::fs::create_dir_all(&dir).map_err(|err| format!("{}: {err}", dir.display()))?;
    let issued = authority::issue(&name)?;
    write(&dir.join("cert.pem"), &issued.certificate)?;
    write(&dir.join("key.pem"), &issued.key)?;
    let roots = dir.join("roots.pem");
    write(&roots, &issued.root)?;
    let question = [&*name, "--open", "--stun-port", "3478"];
    let headers = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;";
    let stripped = ["error    derp", "HTTP status", "Upgrade and Connection"];
    for (step, headers, expected) in [("stripped", "", Some(stripped)), ("passed", headers, None)] {
        let web = nginx(asker.stage, &host, &dir, headers)?;
        asker.ask(step, &question, &[("SSL_CERT_FILE", &roots)], expected)?;
        drop(web);
    }
    drop(relay);
    Ok(())
}

/// Starts nginx with these lines where it passes requests on to the relay.
fn nginx(stage: &Stage<'_>, host: &Host, dir: &Path, headers: &str) -> Result<Process, String> {
    let here = dir.display();
    let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("  {kind}_temp_path {here}/{kind};\n"))
        .concat();
    let (file, pid) = (dir.join("nginx.conf"), dir.join("nginx.pid"));
    let text = format!(
        "daemon off;\nuser root;\nmaster_process off;\npid {};\nerror_log stderr;\nevents {{}}\nhttp {{\n  access_log off;\n{paths}  \
         server {{\n    listen 443 ssl;\n    ssl_certificate {here}/cert.pem;\n    ssl_certificate_key {here}/key.pem;\n    \
         location / {{ proxy_pass http://127.0.0.1:8080; {headers} }}\n  }}\n}}\n",
        pid.display()
    );
    write(&file, &text)?;
    // Written once it listens; one that was killed leaves its own.
    if pid.exists() {
        std::fs::remove_file(&pid).map_err(|err| format!("{}: {err}", pid.display()))?;
    }
    let file = file.to_string_lossy();
    let mut web = Process::start(host, &stage.dir, "nginx", &["nginx", "-c", &*file, "-e", "stderr"], &[])?;
    web.shows("that it listens", START, |_| pid.exists().then_some(()))?;
    Ok(web)
}

/// The pin by which clients know a relay.
fn pin(relay: &Relay) -> Result<String, String> {
    relay.node()?.cert_name.ok_or_else(|| "the relay has no pin".to_owned())
}

impl Asker<'_> {
    /// Asks, and expects either that nothing is wrong, or one finding: mark and part, what was found, what to do.
    fn ask(
        &self,
        step: &str,
        question: &[&str],
        envs: &[(&str, &PathBuf)],
        expected: Option<[&str; 3]>,
    ) -> Result<(), String> {
        let wherry = self.stage.programs.wherry.to_string_lossy();
        let envs: Vec<_> = envs.iter().map(|(name, value)| format!("{name}={}", value.display())).collect();
        let line: Vec<&str> = ["env"]
            .into_iter()
            .chain(envs.iter().map(String::as_str))
            .chain([&*wherry, "doctor"])
            .chain(question.iter().copied())
            .collect();
        let name = format!("doctor-{step}");
        let (status, text) = outcome(&self.host, &self.stage.dir, &name, &line, EXAMINATION)?;
        words(&self.host.name, &format!("wherry doctor {}", question.join(" ")), &text);
        judge(step, status.code(), &text, expected)
    }
}

fn judge(step: &str, code: Option<i32>, text: &str, expected: Option<[&str; 3]>) -> Result<(), String> {
    let faults: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| ["error ", "warning "].iter().any(|mark| line.starts_with(mark)))
        .collect();
    let Some([part, found, remedy]) = expected else {
        return if code == Some(0) && faults.is_empty() {
            Ok(())
        } else {
            Err(format!("{step}: not healthy: {text}"))
        };
    };
    let is_told = matches!(&faults[..], [one] if one.starts_with(part) && one.contains(found));
    let is_cured = text.lines().any(|line| line.trim().starts_with("-> ") && line.contains(remedy));
    if code == Some(1) && is_told && is_cured {
        Ok(())
    } else {
        Err(format!(
            "{step}: expected one finding `{part}` with `{found}` and `{remedy}`, and exit code 1, not {code:?}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "r\n  ok       port        443/tcp is open\n  error    stun        no answer\n                       -> open\n";

    #[test]
    fn a_finding_is_expected_with_its_part_its_words_and_its_remedy_alone() {
        let expected = Some(["error    stun", "no answer", "open"]);
        assert_eq!(judge("x", Some(1), SAID, expected), Ok(()));
        assert!(judge("x", Some(0), SAID, expected).is_err());
        assert!(judge("x", Some(1), SAID, Some(["error    port", "no answer", "open"])).is_err());
        assert!(judge("x", Some(1), SAID, Some(["error    stun", "no answer", "close"])).is_err());
        assert!(judge("x", Some(1), &SAID.replace("ok  ", "warning"), expected).is_err());
        assert!(judge("x", Some(0), SAID, None).is_err());
        assert_eq!(judge("x", Some(0), "r\n  ok       port        443/tcp is open\n", None), Ok(()));
    }
}
