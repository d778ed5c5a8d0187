//! The relays under measurement: starting one on its own core, and reading what it uses.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The core the relay has for itself.
const SERVER_CORE: &str = "0";

/// Sets how many packets the reference relay holds for one client.
const DERPER_QUEUE: &str = "TS_DEBUG_DERP_PER_CLIENT_SEND_QUEUE_DEPTH";

/// A relay that takes part.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// How the tables call it.
    pub(crate) name: &'static str,
    /// The command in front of `derper`'s flags.
    pub(crate) command: Vec<PathBuf>,
    /// The value of `GOMAXPROCS`, for a program in Go.
    pub(crate) go_procs: Option<u8>,
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
        command.args(["-c", SERVER_CORE]).args(&self.command);
        command.args(["-a", &addr.to_string(), "-http-port", "-1", "-stun-port", &stun.port().to_string()]);
        command.args(["-hostname", "127.0.0.1", "-certmode", "manual", "-certdir"]).arg(dir.path());
        command.arg("-c").arg(dir.path().join("derper.key")).env("HOME", dir.path());
        if let Some(procs) = self.go_procs {
            // Its queue of 32 packets would lose half of a closed loop with 64 on their way.
            command.env("GOMAXPROCS", procs.to_string()).env(DERPER_QUEUE, "256");
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
}

impl Running {
    /// CPU time used so far, user and system.
    ///
    /// # Errors
    /// The process is gone.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        cpu_of(&self.child.id().to_string())
    }

    /// Proportional set size in bytes: private pages and its share of shared ones.
    ///
    /// # Errors
    /// The process is gone, or the kernel does not tell.
    pub(crate) fn memory(&self) -> io::Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or_default();
        let kib = line.trim().trim_end_matches("kB").trim().parse::<u64>().map_err(io::Error::other)?;
        Ok(kib * 1024)
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

/// CPU time of this process, all threads.
///
/// # Errors
/// The kernel does not tell.
pub(crate) fn own_cpu() -> io::Result<Duration> {
    cpu_of("self")
}

/// CPU time that the whole machine has spent working since it started.
///
/// # Errors
/// The kernel does not tell.
pub(crate) fn machine_cpu() -> io::Result<Duration> {
    let text = fs::read_to_string("/proc/stat")?;
    let line = text.lines().next().unwrap_or_default();
    let ticks: Vec<u64> = line.split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal
    let busy =
        ticks.iter().enumerate().filter(|(at, _)| !matches!(at, 3 | 4) && *at < 8).map(|(_, t)| t).sum();
    Ok(of_ticks(busy))
}

fn cpu_of(pid: &str) -> io::Result<Duration> {
    let text = fs::read_to_string(Path::new("/proc").join(pid).join("stat"))?;
    // The second field is the name in parentheses and may hold spaces.
    let (_, fields) = text.rsplit_once(')').unwrap_or_default();
    let ticks =
        fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(of_ticks(ticks))
}

/// The kernel shows CPU time in hundredths of a second on every machine we measure on.
const fn of_ticks(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 10)
}

fn free_tcp() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn free_udp() -> io::Result<SocketAddr> {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
