//! What the lab cannot do without.

use std::path::Path;
use std::process::{Command, Stdio};

/// The scenarios that need nginx, and what that needs.
const NGINX: ([&str; 2], [&str; 2], &str) = (["nginx", "doctor"], ["nginx", "-v"], "apt-get install nginx");

/// Says what is missing for these scenarios, in one line, with its cure.
///
/// # Errors
/// The first thing that is missing.
pub(crate) fn check(chosen: &[&str]) -> Result<(), String> {
    if !nix::unistd::Uid::effective().is_root() {
        return Err(
            "it needs root for network namespaces: sudo --preserve-env=PATH cargo xtask lab".to_owned()
        );
    }
    for (words, cure) in [
        (["ip", "-Version"], "apt-get install iproute2"),
        (["nft", "--version"], "apt-get install nftables"),
        (["go", "version"], "it builds tailscale and headscale, see https://go.dev/dl"),
    ] {
        if !starts(words) {
            return Err(format!("`{}` is missing: {cure}", words[0]));
        }
    }
    let (scenarios, words, cure) = NGINX;
    if let Some(scenario) = scenarios.iter().find(|one| chosen.contains(one))
        && !starts(words)
    {
        return Err(format!("scenario `{scenario}` needs nginx: {cure}, or name other scenarios"));
    }
    if !Path::new("/dev/net/tun").exists() {
        return Err("/dev/net/tun is missing: modprobe tun; in a container, pass the device in".to_owned());
    }
    Ok(())
}

fn starts(words: [&str; 2]) -> bool {
    let mut command = Command::new(words[0]);
    command.arg(words[1]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
