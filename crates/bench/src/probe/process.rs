//! One process: the relay, if it runs here.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use thiserror::Error;

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

/// Why a process is not the relay's.
#[derive(Debug, Error)]
pub enum NotTheRelay {
    /// There is none.
    #[error("there is no such process here")]
    Gone,
    /// Its sockets are hidden.
    #[error("this user may not see its sockets: run as its user or as root, or leave the flag out")]
    Hidden,
    /// It does something else.
    #[error(
        "process {name:?} does not listen on port {port}{}", other(*.listener)
    )]
    Deaf {
        /// What it is called.
        name: String,
        /// The relay's port.
        port: u16,
        /// The process that does, if it can be seen.
        listener: Option<u32>,
    },
}

fn other(listener: Option<u32>) -> String {
    listener.map_or_else(
        || "; leave the flag out if the relay runs on another machine".to_owned(),
        |pid| format!("; process {pid} does: give its number, or leave the flag out"),
    )
}

/// The process with that number, if it listens on that address's port, be it in a network of its own as in a container.
///
/// # Errors
/// [`NotTheRelay`].
pub(crate) fn relay_process(pid: u32, addr: SocketAddr) -> Result<Process, NotTheRelay> {
    let process = Process::new(pid).map_err(|_| NotTheRelay::Gone)?;
    let folder = Path::new("/proc").join(pid.to_string());
    if fs::read_dir(folder.join("fd")).is_err() {
        return Err(NotTheRelay::Hidden);
    }
    if holds(pid, &listening_in(&folder.join("net"), addr.port(), None)) {
        return Ok(process);
    }
    let name = fs::read_to_string(folder.join("comm")).unwrap_or_default().trim().to_owned();
    let listener = listener(addr).map(Process::pid);
    Err(NotTheRelay::Deaf { name, port: addr.port(), listener })
}

/// The process of this machine that listens on that address, if we may see it.
pub(crate) fn listener(addr: SocketAddr) -> Option<Process> {
    let sockets = listening_in(Path::new("/proc/net"), addr.port(), Some(&digits(addr.ip())));
    let pids = fs::read_dir("/proc").ok()?.flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| holds(*pid, &sockets)).find_map(|pid| Process::new(pid).ok())
}

/// An address as the kernel's tables of sockets have it.
fn digits(ip: IpAddr) -> String {
    let octets = match ip {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    let words = octets.chunks_exact(4).filter_map(|word| Some(u32::from_ne_bytes(*word.first_chunk()?)));
    words.map(|word| format!("{word:08X}")).collect()
}

/// The inodes of sockets in a folder's tables that listen on that port, of that address or of all, as links to open
/// files name them; without an address, of any.
fn listening_in(folder: &Path, port: u16, own: Option<&str>) -> Vec<String> {
    let tables = ["tcp", "tcp6"].iter().filter_map(|name| fs::read_to_string(folder.join(name)).ok());
    tables.flat_map(|text| listening(&text, port, own)).collect()
}

fn listening(table: &str, port: u16, own: Option<&str>) -> Vec<String> {
    /// State of a listening socket in these tables.
    const LISTEN: &str = "0A";
    let port = format!("{port:04X}");
    let mut found = Vec::new();
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (Some(local), Some(&state), Some(inode)) = (fields.get(1), fields.get(3), fields.get(9)) else {
            continue;
        };
        let Some((host, on)) = local.split_once(':') else { continue };
        let is_own = own.is_none_or(|own| own == host) || host.bytes().all(|digit| digit == b'0');
        if state == LISTEN && on == port && is_own {
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
    fn a_process_that_does_not_listen_on_the_port_is_not_the_relay() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let (addr, own) = (socket.local_addr().unwrap(), std::process::id());
        assert_eq!(relay_process(own, addr).unwrap().pid(), own);
        drop(socket);
        let refused = relay_process(own, addr).unwrap_err().to_string();
        assert!(refused.contains(&format!("does not listen on port {}; leave", addr.port())), "{refused}");
        assert!(matches!(relay_process(4_194_305, addr), Err(NotTheRelay::Gone)));
    }

    #[test]
    fn a_process_that_is_gone_is_an_error() {
        assert!(Process::new(u32::MAX).is_err());
        assert!(Process::new(4_194_305).is_err(), "above the highest number a kernel gives");
    }
}
