//! The relays under measurement: starting one on its own core.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
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
