//! What the lab cannot do without.

use std::path::Path;
use std::process::{Command, Stdio};

/// Web servers of Debian's: the scenarios that need one, and what shows whether it is there.
const WEB_SERVERS: [(&[&str], [&str; 2]); 2] =
    [(&["nginx", "doctor"], ["nginx", "-v"]), (&["caddy"], ["caddy", "version"])];

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
    for (scenarios, words) in WEB_SERVERS {
        if let Some(scenario) = scenarios.iter().find(|one| chosen.contains(one))
            && !starts(words)
        {
            let name = words[0];
            return Err(format!(
                "scenario `{scenario}` needs {name}: apt-get install {name}, or name other scenarios"
            ));
        }
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
