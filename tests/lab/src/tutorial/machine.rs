//! A machine with files of its own, as the reader of a tutorial has one.
//!
//! Its `/etc`, `/var` and `/usr/local` are layers over the host's, in a mount namespace, and its `/run` is empty at first:
//! what is written there is seen by what runs there and by nobody else, and gone with it. No init runs in a namespace, so
//! `systemctl` is a stand-in that starts what the unit says, as the user that it says.

use crate::folder::{self, write};
use crate::net::Host;
use crate::process::{Process, output};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Time until the layers are there.
const SOON: Duration = Duration::from_secs(10);

/// Time a step may take.
const STEP: Duration = Duration::from_secs(60);

/// $1: folder for the layers.
const LAYERS: &str = r#"
set -e
hosts=$(cat /etc/hosts)
mkdir -p "$1"
mount -t tmpfs layers "$1"
for dir in etc var usr/local; do
    mkdir -p "$1/$dir/upper" "$1/$dir/work"
    mount -t overlay -o "lowerdir=/$dir,upperdir=$1/$dir/upper,workdir=$1/$dir/work" overlay "/$dir"
done
# Empty, for processes have the same numbers here as on the host: by one of its files the host's own server would be stopped.
mount -t tmpfs -o mode=755 run /run
echo "$hosts" >/etc/hosts
: >/etc/resolv.conf
echo ready
exec sleep infinity
"#;

/// What stands in for `systemctl`.
const SYSTEMCTL: &str = include_str!("systemctl.sh");

/// What stands in for `journalctl -u UNIT`.
const JOURNALCTL: &str = "#!/bin/sh\nexec cat \"/var/log/$2.log\"\n";

/// A machine.
#[derive(Debug)]
pub(crate) struct Machine {
    host: Host,
    dir: PathBuf,
    /// Where its reader works.
    desk: PathBuf,
    holder: Process,
}

impl Machine {
    /// Makes it, with stand-ins for what a namespace does not have.
    ///
    /// # Errors
    /// The layers cannot be made.
    pub(crate) fn new(host: &Host, dir: &Path) -> Result<Self, String> {
        let layers = dir.join(format!("{}-layers", host.name)).to_string_lossy().into_owned();
        let words = ["unshare", "--mount", "sh", "-c", LAYERS, "sh", &layers];
        let mut holder = Process::start(host, dir, &format!("{}-holder", host.name), &words, &[])?;
        holder.shows("its layers", SOON, |holder| holder.out().contains("ready").then_some(()))?;
        let desk = dir.join(format!("{}-desk", host.name));
        fs::create_dir_all(&desk).map_err(|err| format!("{}: {err}", desk.display()))?;
        let machine = Self { host: host.clone(), dir: dir.to_owned(), desk, holder };
        machine.program("systemctl", SYSTEMCTL)?;
        machine.program("journalctl", JOURNALCTL)?;
        Ok(machine)
    }

    /// What `git clone` and `cargo build` leave where its reader works, as far as the next steps need it.
    ///
    /// # Errors
    /// It cannot be copied.
    pub(crate) fn built(&self, program: &Path) -> Result<(), String> {
        let (root, program) = (folder::root(), program.display());
        // The copies that are installed lie in memory.
        let commands = format!(
            "mkdir -p target/release\nstrip --strip-debug -o target/release/wherry {program}\ncp -r {}/packaging .",
            root.display()
        );
        self.run("built", &commands).map(drop)
    }

    /// Puts a program where the tutorial says it is to be installed.
    ///
    /// # Errors
    /// It cannot be put there.
    pub(crate) fn install(&self, program: &Path) -> Result<(), String> {
        self.run("install", &format!("ln -sf {} /usr/local/bin/", program.display())).map(drop)
    }

    /// Writes a file.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn file(&self, path: &str, text: &str) -> Result<(), String> {
        let own = self.dir.join(format!("{}-file", self.host.name));
        write(&own, text)?;
        self.run("file", &format!("mkdir -p \"$(dirname {path})\" && cat {} >{path}", own.display()))
            .map(drop)
    }

    /// Runs commands and returns what they print.
    ///
    /// # Errors
    /// One of them failed.
    pub(crate) fn run(&self, name: &str, commands: &str) -> Result<String, String> {
        let target = self.holder.pid().to_string();
        let desk = format!("--wd={}", self.desk.display());
        let words = ["nsenter", "--target", &target, "--mount", &desk, "sh", "-ec", commands];
        output(&self.host, &self.dir, &format!("{}-{name}", self.host.name), &words, STEP)
    }

    fn program(&self, name: &str, text: &str) -> Result<(), String> {
        let path = format!("/usr/local/bin/{name}");
        self.file(&path, text)?;
        self.run("chmod", &format!("chmod 755 {path}")).map(drop)
    }
}
