//! What the lab cannot do without: tried, not guessed.

use crate::evidence;
use std::fs::File;
use std::process::{Command, Stdio};

/// A scenario that needs one more program: its name, what shows that the program is there, and where it comes from.
type Wish = (&'static str, [&'static str; 2], &'static str);

/// What single scenarios need.
const WISHES: &[Wish] = &[
    ("nginx", ["nginx", "-v"], "apt-get install nginx"),
    ("caddy", ["caddy", "version"], "apt-get install caddy"),
    ("doctor", ["nginx", "-v"], "apt-get install nginx"),
    ("port-mapping", ["miniupnpd", "--version"], "apt-get install miniupnpd-nftables"),
];

/// The device of which every client makes its interface.
const TUN: &str = "/dev/net/tun";

/// Those of the scenarios that can be played here. One that lacks a program of its own is left out, and that is said aloud,
/// unless it was `asked` for by name, or nobody would hear it, in CI.
///
/// # Errors
/// The first thing that is missing, in one line, with its cure.
pub(crate) fn check(mut chosen: Vec<&str>, asked: bool) -> Result<Vec<&str>, String> {
    if !nix::unistd::Uid::effective().is_root() {
        return Err(
            "it needs root for network namespaces: sudo --preserve-env=PATH cargo xtask lab".to_owned()
        );
    }
    namespaces()?;
    File::options().read(true).write(true).open(TUN).map(drop).map_err(|err| {
        format!("{TUN} cannot be opened: {err}; modprobe tun, or in a container pass --device {TUN}")
    })?;
    there(["nft", "--version"], "apt-get install nftables")?;
    there(["go", "version"], "it builds tailscale and headscale, see https://go.dev/dl")?;
    for (scenario, words, cure) in WISHES {
        if !chosen.contains(scenario) || starts(words) {
            continue;
        }
        let lack = format!("scenario `{scenario}` needs {}: {cure}", words[0]);
        if asked || in_ci() {
            return Err(lack);
        }
        evidence::complain(&format!("SKIPPED: {lack}"));
        chosen.retain(|name| name != scenario);
    }
    Ok(chosen)
}

/// Makes one and leaves it: root without the rights of root, as in a container, cannot.
fn namespaces() -> Result<(), String> {
    there(["ip", "-Version"], "apt-get install iproute2")?;
    there(["unshare", "--version"], "apt-get install util-linux")?;
    // `ip netns` needs both kinds.
    let made = quiet(&["unshare", "--net", "--mount", "true"]).status();
    if made.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    let cure = "in a container, pass --privileged, or --cap-add SYS_ADMIN --cap-add NET_ADMIN";
    Err(format!("this root may not make namespaces: {cure}"))
}

/// Whether the machine is gone with what it says, and a skip with it.
pub(crate) fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

fn there(words: [&str; 2], cure: &str) -> Result<(), String> {
    if starts(&words) { Ok(()) } else { Err(format!("`{}` is missing: {cure}", words[0])) }
}

fn starts(words: &[&str]) -> bool {
    quiet(words).status().is_ok()
}

fn quiet(words: &[&str]) -> Command {
    let mut words = words.iter();
    let mut command = Command::new(words.next().copied().unwrap_or_default());
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
