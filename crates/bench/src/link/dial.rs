//! From nothing to a client that the relay has taken.

use std::io;
use std::net::TcpStream;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use wherry_wire::derp::{ClientInfo, FrameType, encode, handshake};
use wherry_wire::key::{NodePrivate, NodePublic};

use super::aim::Aim;
use super::conn::{Link, Scratch};
use super::tls::Tls;
use crate::clock::entropy;

/// Longest wait for any step of a dial.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest head of an HTTP answer, in bytes.
const MAX_HEAD: usize = 16 * 1024;

/// A fresh node key.
///
/// # Errors
/// The system gives no entropy.
pub(crate) fn new_key() -> io::Result<NodePrivate> {
    Ok(NodePrivate::generate(entropy()?))
}

/// TCP, TLS, the upgrade and the DERP handshake, up to and with the relay's info; blocking.
///
/// `receive_buffer` in bytes is what the kernel may use to hold what comes for this client, instead of its own choice.
///
/// # Errors
/// A step failed or took longer than ten seconds.
pub(crate) fn dial(
    aim: &Aim,
    key: &NodePrivate,
    receive_buffer: Option<usize>,
    scratch: &mut Scratch,
) -> io::Result<Link> {
    let socket = Socket::new(Domain::for_address(aim.addr), Type::STREAM, Some(Protocol::TCP))?;
    if let Some(size) = receive_buffer {
        // Before the connection, since the window's scale is settled with its first packets.
        // The kernel doubles what it is asked for, to have room for its bookkeeping.
        socket.set_recv_buffer_size(size / 2)?;
    }
    socket.connect_timeout(&aim.addr.into(), PATIENCE)?;
    let socket = TcpStream::from(socket);
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    let tls = aim.tls.as_ref().map(|config| Tls::new(config, aim.name.clone())).transpose();
    let mut link = Link::over(socket, tls.map_err(io::Error::other)?);
    link.secure(scratch)?;
    shake_hands(&mut link, aim, key, scratch)?;
    // Stock clients tell which relay is their home; here it is this one.
    let mut preferred = Vec::new();
    encode::note_preferred(&mut preferred, true);
    link.seal(&preferred)?;
    link.flush()?;
    link.socket.set_nonblocking(true)?;
    Ok(link)
}

fn shake_hands(link: &mut Link, aim: &Aim, key: &NodePrivate, scratch: &mut Scratch) -> io::Result<()> {
    if aim.is_fast_start {
        let mut first = aim.request.clone();
        first.extend_from_slice(&client_info(key, &aim.server_key)?);
        link.seal(&first)?;
        link.flush()?;
    } else {
        link.seal(&aim.request)?;
        link.flush()?;
        skip_head(link, scratch)?;
        let payload = link.next_frame(FrameType::SERVER_KEY, scratch)?;
        let server_key = handshake::parse_server_key(&payload).map_err(io::Error::other)?;
        link.seal(&client_info(key, &server_key)?)?;
        link.flush()?;
    }
    link.next_frame(FrameType::SERVER_INFO, scratch)?;
    Ok(())
}

fn client_info(key: &NodePrivate, server_key: &NodePublic) -> io::Result<Vec<u8>> {
    let (frame, _) = handshake::client_info_frame(key, server_key, entropy()?, &ClientInfo::current())
        .map_err(io::Error::other)?;
    Ok(frame)
}

fn skip_head(link: &mut Link, scratch: &mut Scratch) -> io::Result<()> {
    loop {
        if let Some(end) = link.plain_rest.windows(4).position(|end| end == b"\r\n\r\n") {
            let head: Vec<u8> = link.plain_rest.drain(..end + 4).collect();
            let status =
                String::from_utf8_lossy(head.split(|byte| *byte == b'\r').next().unwrap_or_default());
            if !status.contains(" 101 ") {
                return Err(io::Error::other(format!("the relay answers {status}")));
            }
            return Ok(());
        }
        if link.plain_rest.len() > MAX_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        link.fill(scratch)?;
    }
}
