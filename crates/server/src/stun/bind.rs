//! Binding a UDP address.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

/// How long a thread waits in the kernel before it looks whether it should end. Twice this is the 100 ms within
/// which a relay that ends must have fallen silent; looking costs two system calls.
const WAIT: Duration = Duration::from_millis(50);

/// Room for datagrams that wait. At 300,000 a second, about what one thread answers, and 768 bytes of kernel
/// memory each, this is 18 ms of them: enough to ride out a pause of the thread, too little to answer late. The
/// kernel gives less unless `net.core.rmem_max` allows it.
const RECEIVE_BUFFER: usize = 4 << 20;

/// An address that STUN cannot be served on.
#[derive(Debug, thiserror::Error)]
#[error("cannot serve STUN on {addr} (stun): {source}{}", remedy(source))]
pub struct BindError {
    /// Which one.
    pub addr: SocketAddr,
    /// Why not.
    pub source: io::Error,
}

/// A UDP address that is ours; nothing is answered yet.
#[derive(Debug)]
pub struct StunSocket {
    pub(super) udp: UdpSocket,
    addr: SocketAddr,
}

/// Binds `addr`; with `dual_stack`, an IPv6 wildcard takes IPv4 datagrams too.
///
/// # Errors
/// [`BindError`], with what to do about it.
pub fn bind(addr: SocketAddr, dual_stack: bool) -> Result<StunSocket, BindError> {
    open(addr, dual_stack).map_err(|source| BindError { addr, source })
}

impl StunSocket {
    /// Where it is bound, with the port that port 0 became.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }
}

fn open(addr: SocketAddr, dual_stack: bool) -> io::Result<StunSocket> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    if addr.is_ipv6() {
        socket.set_only_v6(!dual_stack)?;
    }
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.set_read_timeout(Some(WAIT))?;
    socket.set_write_timeout(Some(WAIT))?;
    // No SO_REUSEADDR: with UDP it would let two processes have the port, and one of them starve.
    socket.bind(&addr.into())?;
    let udp: UdpSocket = socket.into();
    let addr = udp.local_addr()?;
    Ok(StunSocket { udp, addr })
}

/// What to do about it.
fn remedy(error: &io::Error) -> &'static str {
    if error.raw_os_error() == Some(nix::libc::EAFNOSUPPORT) {
        return "; this machine has no IPv6, use an IPv4 address such as 0.0.0.0";
    }
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "; stop the process that has the port, choose another, or do without: --stun off"
        }
        io::ErrorKind::PermissionDenied => "; ports below 1024 need root or CAP_NET_BIND_SERVICE",
        io::ErrorKind::AddrNotAvailable => "; the address must be one of this machine's",
        _ => "",
    }
}
