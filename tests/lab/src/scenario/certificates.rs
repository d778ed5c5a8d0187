//! How clients know the relay: by a pin, by a flag that only tests should need, by a certificate authority.

use super::authority;
use super::verdict::both_agreed;
use crate::client::Client;
use crate::evidence::{finding, words};
use crate::folder::{self, write};
use crate::map::{Region, yaml};
use crate::net::Nat;
use crate::relay::Setup;
use crate::stage::{RELAY, RELAY_NAME, Stage};
use crate::wait;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How a pin begins, in what the relay prints.
const PIN: &str = "sha256-raw:";

/// Pings that do not wait long for an answer.
const PINGS: &[&str] = &["ping", "--until-direct=false", "--timeout=2s", "-c", "3", "b"];

/// Time the right pin has to be felt: Headscale looks at its file, tells the clients, and they dial again.
const FELT: Duration = Duration::from_secs(60);

/// A bare address: what the relay prints has a pin and no flag, and a pin that is not the relay's cuts off.
pub(super) fn pinned(stage: &Stage<'_>) -> Result<(), String> {
    let relay = stage.bare_relay("relay", RELAY)?;
    let printed = relay.printed_map()?;
    words("relay", "wherry serve", &printed);
    if !printed.contains(PIN) || printed.to_lowercase().contains("insecure") {
        return Err("the printed map should have a pin and no insecure flag".to_owned());
    }
    let control = stage.control(&with_wrong_pin(&printed)?)?;
    let mut pair = stage.pair(&control, [Nat::Hard, Nat::Hard])?;
    let refusal = pair.a.logs("cert hash does not match expected cert hash")?;
    words("a", "tailscaled, with a wrong pin in the map", &refusal);
    let (_, pings) = pair.a.outcome(PINGS)?;
    words("a", &format!("tailscale {}", PINGS.join(" ")), &pings);
    if pings.contains("pong") {
        return Err("a wrong pin in the map did not cut off".to_owned());
    }
    control.change_map(&printed)?;
    wait::until("a ping with the right pin", FELT, || {
        let (_, pings) = pair.a.outcome(PINGS)?;
        Ok(pings.contains("pong").then_some(()))
    })?;
    both_agreed(stage, &pair)?;
    pair.relayed("wherry")
}

/// The map with another last digit in its pin.
fn with_wrong_pin(map: &str) -> Result<String, String> {
    let (head, rest) = map.split_once(PIN).ok_or("the map has no pin")?;
    let end = rest.find(|digit: char| !digit.is_ascii_hexdigit()).unwrap_or(rest.len());
    let (pin, tail) = rest.split_at(end);
    let (digits, last) = pin.split_at(pin.len().saturating_sub(1));
    let other = if last == "0" { "1" } else { "0" };
    Ok([head, PIN, digits, other, tail].concat())
}

/// Clients from before pins: they do not check at all.
pub(super) fn old_clients(stage: &Stage<'_>) -> Result<(), String> {
    let relay = stage.bare_relay("relay", RELAY)?;
    let mut node = relay.node()?;
    // By hand: the relay prints no map without a pin.
    (node.cert_name, node.insecure) = (None, true);
    let map = yaml(&[Region { id: 900, code: "wherry", nodes: vec![node] }]);
    let control = stage.control(&map)?;
    let behind = |name, number| stage.internet.behind(name, number, Nat::Hard);
    let (a, b) = (behind("a", 101)?, behind("b", 102)?);
    let pair =
        stage.join(&control.key()?, [(a, &stage.programs.old, None), (b, &stage.programs.today, None)])?;
    is_of(&pair.a, &folder::root().join("tests/lab/old/go.mod"))?;
    is_of(&pair.b, &folder::root().join("tests/go/go.mod"))?;
    both_agreed(stage, &pair)?;
    pair.relayed("wherry")
}

/// The client is of the release that this module file pins.
fn is_of(client: &Client, module: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(module).map_err(|err| format!("{}: {err}", module.display()))?;
    let mut pinned = text
        .lines()
        .filter_map(|line| line.trim().trim_start_matches("require ").strip_prefix("tailscale.com v"));
    let pinned = pinned.find_map(|rest| rest.split_whitespace().next());
    let pinned = pinned.ok_or_else(|| format!("{}: it pins no tailscale.com", module.display()))?;
    let said = client.ask(&["version"])?;
    if said.lines().next().is_some_and(|first| first.split('-').next() == Some(pinned)) {
        Ok(())
    } else {
        Err(format!("the client should be of release {pinned}"))
    }
}

/// A name, and a certificate of an authority that the clients trust.
pub(super) fn private_authority(stage: &Stage<'_>) -> Result<(), String> {
    let host = stage.internet.public("relay", RELAY)?;
    let Trusted { cert_dir, roots } = certificate(stage)?;
    let setup = Setup { hostname: RELAY_NAME.to_owned(), cert_dir: Some(cert_dir), ..Setup::bare(&host) };
    let relay = stage.relay(&host, setup)?;
    let printed = relay.printed_map()?;
    words("relay", "wherry serve", &printed);
    if printed.contains(PIN) || printed.to_lowercase().contains("insecure") {
        return Err("the printed map has more than a name".to_owned());
    }
    finding("the map has neither a pin nor an insecure flag");
    let control = stage.control(&printed)?;
    let behind = |name, number| stage.internet.behind(name, number, Nat::Hard);
    let (a, b) = (behind("a", 101)?, behind("b", 102)?);
    let today = &stage.programs.today;
    let pair = stage.join(&control.key()?, [(a, today, Some(&roots)), (b, today, Some(&roots))])?;
    both_agreed(stage, &pair)?;
    pair.relayed("wherry")
}

/// A certificate for the relay's name, as files.
pub(super) struct Trusted {
    /// The folder with the certificate and its key.
    pub(super) cert_dir: PathBuf,
    /// The certificate of its authority.
    pub(super) roots: PathBuf,
}

/// A certificate for the relay's name, of a new authority.
pub(super) fn certificate(stage: &Stage<'_>) -> Result<Trusted, String> {
    let issued = authority::issue(RELAY_NAME)?;
    let (cert_dir, roots) = (stage.dir.join("certs"), stage.dir.join("roots.pem"));
    std::fs::create_dir_all(&cert_dir).map_err(|err| format!("{}: {err}", cert_dir.display()))?;
    write(&cert_dir.join("anything.pem"), &issued.certificate)?;
    write(&cert_dir.join("whatever.key"), &issued.key)?;
    write(&roots, &issued.root)?;
    Ok(Trusted { cert_dir, roots })
}
