//! `tailscale netcheck` and `wherry netcheck`, asked on the same machine, must say the same.

use crate::client::Client;
use crate::control::Control;
use crate::evidence::words;
use crate::process::outcome;
use crate::stage::Stage;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// Time a report may take.
const REPORT: Duration = Duration::from_secs(30);

/// What both must agree on beside the regions. Not whether a family can send: the client notes that only after it sent,
/// and an answer as fast as here may overtake the note.
const FIELDS: &[&str] = &[
    "UDP",
    "IPv4",
    "IPv6",
    "OSHasIPv6",
    "ICMPv4",
    "MappingVariesByDestIP",
    "UPnP",
    "PMP",
    "PCP",
    "CaptivePortal",
];

/// Where both must hold the same regions.
const LATENCIES: &[&str] = &["RegionLatency", "RegionV4Latency", "RegionV6Latency"];

/// The client's report, after both were printed and compared.
///
/// # Errors
/// One gives none, or they differ.
pub(super) fn agreed(stage: &Stage<'_>, control: &Control, client: &Client) -> Result<Value, String> {
    client.ask(&["netcheck"])?;
    let theirs = client.json(&["netcheck", "--format=json"])?;
    let map = control.map_file();
    let map = map.to_string_lossy();
    words(&client.host.name, "wherry netcheck --map map.yaml", &ours(stage, client, &["--map", &map])?);
    let text = ours(stage, client, &["--map", &map, "--json"])?;
    let ours: Value = serde_json::from_str(&text).map_err(|err| format!("wherry netcheck: {err}: {text}"))?;
    let differences = differences(&theirs, &ours);
    if differences.is_empty() { Ok(theirs) } else { Err(differences.join("\n")) }
}

fn ours(stage: &Stage<'_>, client: &Client, flags: &[&str]) -> Result<String, String> {
    let wherry = stage.programs.wherry.to_string_lossy();
    let line: Vec<&str> = [&*wherry, "netcheck"].into_iter().chain(flags.iter().copied()).collect();
    let name = format!("{}-wherry-netcheck", client.host.name);
    let (status, text) = outcome(&client.host, &stage.dir, &name, &line, REPORT)?;
    if status.success() { Ok(text) } else { Err(format!("wherry netcheck: {status}: {text}")) }
}

fn differences(theirs: &Value, ours: &Value) -> Vec<String> {
    let told =
        |what: &str, theirs: &str, ours: &str| format!("{what}: tailscale says {theirs}, wherry {ours}");
    let mut found = Vec::new();
    for field in FIELDS.iter().filter(|field| theirs[**field] != ours[**field]) {
        found.push(told(field, &theirs[*field].to_string(), &ours[*field].to_string()));
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

fn measured<'a>(report: &'a Value, field: &str) -> BTreeSet<&'a str> {
    report[field].as_object().into_iter().flatten().map(|(region, _)| region.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_difference_is_told_with_both_sides() {
        let theirs = json!({ "UDP": true, "RegionLatency": { "900": 1 }, "PreferredDERP": 900 });
        let ours = json!({ "UDP": false, "RegionLatency": {}, "PreferredDERP": 0 });
        let expected = [
            "UDP: tailscale says true, wherry false",
            "regions in RegionLatency: tailscale says {\"900\"}, wherry {}",
            "PreferredDERP: tailscale says 900, wherry 0",
        ];
        assert_eq!(differences(&theirs, &ours), expected);
        assert!(differences(&theirs, &theirs).is_empty());
    }
}
