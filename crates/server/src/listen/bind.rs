//! Binding a TCP address.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use crate::config::ListenAddr;

/// Connections the kernel completes before we accept them. A relay that restarts is dialled by all its clients at once.
const BACKLOG: i32 = 4096;

/// Where a relay may listen instead: the customary ports beside 443, and some more.
const OTHERS: RangeInclusive<u16> = 8443..=8463;

/// An address that cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {addr} ({key}): {source}{}", self.remedy())]
pub struct BindError {
    /// The setting it stands in.
    pub key: &'static str,
    /// Which one.
    pub addr: SocketAddr,
    /// A port of the same address that is free, if the port was taken and the relay itself wants another.
    pub free: Option<ListenAddr>,
    /// Why not.
    pub source: io::Error,
}

impl BindError {
    /// What to do about it.
    fn remedy(&self) -> String {
        const TAKEN: &str = "; stop the process that has the port,";
        if self.source.raw_os_error() == Some(nix::libc::EAFNOSUPPORT) {
            return "; this machine has no IPv6, use an IPv4 address such as 0.0.0.0".to_owned();
        }
        match (self.source.kind(), self.key, self.free) {
            (io::ErrorKind::AddrInUse, "listen", Some(free)) => {
                format!("{TAKEN} or choose another: --listen {}", written(free))
            }
            (io::ErrorKind::AddrInUse, "listen", None) => format!("{TAKEN} or choose another"),
            (io::ErrorKind::AddrInUse, key, _) => {
                format!("{TAKEN} choose another, or do without: --{key} off")
            }
            (io::ErrorKind::PermissionDenied, ..) => {
                "; ports below 1024 need root or CAP_NET_BIND_SERVICE".to_owned()
            }
            (io::ErrorKind::AddrNotAvailable, ..) => "; the address must be one of this machine's".to_owned(),
            _ => String::new(),
        }
    }
}

/// As one would write it: some shells take what is in brackets for a pattern.
fn written(listen: ListenAddr) -> String {
    match listen.addr.ip() {
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => {
            format!("{}:{}", if listen.tls { "" } else { "plain:" }, listen.addr.port())
        }
        _ => listen.to_string(),
    }
}

/// Binds an address of the relay itself; as [`bind`]. `own` are all that the relay listens on by TCP, some of them later.
///
/// # Errors
/// [`BindError`], with what to do about it.
pub fn bind_relay(
    listen: ListenAddr,
    dual_stack: bool,
    own: &[SocketAddr],
) -> Result<TcpListener, BindError> {
    let ip = listen.addr.ip();
    let is_taken = |err: &BindError| err.source.kind() == io::ErrorKind::AddrInUse;
    // It is going to be pasted, so it is tried first.
    let is_free = |addr: &SocketAddr| {
        own.iter().all(|own| own.port() != addr.port()) && open(*addr, dual_stack).is_ok()
    };
    let others = || OTHERS.map(|port| SocketAddr::new(ip, port)).find(is_free);
    bind("listen", listen.addr, dual_stack).map_err(|err| {
        let free = is_taken(&err).then(others).flatten().map(|addr| ListenAddr { addr, ..listen });
        BindError { free, ..err }
    })
}

/// Binds `addr`, which stands in the setting `key`; with `dual_stack`, an IPv6 wildcard takes IPv4 connections too.
///
/// # Errors
/// [`BindError`], with what to do about it.
pub fn bind(key: &'static str, addr: SocketAddr, dual_stack: bool) -> Result<TcpListener, BindError> {
    open(addr, dual_stack).map_err(|source| BindError { key, addr, free: None, source })
}

fn open(addr: SocketAddr, dual_stack: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    if addr.is_ipv6() {
        socket.set_only_v6(!dual_stack)?;
    }
    // A restart must not wait for the connections of the process before.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}
