//! The programs of the lab: wherry as it is now, and the pinned Go programs.

use crate::{folder, wait};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Names a ready relay that is used in place of a build of the present sources.
const READY: &str = "WHERRY_BIN";

/// Time one build may take: the first ones fetch and compile everything.
const BUILD: Duration = Duration::from_secs(30 * 60);

/// The two programs of one release of Tailscale.
#[derive(Debug, Clone)]
pub(crate) struct Release {
    /// The command line.
    pub(crate) tailscale: PathBuf,
    /// The daemon.
    pub(crate) tailscaled: PathBuf,
}

/// Everything the lab starts.
#[derive(Debug)]
pub(crate) struct Programs {
    /// Our relay.
    pub(crate) wherry: PathBuf,
    /// This program, which carries traffic too.
    pub(crate) own: PathBuf,
    /// The control server.
    pub(crate) headscale: PathBuf,
    /// The clients of today.
    pub(crate) today: Release,
    /// Clients from before certificate pins.
    pub(crate) old: Release,
}

impl Programs {
    /// Builds what is not built yet: minutes the first time, seconds later.
    ///
    /// # Errors
    /// A build failed.
    pub(crate) fn build() -> Result<Self, String> {
        let tests = folder::root().join("tests");
        let bin = folder::target()?.join("lab-bin");
        Ok(Self {
            wherry: wherry()?,
            own: std::env::current_exe().map_err(|err| format!("where is this program? {err}"))?,
            headscale: go(&tests.join("lab/headscale"), &bin, "github.com/juanfont/headscale/cmd/headscale")?,
            today: release(&tests.join("go"), &bin.join("today"))?,
            old: release(&tests.join("lab/old"), &bin.join("old"))?,
        })
    }
}

fn release(module: &Path, bin: &Path) -> Result<Release, String> {
    Ok(Release {
        tailscale: go(module, bin, "tailscale.com/cmd/tailscale")?,
        tailscaled: go(module, bin, "tailscale.com/cmd/tailscaled")?,
    })
}

fn wherry() -> Result<PathBuf, String> {
    if let Some(ready) = std::env::var_os(READY) {
        let path = PathBuf::from(ready);
        return path.is_file().then_some(path).ok_or_else(|| format!("{READY} names no file"));
    }
    let target = folder::target()?;
    let mut command = Command::new("cargo");
    command.args(["build", "--quiet", "--locked", "-p", "wherry", "--target-dir"]).arg(&target);
    built(command.current_dir(folder::root()))?;
    Ok(target.join("debug").join("wherry"))
}

fn go(module: &Path, bin: &Path, package: &str) -> Result<PathBuf, String> {
    let program = bin.join(package.rsplit('/').next().unwrap_or(package));
    let mut command = Command::new("go");
    command.args(["build", "-o"]).arg(&program).arg(package);
    built(command.current_dir(module))?;
    Ok(program)
}

fn built(command: &mut Command) -> Result<(), String> {
    let line = format!("{command:?}");
    let told = |err| format!("{line} does not start: {err}");
    let mut child = command.stdin(Stdio::null()).spawn().map_err(told)?;
    let ended = wait::until(&line, BUILD, || child.try_wait().map_err(told));
    if ended.is_err() {
        // What it has started itself ends by itself.
        drop(child.kill());
        drop(child.wait());
    }
    match ended? {
        status if status.success() => Ok(()),
        status => Err(format!("{line}: {status}")),
    }
}
