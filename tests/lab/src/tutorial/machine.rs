//! A machine with files of its own, as the reader of a tutorial has one.
//!
//! Its `/etc`, `/var`, `/usr/local` and `/run` are layers over the host's, in a mount namespace: what is written there is
//! seen by what runs there and by nobody else, and gone with it. No init runs in a namespace, so `systemctl` is a stand-in that
//! starts what the unit says.

use crate::folder::write;
use crate::net::Host;
use crate::process::{Process, output};
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
for dir in etc var run usr/local; do
    mkdir -p "$1/$dir/upper" "$1/$dir/work"
    mount -t overlay -o "lowerdir=/$dir,upperdir=$1/$dir/upper,workdir=$1/$dir/work" overlay "/$dir"
done
echo "$hosts" >/etc/hosts
: >/etc/resolv.conf
echo ready
exec sleep infinity
"#;

/// What stands in for `systemctl`.
const SYSTEMCTL: &str = r#"#!/bin/sh
set -e
for unit; do :; done
file=/etc/systemd/system/$unit.service
[ -e "$file" ] || file=/lib/systemd/system/$unit.service
pid=/run/$unit.pid
case $1 in
enable | restart)
    if [ -s "$pid" ]; then
        kill "$(cat "$pid")"
        while kill -0 "$(cat "$pid")" 2>/dev/null; do sleep 0.1; done
    fi
    mkdir -p "/var/lib/$unit"
    export STATE_DIRECTORY=/var/lib/$unit
    eval "exec $(sed -n 's/^ExecStart=//p' "$file")" >"/var/log/$unit.log" 2>&1 </dev/null &
    # Who forks writes the number of the process that stays itself.
    if grep -q ^Type=forking "$file"; then wait; else echo $! >"$pid"; fi
    # A reader takes seconds to go on; by then it serves.
    case $unit in
    wherry) until grep -q ' serving ' "/var/log/$unit.log"; do sleep 0.1; done ;;
    headscale) until [ -S /var/lib/headscale/headscale.sock ]; do sleep 0.1; done ;;
    esac
    ;;
reload) kill -HUP "$(cat "$pid")" ;;
*) echo "systemctl: the lab's stand-in does not know $1" >&2; exit 1 ;;
esac
"#;

/// What stands in for `journalctl -u UNIT`.
const JOURNALCTL: &str = "#!/bin/sh\nexec cat \"/var/log/$2.log\"\n";

/// A machine.
#[derive(Debug)]
pub(crate) struct Machine {
    host: Host,
    dir: PathBuf,
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
        let machine = Self { host: host.clone(), dir: dir.to_owned(), holder };
        machine.program("systemctl", SYSTEMCTL)?;
        machine.program("journalctl", JOURNALCTL)?;
        Ok(machine)
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
        let words = ["nsenter", "--target", &target, "--mount", "--wd=/", "sh", "-ec", commands];
        output(&self.host, &self.dir, &format!("{}-{name}", self.host.name), &words, STEP)
    }

    fn program(&self, name: &str, text: &str) -> Result<(), String> {
        let path = format!("/usr/local/bin/{name}");
        self.file(&path, text)?;
        self.run("chmod", &format!("chmod 755 {path}")).map(drop)
    }
}
