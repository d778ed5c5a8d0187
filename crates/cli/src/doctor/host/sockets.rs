//! Who has an address of this host, as `/proc` tells.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};

/// A protocol, by the table that the kernel has of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Protocol {
    Tcp,
    Udp,
}

/// A socket that waits for whoever comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Socket {
    addr: SocketAddr,
    inode: u64,
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) name: String,
}

impl Protocol {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }

    /// The state in which a socket waits: `LISTEN`, and for UDP that of one that is not connected.
    fn waiting(self) -> &'static str {
        match self {
            Self::Tcp => "0A",
            Self::Udp => "07",
        }
    }

    /// All sockets that wait.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub(super) fn sockets(self) -> io::Result<Vec<Socket>> {
        let mut text = fs::read_to_string(format!("/proc/net/{}", self.word()))?;
        // A kernel without IPv6 has no such table.
        text += &fs::read_to_string(format!("/proc/net/{}6", self.word())).unwrap_or_default();
        Ok(text.lines().filter_map(|line| socket(line, self.waiting())).collect())
    }
}

impl Socket {
    /// Whether who binds `wanted` meets this one.
    pub(super) fn has(&self, wanted: SocketAddr) -> bool {
        let (own, wanted_ip) = (self.addr.ip().to_canonical(), wanted.ip().to_canonical());
        let same_port = self.addr.port() == wanted.port();
        // `[::]` takes IPv4 as well, unless it is told not to, which is not to be seen here.
        same_port && (own == wanted_ip || own.is_unspecified() || wanted_ip.is_unspecified())
    }
}

/// The processes that have these sockets open; empty if this user may not see them.
pub(super) fn holders<'a>(sockets: impl Iterator<Item = &'a Socket>) -> BTreeSet<Process> {
    let wanted: BTreeSet<String> = sockets.map(|socket| format!("socket:[{}]", socket.inode)).collect();
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| has_one(*pid, &wanted))
        .map(|pid| {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            Process { pid, name: name.trim_end().to_owned() }
        })
        .collect()
}

fn has_one(pid: u32, wanted: &BTreeSet<String>) -> bool {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let targets = files.filter_map(|file| fs::read_link(file.path()).ok());
    targets.into_iter().any(|target| target.to_str().is_some_and(|target| wanted.contains(target)))
}

/// A line of a table, if the socket is in that state.
///
/// Source: Linux: Documentation/networking/proc_net_tcp.rst.
fn socket(line: &str, state: &str) -> Option<Socket> {
    const STATE: usize = 3;
    const INODE: usize = 9;
    let fields: Vec<_> = line.split_whitespace().collect();
    if *fields.get(STATE)? != state {
        return None;
    }
    let (ip, port) = fields.get(1)?.split_once(':')?;
    let addr = SocketAddr::new(address(ip)?, u16::from_str_radix(port, 16).ok()?);
    Some(Socket { addr, inode: fields.get(INODE)?.parse().ok()? })
}

/// Words of 32 bits in this machine's order of bytes.
fn address(hex: &str) -> Option<IpAddr> {
    const WORD: usize = 8;
    let word = |at: usize| {
        let hex = hex.get(at * WORD..(at + 1) * WORD)?;
        u32::from_str_radix(hex, 16).ok().map(u32::to_ne_bytes)
    };
    match hex.len() / WORD {
        1 => Some(IpAddr::from(word(0)?)),
        4 => {
            let bytes: Vec<u8> = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, UdpSocket};

    #[test]
    fn a_socket_that_waits_is_found_with_its_process() {
        for ip in ["127.0.0.1", "::1"] {
            let ip: IpAddr = ip.parse().unwrap();
            let (listener, socket) = (TcpListener::bind((ip, 0)).unwrap(), UdpSocket::bind((ip, 0)).unwrap());
            for (protocol, addr) in [
                (Protocol::Tcp, listener.local_addr().unwrap()),
                (Protocol::Udp, socket.local_addr().unwrap()),
            ] {
                let found = protocol.sockets().unwrap();
                let found: Vec<_> = found.iter().filter(|socket| socket.addr == addr).collect();
                assert_eq!(found.len(), 1, "{protocol:?} {addr}");
                assert!(found[0].has(addr));
                let holders = holders(found.into_iter());
                assert_eq!(holders.iter().map(|one| one.pid).collect::<Vec<_>>(), [std::process::id()]);
            }
        }
    }

    #[test]
    fn addresses_meet_where_one_of_them_is_every_address() {
        let has = |own: &str, wanted: &str| {
            Socket { addr: own.parse().unwrap(), inode: 1 }.has(wanted.parse().unwrap())
        };
        assert!(has("0.0.0.0:443", "192.0.2.7:443") && has("192.0.2.7:443", "[::]:443"));
        assert!(has("192.0.2.7:443", "192.0.2.7:443") && has("[::ffff:192.0.2.7]:443", "192.0.2.7:443"));
        assert!(!has("192.0.2.7:443", "192.0.2.8:443") && !has("0.0.0.0:443", "192.0.2.7:444"));
    }
}
