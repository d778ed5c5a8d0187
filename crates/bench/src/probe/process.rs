//! One process: the relay, if it runs here.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

use super::machine::cores_of;

/// A process of this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process {
    pid: Pid,
}

impl Process {
    /// The process with this number.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn new(pid: u32) -> io::Result<Self> {
        let pid = i32::try_from(pid).map_err(io::Error::other)?;
        let process = Self { pid: Pid::from_raw(pid) };
        process.cpu()?;
        Ok(process)
    }

    /// Its number.
    pub(crate) fn pid(self) -> u32 {
        u32::try_from(self.pid.as_raw()).unwrap_or(0)
    }

    /// Cores it may use; one if the system does not tell.
    pub(crate) fn cores(self) -> usize {
        cores_of(self.pid)
    }

    /// CPU time used so far by all its threads, user and system.
    ///
    /// # Errors
    /// It is gone.
    pub(crate) fn cpu(self) -> io::Result<Duration> {
        Ok(clock_gettime(clock_getcpuclockid(self.pid)?)?.into())
    }

    /// Proportional set size in bytes: its own pages, and its share of those it shares.
    ///
    /// # Errors
    /// It is gone, belongs to somebody else, or the kernel does not tell.
    pub(crate) fn memory(self) -> io::Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid))?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or_default();
        let kib = line.trim().trim_end_matches("kB").trim().parse::<u64>().map_err(io::Error::other)?;
        Ok(kib * 1024)
    }
}

/// CPU time of this process, all threads.
///
/// # Errors
/// The kernel does not tell.
pub(super) fn own_cpu() -> io::Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?.into())
}

/// The process of this machine that listens on that address, if we may see it.
pub(crate) fn listener(addr: SocketAddr) -> Option<Process> {
    let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .flat_map(|text| listening(&text, addr))
        .collect();
    let pids = fs::read_dir("/proc").ok()?.flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| holds(*pid, &sockets)).find_map(|pid| Process::new(pid).ok())
}

/// The inodes of sockets that listen on that address or on all, as links to open files name them.
fn listening(table: &str, addr: SocketAddr) -> Vec<String> {
    /// State of a listening socket in these tables.
    const LISTEN: &str = "0A";
    let port = format!("{:04X}", addr.port());
    let own = match addr {
        SocketAddr::V4(v4) => format!("{:08X}", u32::from_ne_bytes(v4.ip().octets())),
        SocketAddr::V6(v6) => {
            let words = v6.ip().octets();
            let words =
                words.chunks_exact(4).filter_map(|word| Some(u32::from_ne_bytes(*word.first_chunk()?)));
            words.map(|word| format!("{word:08X}")).collect()
        }
    };
    let mut found = Vec::new();
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (Some(local), Some(&state), Some(inode)) = (fields.get(1), fields.get(3), fields.get(9)) else {
            continue;
        };
        let Some((host, on)) = local.split_once(':') else { continue };
        if state == LISTEN && on == port && (host == own || host.bytes().all(|digit| digit == b'0')) {
            found.push(format!("socket:[{inode}]"));
        }
    }
    found
}

fn holds(pid: u32, sockets: &[String]) -> bool {
    let Ok(files) = fs::read_dir(Path::new("/proc").join(pid.to_string()).join("fd")) else { return false };
    files
        .flatten()
        .filter_map(|file| fs::read_link(file.path()).ok())
        .any(|link| sockets.iter().any(|socket| link.as_os_str() == socket.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn the_process_behind_a_listening_socket_is_found() {
        let listener_socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let found = listener(listener_socket.local_addr().unwrap()).unwrap();
        assert_eq!(found.pid(), std::process::id());
        assert!(found.cpu().unwrap() > Duration::ZERO && found.memory().unwrap() > 0);
    }

    #[test]
    fn a_process_that_is_gone_is_an_error() {
        assert!(Process::new(u32::MAX).is_err());
        assert!(Process::new(4_194_305).is_err(), "above the highest number a kernel gives");
    }
}
