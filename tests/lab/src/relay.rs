//! A running wherry.

use crate::map::Node;
use crate::net::Host;
use crate::process::Process;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Time it has from its start until it serves.
const START: Duration = Duration::from_secs(20);

/// How a relay is started.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// Names or addresses; the first goes into the map.
    pub(crate) hostname: String,
    /// TLS port.
    pub(crate) listen: u16,
    /// STUN port.
    pub(crate) stun: u16,
    /// Folder with certificates; without one the certificate is self-signed.
    pub(crate) cert_dir: Option<PathBuf>,
    /// Who may use it.
    pub(crate) admit: String,
    /// Further flags.
    pub(crate) extra: Vec<String>,
}

impl Setup {
    /// What one who has only an address would write: default ports, self-signed, open.
    pub(crate) fn bare(host: &Host) -> Self {
        let hostname = host.v4.map(|v4| v4.to_string()).unwrap_or_default();
        Self {
            hostname,
            listen: 443,
            stun: 3478,
            cert_dir: None,
            admit: "open".to_owned(),
            extra: Vec::new(),
        }
    }
}

/// A relay.
#[derive(Debug)]
pub(crate) struct Relay {
    host: Host,
    setup: Setup,
    program: PathBuf,
    dir: PathBuf,
    process: Process,
}

impl Relay {
    /// Starts it and waits until it serves.
    ///
    /// # Errors
    /// It ended, or does not serve in time.
    pub(crate) fn start(program: &Path, host: &Host, dir: &Path, setup: Setup) -> Result<Self, String> {
        let process = launch(program, host, dir, &setup)?;
        let (host, program, dir) = (host.clone(), program.to_owned(), dir.to_owned());
        let mut relay = Self { host, setup, program, dir, process };
        relay.serves()?;
        Ok(relay)
    }

    /// Starts it again, with the same settings and state, and waits until it serves.
    ///
    /// # Errors
    /// It ended, or does not serve in time.
    pub(crate) fn again(&mut self) -> Result<(), String> {
        self.process = launch(&self.program, &self.host, &self.dir, &self.setup)?;
        self.serves()
    }

    /// Where it runs.
    pub(crate) const fn host(&self) -> &Host {
        &self.host
    }

    /// Its process.
    pub(crate) const fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// What it says is to be put into Headscale's map.
    ///
    /// # Errors
    /// It has not said it.
    pub(crate) fn printed_map(&self) -> Result<String, String> {
        let out = self.process.out();
        let lines = out.lines().skip_while(|line| *line != "regions:");
        let map: Vec<&str> = lines.take_while(|line| *line == "regions:" || line.starts_with(' ')).collect();
        if map.is_empty() { Err("the relay prints no map".to_owned()) } else { Ok(map.join("\n") + "\n") }
    }

    /// The relay as a node of a map of the lab's own.
    ///
    /// # Errors
    /// It is self-signed and has not said its pin.
    pub(crate) fn node(&self) -> Result<Node, String> {
        let cert_name = if self.setup.cert_dir.is_none() { Some(self.pin()?) } else { None };
        let addr = |addr: Option<String>| addr.unwrap_or_else(|| "none".to_owned());
        Ok(Node {
            host_name: self.setup.hostname.clone(),
            cert_name,
            v4: addr(self.host.v4.map(|v4| v4.to_string())),
            v6: addr(self.host.v6.map(|v6| v6.to_string())),
            stun: i32::from(self.setup.stun),
            derp: self.setup.listen,
            insecure: false,
            port_80: false,
        })
    }

    fn pin(&self) -> Result<String, String> {
        let out = self.process.out();
        let pin = out.lines().find_map(|line| line.strip_prefix("# Certificate pin: "));
        pin.map(str::to_owned).ok_or_else(|| "the relay prints no pin".to_owned())
    }

    fn serves(&mut self) -> Result<(), String> {
        // The entry for maps is printed after the line in the log, and ends with its port.
        let is_printed = |out: &str| out.contains("derpport: ") && out.ends_with('\n');
        self.process.shows("serving", START, |process| {
            (process.err().contains(" serving ") && is_printed(&process.out())).then_some(())
        })
    }
}

fn launch(program: &Path, host: &Host, dir: &Path, setup: &Setup) -> Result<Process, String> {
    let mut words = vec![program.to_string_lossy().into_owned(), "serve".to_owned()];
    let mut flag = |name: &str, value: &str| words.extend([name.to_owned(), value.to_owned()]);
    flag("--hostname", &setup.hostname);
    flag("--listen", &format!(":{}", setup.listen));
    flag("--stun", &format!(":{}", setup.stun));
    flag("--admit", &setup.admit);
    flag("--log", "debug");
    flag("--state", &dir.join(format!("{}-state", host.name)).to_string_lossy());
    match &setup.cert_dir {
        Some(dir) => flag("--cert-dir", &dir.to_string_lossy()),
        None => words.push("--self-signed".to_owned()),
    }
    words.extend(setup.extra.iter().cloned());
    Process::start(host, dir, &host.name, &words, &[])
}
