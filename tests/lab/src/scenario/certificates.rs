//! How clients know the relay: by a pin, by a flag that only tests should need, by a certificate authority.

use super::authority;
use crate::evidence::finding;
use crate::folder::write;
use crate::map::{Region, yaml};
use crate::net::Nat;
use crate::relay::Setup;
use crate::stage::{RELAY, RELAY_NAME, Stage, region};
use std::path::PathBuf;

/// Clients from before pins: they do not check at all.
pub(super) fn old_clients(stage: &Stage<'_>) -> Result<(), String> {
    let relay = stage.bare_relay("relay", RELAY)?;
    let mut node = relay.node()?;
    (node.cert_name, node.insecure) = (None, true);
    let map = yaml(&[Region { id: 900, code: "wherry", nodes: vec![node] }]);
    let control = stage.control(&map)?;
    let behind = |name, number| stage.internet.behind(name, number, Nat::Hard);
    let (a, b) = (behind("a", 101)?, behind("b", 102)?);
    let pair =
        stage.join(&control.key()?, [(a, &stage.programs.old, None), (b, &stage.programs.today, None)])?;
    pair.a.ask(&["version"])?;
    pair.relayed("wherry")
}

/// A name, and a certificate of an authority that the clients trust.
pub(super) fn private_authority(stage: &Stage<'_>) -> Result<(), String> {
    let host = stage.internet.public("relay", RELAY)?;
    let (cert_dir, roots) = certificate(stage)?;
    let setup = Setup { hostname: RELAY_NAME.to_owned(), cert_dir: Some(cert_dir), ..Setup::bare(&host) };
    let relay = stage.relay(&host, setup)?;
    let map = yaml(&[region(900, "wherry", &relay)?]);
    if map.contains("insecure") || map.contains("sha256-raw") {
        return Err("the map has more than a name".to_owned());
    }
    finding("the map has neither a pin nor an insecure flag");
    let control = stage.control(&map)?;
    let behind = |name, number| stage.internet.behind(name, number, Nat::Hard);
    let (a, b) = (behind("a", 101)?, behind("b", 102)?);
    let today = &stage.programs.today;
    let pair = stage.join(&control.key()?, [(a, today, Some(&roots)), (b, today, Some(&roots))])?;
    pair.relayed("wherry")
}

/// A folder with the relay's certificate and key, and the authority's certificate.
fn certificate(stage: &Stage<'_>) -> Result<(PathBuf, PathBuf), String> {
    let issued = authority::issue(RELAY_NAME)?;
    let (dir, roots) = (stage.dir.join("certs"), stage.dir.join("roots.pem"));
    std::fs::create_dir_all(&dir).map_err(|err| format!("{}: {err}", dir.display()))?;
    write(&dir.join("anything.pem"), &issued.certificate)?;
    write(&dir.join("whatever.key"), &issued.key)?;
    write(&roots, &issued.root)?;
    Ok((dir, roots))
}
