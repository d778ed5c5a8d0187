//! The relay serves the map itself: Headscale reads it by URL, and clients follow what changes in it.

use super::certificates::{Trusted, certificate};
use super::verdict::both_agreed;
use crate::client::Client;
use crate::evidence::{finding, words};
use crate::folder::write;
use crate::map::{Node, Region, yaml};
use crate::net::Nat;
use crate::relay::{Relay, Setup};
use crate::stage::{Pair, RELAY, RELAY_NAME, SECOND, Stage, region};
use crate::wait;
use nix::sys::signal::Signal;
use std::path::Path;
use std::time::{Duration, Instant};

/// Time a change takes at most: the relay looks at the file, Headscale at the relay, and tells the clients.
const FELT: Duration = Duration::from_secs(60);

/// A minute of datagrams, which nobody waits for.
const COUNT: u32 = 300;
const PAUSE: Duration = Duration::from_millis(200);

/// Last number in the address of a server that has another map.
const THIRD: u8 = 30;

/// Where the relay serves the map.
const PAGE: (&str, &str) = ("203.0.113.10:8080", "/derpmap.json");

/// Plain, with an included file and an included URL.
pub(super) fn plain(stage: &Stage<'_>) -> Result<(), String> {
    let host = stage.internet.public("one", RELAY)?;
    let third = stage.internet.public("third", THIRD)?;
    let other = stage.bare_relay("other", SECOND)?;
    let (others, answer) = (stage.dir.join("others.yaml"), stage.dir.join("answer"));
    write(&others, &yaml(&[region(901, "before", &other)?]))?;
    // Without STUN it is nobody's home.
    let node = Node { stun: -1, ..other.node()? };
    write(&answer, &http("200 OK", &yaml(&[Region { id: 903, code: "kept", nodes: vec![node] }])))?;
    let _server = stage.serve(&third, &["answer", "80", &answer.to_string_lossy()])?;
    // Headscale fetches nothing from a server whose certificate it cannot check, hence the plain listener.
    let (plain, file) = (format!("plain:{}", PAGE.0), others.to_string_lossy());
    let words = ["--listen", &plain, "--map-region-code", "one", "--map-include", &file];
    let words = words.iter().chain(&["--map-include", "http://203.0.113.30/map"]);
    let extra = words.map(ToString::to_string).collect();
    let mut one = stage.relay(&host, Setup { extra, ..Setup::bare(&host) })?;
    // Headscale does not start with the answer of a relay whose map is not whole yet.
    wait::until("the whole map", FELT, || {
        let (head, _) = page(stage, &[])?;
        Ok(head.starts_with("HTTP/1.1 200").then_some(()))
    })?;
    let control = stage.control_by_url(&format!("http://{}{}", PAGE.0, PAGE.1), None)?;
    let behind = |name, number| stage.internet.behind(name, number, Nat::Hard);
    let (a, b) = (behind("a", 101)?, behind("b", 102)?);
    for router in [&a.router, &b.router] {
        // Whatever the distances are, the home is in the included file.
        router.deaf_to("203.0.113.10")?;
    }
    let today = &stage.programs.today;
    let pair = stage.join(&control.key()?, [(a, today, None), (b, today, None)])?;
    pair.relayed("before")?;

    let etag = unchanged_is_304(stage)?;
    follows(&pair, || write(&others, &yaml(&[region(902, "after", &other)?])))?;
    let (head, _) = page(stage, &[&format!("If-None-Match: {etag}")])?;
    if !head.starts_with("HTTP/1.1 200") {
        return Err("who has the map of before should get the new one".to_owned());
    }
    pair.relayed("after")?;
    both_agreed(stage, &pair)?;
    keeps(stage, &mut one, &answer)?;
    pair.relayed("after")
}

/// The clients have what changed, and move to it.
fn follows(pair: &Pair<'_>, change: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    // A client that sends nothing for 45 s measures no more; without a home it would keep that.
    let (_echo, drip) = (pair.echo()?, pair.drip(COUNT, PAUSE)?);
    wait::until("an answer before the change", FELT, || Ok((drip.answers() > 0).then_some(())))?;
    let start = Instant::now();
    change()?;
    has_changed(&pair.a)?;
    let took = start.elapsed();
    has_changed(&pair.b)?;
    finding(&format!("the included file's change came after {:.1} s, without a restart", took.as_secs_f64()));
    pair.a.knows_home_of(&pair.b, "after")?;
    pair.b.knows_home_of(&pair.a, "after")
}

/// By HTTPS, with a certificate of a private authority.
pub(super) fn by_https(stage: &Stage<'_>) -> Result<(), String> {
    let host = stage.internet.public("relay", RELAY)?;
    let Trusted { cert_dir, roots } = certificate(stage)?;
    let setup = Setup { hostname: RELAY_NAME.to_owned(), cert_dir: Some(cert_dir), ..Setup::bare(&host) };
    let _relay = stage.relay(&host, setup)?;
    stage.control_host().knows(&stage.names(stage.control_host()))?;
    let control = stage.control_by_url(&format!("https://{RELAY_NAME}/derpmap.json"), Some(&roots))?;
    let behind = |name, number| stage.internet.behind(name, number, Nat::Hard);
    let (a, b) = (behind("a", 101)?, behind("b", 102)?);
    let today = &stage.programs.today;
    let pair = stage.join(&control.key()?, [(a, today, Some(&roots)), (b, today, Some(&roots))])?;
    both_agreed(stage, &pair)?;
    pair.relayed("wherry")
}

/// Who has the map already gets no second copy; returns what tells this map from others.
fn unchanged_is_304(stage: &Stage<'_>) -> Result<String, String> {
    let (head, _) = page(stage, &[])?;
    let etag = head
        .lines()
        .find_map(|line| line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("etag")));
    let (_, etag) = etag.ok_or("the served map has no ETag")?;
    let (again, body) = page(stage, &[&format!("If-None-Match: {etag}")])?;
    words("control", &format!("GET {} with If-None-Match: {etag}", PAGE.1), &again);
    if again.starts_with("HTTP/1.1 304") && body.trim().is_empty() {
        Ok(etag.to_owned())
    } else {
        Err("an unchanged map should be answered with 304 and nothing".to_owned())
    }
}

/// An included URL that answers with no map: said so, and the map stays.
fn keeps(stage: &Stage<'_>, relay: &mut Relay, answer: &Path) -> Result<(), String> {
    let (_, before) = page(stage, &[])?;
    if !before.contains("\"903\"") {
        return Err("the served map lacks the region of the included URL".to_owned());
    }
    let page_of_web = "<!DOCTYPE html><title>Hello</title>";
    for (status, body, says) in [
        ("404 Not Found", "no", "HTTP status 404"),
        ("200 OK", page_of_web, "the URL answers with a web page"),
    ] {
        write(answer, &http(status, body))?;
        relay.process().signal(Signal::SIGHUP)?;
        let line = relay.process().shows(says, FELT, |relay| {
            relay.err().lines().find(|line| line.contains(says)).map(str::to_owned)
        })?;
        words("one", "wherry serve", &line);
        let (head, now) = page(stage, &[])?;
        if !head.starts_with("HTTP/1.1 200") || now != before {
            return Err(format!("after {says} the served map is another one:\n{head}\n{now}"));
        }
    }
    Ok(())
}

/// Head and body of the served map.
fn page(stage: &Stage<'_>, headers: &[&str]) -> Result<(String, String), String> {
    let answer = stage.get(stage.control_host(), PAGE.0, PAGE.1, headers)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("the served map is no answer in HTTP")?;
    // The date goes on.
    let head = head.lines().filter(|line| !line.to_lowercase().starts_with("date:"));
    Ok((head.collect::<Vec<_>>().join("\n"), body.to_owned()))
}

fn http(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

/// Waits until the client has the region after the change and not the one before.
fn has_changed(client: &Client) -> Result<(), String> {
    wait::until("the client's map to change", FELT, || {
        let map = client.json(&["debug", "derp-map"])?;
        let has = |region: &str| map["Regions"][region].is_object();
        Ok((has("902") && !has("901")).then_some(()))
    })
}
