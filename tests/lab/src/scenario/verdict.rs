//! `tailscale netcheck` and `wherry netcheck`, asked on the same machine, must say the same.

use super::wording;
use crate::client::Client;
use crate::evidence::words;
use crate::folder::write;
use crate::process::outcome;
use crate::stage::{Pair, Stage};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// Time a report may take.
const REPORT: Duration = Duration::from_secs(30);

/// What both must agree on beside the regions. Not whether a family can send: the client notes that only after it sent,
/// and an answer as fast as here may overtake the note.
const FIELDS: &[&str] =
    &["UDP", "IPv4", "IPv6", "OSHasIPv6", "ICMPv4", "UPnP", "PMP", "PCP", "CaptivePortal"];

/// Where both must agree if two servers answered. Of one alone both say nothing, or no if its first answer was so late that it
/// was asked again: two answers that are the same.
const OF_TWO: &str = "MappingVariesByDestIP";

/// Where both must hold the same address; the port is another one for each socket.
const ADDRESSES: &[&str] = &["GlobalV4", "GlobalV6"];

/// Where both must hold the same regions.
const LATENCIES: &[&str] = &["RegionLatency", "RegionV4Latency", "RegionV6Latency"];

/// The reports of both clients, each agreed on.
///
/// # Errors
/// One gives none, or they differ.
pub(super) fn both_agreed(stage: &Stage<'_>, pair: &Pair<'_>) -> Result<[Value; 2], String> {
    Ok([agreed(stage, &pair.a)?, agreed(stage, &pair.b)?])
}

/// The client's report, after both were printed and compared: the words for people and the fields for scripts.
///
/// # Errors
/// One gives none, or they differ.
pub(super) fn agreed(stage: &Stage<'_>, client: &Client) -> Result<Value, String> {
    let their_words = client.ask(&["netcheck"])?;
    let our_words = asked(stage, client, &[])?;
    words(&client.host.name, "wherry netcheck --map map.json", &our_words);
    let theirs = client.json(&["netcheck", "--format=json"])?;
    let ours = report(stage, client, &[])?;
    let mut differences = differences(&theirs, &ours);
    differences.extend(wording::differences(&their_words, &our_words));
    if differences.is_empty() {
        return Ok(theirs);
    }
    Err(format!("{}: the netchecks differ\n{}", client.host.name, differences.join("\n")))
}

/// Wherry's report, with more flags.
///
/// # Errors
/// It gives none.
pub(super) fn report(stage: &Stage<'_>, client: &Client, flags: &[&str]) -> Result<Value, String> {
    let text = asked(stage, client, &[&["--json"], flags].concat())?;
    serde_json::from_str(&text).map_err(|err| format!("wherry netcheck: {err}: {text}"))
}

fn asked(stage: &Stage<'_>, client: &Client, flags: &[&str]) -> Result<String, String> {
    // What the client itself was told, whatever way it came.
    let map = stage.dir.join(format!("{}-map.json", client.host.name));
    write(&map, &client.json(&["debug", "derp-map"])?.to_string())?;
    let (wherry, map) = (stage.programs.wherry.to_string_lossy(), map.to_string_lossy());
    let line = [&[&*wherry, "netcheck", "--map", &*map], flags].concat();
    let name = format!("{}-wherry-netcheck", client.host.name);
    let (status, text) = outcome(&client.host, &stage.dir, &name, &client.trusting(&line), REPORT)?;
    if status.success() { Ok(text) } else { Err(format!("wherry netcheck: {status}: {text}")) }
}

fn differences(theirs: &Value, ours: &Value) -> Vec<String> {
    let told =
        |what: &str, theirs: &str, ours: &str| format!("{what}: tailscale says {theirs}, wherry {ours}");
    let mut found = Vec::new();
    let fields = FIELDS.iter().chain((measured(theirs, "RegionLatency").len() > 1).then_some(&OF_TWO));
    for field in fields.filter(|field| theirs[**field] != ours[**field]) {
        found.push(told(field, &theirs[*field].to_string(), &ours[*field].to_string()));
    }
    for field in ADDRESSES.iter().filter(|field| address(theirs, field) != address(ours, field)) {
        found.push(told(field, address(theirs, field), address(ours, field)));
    }
    for field in LATENCIES {
        let (theirs, ours) = (measured(theirs, field), measured(ours, field));
        if theirs != ours {
            found.push(told(&format!("regions in {field}"), &format!("{theirs:?}"), &format!("{ours:?}")));
        }
    }
    // Of two regions as near as each other either may be the home.
    let home = |report: &Value| report["PreferredDERP"].to_string();
    if measured(theirs, "RegionLatency").len() < 2 && home(theirs) != home(ours) {
        found.push(told("PreferredDERP", &home(theirs), &home(ours)));
    }
    found
}

/// An address without its port; empty if there is none.
fn address<'a>(report: &'a Value, field: &str) -> &'a str {
    let text = report[field].as_str().unwrap_or_default();
    text.rsplit_once(':').map_or(text, |(address, _)| address)
}

fn measured<'a>(report: &'a Value, field: &str) -> BTreeSet<&'a str> {
    report[field].as_object().into_iter().flatten().map(|(region, _)| region.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_difference_is_told_with_both_sides() {
        let theirs = json!({ "UDP": true, "RegionLatency": { "900": 1 }, "PreferredDERP": 900,
            "GlobalV4": "192.0.2.1:7" });
        let ours =
            json!({ "UDP": false, "RegionLatency": {}, "PreferredDERP": 0, "GlobalV4": "192.0.2.2:7" });
        let expected = [
            "UDP: tailscale says true, wherry false",
            "GlobalV4: tailscale says 192.0.2.1, wherry 192.0.2.2",
            "regions in RegionLatency: tailscale says {\"900\"}, wherry {}",
            "PreferredDERP: tailscale says 900, wherry 0",
        ];
        assert_eq!(differences(&theirs, &ours), expected);
        let as_good = json!({ "UDP": true, "RegionLatency": { "900": 2 }, "PreferredDERP": 900,
            "GlobalV4": "192.0.2.1:8", "MappingVariesByDestIP": false });
        assert!(differences(&theirs, &as_good).is_empty());
        let two =
            |varies| json!({ "RegionLatency": { "900": 1, "901": 1 }, "MappingVariesByDestIP": varies });
        assert_eq!(
            differences(&two(true), &two(false)),
            ["MappingVariesByDestIP: tailscale says true, wherry false"]
        );
    }
}
