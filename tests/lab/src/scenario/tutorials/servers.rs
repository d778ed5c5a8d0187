//! What there is before the first step.

use super::cases::{Case, Holder};
use crate::net::{Host, Nat};
use crate::scenario::authority::{self, Issued};
use crate::stage::{RELAY, RELAY_NAME, Stage};
use crate::tutorial::Machine;
use crate::{control, folder};
use std::path::PathBuf;

/// The machines that serve, and whom the clients trust beside themselves.
pub(super) struct Servers {
    pub(super) relay: Machine,
    pub(super) relay_host: Host,
    /// Before the relay's host.
    pub(super) router: Option<Host>,
    pub(super) headscale: Machine,
    pub(super) roots: Option<PathBuf>,
}

/// The machines as they are before the first step: programs built, Headscale without a map of its own.
pub(super) fn servers(stage: &Stage<'_>, case: &Case) -> Result<Servers, String> {
    let (relay_host, router) = relay_host(stage, case)?;
    let headscale_host = stage.control_host();
    for host in [&relay_host, headscale_host] {
        host.knows(&stage.names(host))?;
    }
    let relay = Machine::new(&relay_host, &stage.dir)?;
    let headscale = Machine::new(headscale_host, &stage.dir)?;
    relay.built(&stage.programs.wherry)?;
    headscale.install(&stage.programs.wherry)?;
    headscale.install(&stage.programs.headscale)?;
    headscale.file("/etc/headscale/config.yaml", &control::rest("/var/lib/headscale"))?;
    headscale.file(
        "/etc/systemd/system/headscale.service",
        "StateDirectory=headscale\nExecStart=/usr/local/bin/headscale --config /etc/headscale/config.yaml serve\n",
    )?;
    let roots = certificate(stage, case, &relay, &headscale)?;
    Ok(Servers { relay, relay_host, router, headscale, roots })
}

fn relay_host(stage: &Stage<'_>, case: &Case) -> Result<(Host, Option<Host>), String> {
    if !case.at_home {
        return Ok((stage.internet.public("relay", RELAY)?, None));
    }
    let behind = stage.internet.behind("relay", RELAY, Nat::Easy)?;
    let inner = behind.client.v4.ok_or("the relay at home has no address")?;
    // What the page tells the reader to set up on the router.
    behind.router.pass_on("tcp", 8443, inner)?;
    behind.router.pass_on("udp", 3479, inner)?;
    Ok((behind.client, Some(behind.router)))
}

/// A certificate on the relay's machine, from an authority that the other machines trust, as they do Let's Encrypt.
fn certificate(
    stage: &Stage<'_>,
    case: &Case,
    relay: &Machine,
    headscale: &Machine,
) -> Result<Option<PathBuf>, String> {
    let issued = authority::issue(RELAY_NAME)?;
    let Some(left) = left(&case.certificate, &issued) else { return Ok(None) };
    for (path, text) in &left.files {
        relay.file(path, text)?;
    }
    let (owner, folder) = (left.owner, left.folder);
    relay.run("close", &format!("chown -R {owner}: {folder}\nchmod -R go= {folder}"))?;
    headscale.file("/etc/ssl/certs/ca-certificates.crt", &issued.root)?;
    let roots = stage.dir.join("roots.pem");
    folder::write(&roots, &issued.root)?;
    Ok(Some(roots))
}

/// A newer certificate where certbot leaves it, from an authority that nobody trusts.
///
/// # Errors
/// It cannot be written.
pub(super) fn renew(relay: &Machine) -> Result<(), String> {
    let left = left(&Holder::Certbot, &authority::issue(RELAY_NAME)?);
    let mut files = left.iter().flat_map(|left| &left.files);
    files.try_for_each(|(path, text)| relay.file(path, text))
}

/// What who keeps certificates leaves of one.
struct Left {
    /// The folder that is closed to all but its owner.
    folder: &'static str,
    owner: &'static str,
    /// Paths and contents.
    files: Vec<(String, String)>,
}

fn left(holder: &Holder, issued: &Issued) -> Option<Left> {
    let (name, chain) = (RELAY_NAME, issued.certificate.clone() + &issued.root);
    match holder {
        Holder::Nobody => None,
        Holder::Certbot => {
            let file = |kind: &str| format!("/etc/letsencrypt/live/{name}/{kind}.pem");
            let files = vec![(file("fullchain"), chain), (file("privkey"), issued.key.clone())];
            Some(Left { folder: "/etc/letsencrypt/live", owner: "root", files })
        }
        Holder::Caddy => {
            let kept = "share/caddy/certificates/acme-v02.api.letsencrypt.org-directory";
            let file = |kind: &str| format!("/var/lib/caddy/.local/{kept}/{name}/{name}.{kind}");
            let about = format!("{{\"sans\":[\"{name}\"]}}");
            let files = vec![(file("crt"), chain), (file("key"), issued.key.clone()), (file("json"), about)];
            Some(Left { folder: "/var/lib/caddy/.local", owner: "caddy", files })
        }
    }
}
