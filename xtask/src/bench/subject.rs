//! What is measured: starting it on its own core.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The core the relay has for itself.
pub(crate) const SERVER_CORE: usize = 0;

/// The cores of two workers, if there is one more for the load; else they share the one.
const TWO_CORES: &str = "0,2";

/// Sets how many packets the reference relay holds for one client.
const DERPER_QUEUE: &str = "TS_DEBUG_DERP_PER_CLIENT_SEND_QUEUE_DEPTH";

/// How the tables call our relay.
pub(crate) const WHERRY: &str = "wherry";

/// How the tables call the reference relay.
pub(crate) const DERPERS: [&str; 2] = ["derper, GOMAXPROCS=1", "derper, GOMAXPROCS=2"];

/// How the tables call the plain copy.
pub(crate) const COPY: &str = "plain copy";

/// Who takes a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// Each relay in turn.
    Relays,
    /// Wherry with two workers.
    TwoWorkers,
    /// The plain TCP copy.
    Copy,
}

/// Something that takes part.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// How the tables call it.
    pub(crate) name: &'static str,
    program: PathBuf,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Wherry { workers: Option<u8> },
    Derper { procs: u8 },
    Copy,
}

/// A started relay; it is killed when this goes.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    /// Where it speaks TLS.
    pub(crate) addr: SocketAddr,
    /// Where it answers STUN.
    pub(crate) stun: SocketAddr,
    _dir: TempDir,
}

/// The programs.
#[derive(Debug)]
pub(crate) struct Programs {
    /// Our relay; it is the load generator, too.
    pub(crate) wherry: PathBuf,
    /// The reference relay.
    pub(crate) derper: PathBuf,
    /// This program.
    pub(crate) own: PathBuf,
}

impl Programs {
    /// Who takes part in a load.
    pub(crate) fn subjects(&self, who: Who) -> Vec<Subject> {
        let subject = |name, program: &Path, kind| Subject { name, program: program.to_owned(), kind };
        match who {
            Who::Relays => vec![
                subject(WHERRY, &self.wherry, Kind::Wherry { workers: None }),
                subject(DERPERS[0], &self.derper, Kind::Derper { procs: 1 }),
                subject(DERPERS[1], &self.derper, Kind::Derper { procs: 2 }),
            ],
            Who::TwoWorkers => vec![subject(WHERRY, &self.wherry, Kind::Wherry { workers: Some(2) })],
            Who::Copy => vec![subject(COPY, &self.own, Kind::Copy)],
        }
    }
}

impl Subject {
    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// It cannot be started or does not listen within ten seconds; its output is part of the error.
    pub(crate) fn start(&self) -> io::Result<Running> {
        let dir = tempfile::tempdir()?;
        let addr = free_tcp()?;
        let stun = free_udp()?;
        let log_path = dir.path().join("log");
        let log = File::create(&log_path)?;
        let mut command = Command::new("taskset");
        command.args(["-c", &self.cores()]).arg(&self.program).args(self.words(addr, stun, dir.path()));
        command.env("HOME", dir.path());
        match self.kind {
            Kind::Wherry { workers: Some(workers) } => {
                command.env("WHERRY_WORKERS", workers.to_string());
            }
            // Its queue of 32 packets would lose half of a closed loop with 64 on their way.
            Kind::Derper { procs } => {
                command.env("GOMAXPROCS", procs.to_string()).env(DERPER_QUEUE, "256");
            }
            Kind::Wherry { workers: None } | Kind::Copy => {}
        }
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let running = Running { child: command.spawn()?, addr, stun, _dir: dir };
        let start = Instant::now();
        while TcpStream::connect(addr).is_err() {
            if start.elapsed() > Duration::from_secs(10) {
                let said = fs::read_to_string(&log_path).unwrap_or_default();
                return Err(io::Error::other(format!("{} does not listen; it said:\n{said}", self.name)));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(running)
    }

    fn cores(&self) -> String {
        match self.kind {
            Kind::Wherry { workers: Some(_) } if cores() > 2 => TWO_CORES.to_owned(),
            _ => SERVER_CORE.to_string(),
        }
    }

    fn words(&self, addr: SocketAddr, stun: SocketAddr, dir: &Path) -> Vec<OsString> {
        let addr = addr.to_string();
        let mut words: Vec<OsString> = match self.kind {
            Kind::Copy => return vec!["copy".into(), addr.into()],
            Kind::Wherry { .. } => vec!["derper".into()],
            Kind::Derper { .. } => Vec::new(),
        };
        let port = stun.port().to_string();
        let flags = ["-a", &addr, "-http-port", "-1", "-stun-port", &port, "-hostname", "127.0.0.1"];
        words.extend(flags.map(OsString::from));
        words.extend(["-certmode".into(), "manual".into(), "-certdir".into(), dir.into()]);
        words.extend(["-c".into(), dir.join("derper.key").into()]);
        words
    }
}

/// Cores of this machine.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}

impl Running {
    /// Number of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone after the wait.
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

fn free_tcp() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn free_udp() -> io::Result<SocketAddr> {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
