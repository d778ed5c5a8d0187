//! Binding a TCP address.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// Connections the kernel completes before we accept them. A relay that restarts is dialled by all its clients at once.
const BACKLOG: i32 = 4096;

/// An address that cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {addr} ({key}): {source}{}", remedy(source, key))]
pub struct BindError {
    /// The setting it stands in.
    pub key: &'static str,
    /// Which one.
    pub addr: SocketAddr,
    /// Why not.
    pub source: io::Error,
}

/// What to do about it.
fn remedy(error: &io::Error, key: &str) -> String {
    if error.raw_os_error() == Some(nix::libc::EAFNOSUPPORT) {
        return "; this machine has no IPv6, use an IPv4 address such as 0.0.0.0".to_owned();
    }
    match error.kind() {
        io::ErrorKind::AddrInUse if key == "listen" => {
            "; stop the process that has the port, or choose another: --listen :8443".to_owned()
        }
        io::ErrorKind::AddrInUse => {
            format!("; stop the process that has the port, choose another, or do without: --{key} off")
        }
        io::ErrorKind::PermissionDenied => "; ports below 1024 need root or CAP_NET_BIND_SERVICE".to_owned(),
        io::ErrorKind::AddrNotAvailable => "; the address must be one of this machine's".to_owned(),
        _ => String::new(),
    }
}

/// Binds `addr`, which stands in the setting `key`; with `dual_stack`, an IPv6 wildcard takes IPv4 connections too.
///
/// # Errors
/// [`BindError`], with what to do about it.
pub fn bind(key: &'static str, addr: SocketAddr, dual_stack: bool) -> Result<TcpListener, BindError> {
    open(addr, dual_stack).map_err(|source| BindError { key, addr, source })
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
