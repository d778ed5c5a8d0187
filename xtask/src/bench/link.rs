//! One DERP client of the load: a socket, its TLS and the frames on it.

use crate::tls::{self, Tls};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use wherry_wire::derp::{ClientInfo, FrameType, HEADER_LEN, Header, handshake};
use wherry_wire::key::{NodePrivate, NodePublic};

/// How much is read from a socket at once.
const READ_LEN: usize = 256 * 1024;

/// Longest wait for any step of a handshake.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where to dial, and what is known of the server.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    addr: SocketAddr,
    tls: Arc<ClientConfig>,
    /// Known after the first connection; later ones use fast start, as stock clients do.
    server_key: Option<NodePublic>,
}

impl Target {
    /// Dials once to learn the server's key.
    ///
    /// # Errors
    /// The server does not answer as a DERP server.
    pub(crate) fn learn(addr: SocketAddr) -> io::Result<Self> {
        let mut target = Self { addr, tls: tls::config().map_err(io::Error::other)?, server_key: None };
        let mut scratch = Scratch::new();
        let (_, server_key) = Link::dial(&target, &new_key()?, &mut scratch)?;
        target.server_key = Some(server_key);
        Ok(target)
    }
}

/// A fresh node key.
///
/// # Errors
/// The system gives no entropy.
pub(crate) fn new_key() -> io::Result<NodePrivate> {
    Ok(NodePrivate::generate(random()?))
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|err| io::Error::other(err.to_string()))?;
    Ok(bytes)
}

fn client_info(key: &NodePrivate, server_key: &NodePublic) -> io::Result<Vec<u8>> {
    let (frame, _) = handshake::client_info_frame(key, server_key, random()?, &ClientInfo::current())
        .map_err(io::Error::other)?;
    Ok(frame)
}

/// Buffers that all links of a thread share, so that an idle link owns none.
#[derive(Debug)]
pub(crate) struct Scratch {
    cipher: Vec<u8>,
    plain: Vec<u8>,
}

impl Scratch {
    /// Buffers for one thread.
    pub(crate) fn new() -> Self {
        Self { cipher: vec![0; READ_LEN + 32 * 1024], plain: Vec::with_capacity(READ_LEN) }
    }
}

/// A connected client.
pub(crate) struct Link {
    /// Non-blocking once [`Link::dial`] has returned.
    pub(crate) socket: TcpStream,
    tls: Tls,
    /// A piece of a TLS record that is not complete yet.
    cipher_rest: Vec<u8>,
    /// A piece of a frame that is not complete yet.
    plain_rest: Vec<u8>,
    outgoing: Vec<u8>,
    sent: usize,
}

impl Link {
    /// TCP, TLS, the upgrade and the DERP handshake, up to and with the server's info.
    ///
    /// # Errors
    /// Any step failed or took longer than ten seconds.
    pub(crate) fn dial(
        target: &Target,
        key: &NodePrivate,
        scratch: &mut Scratch,
    ) -> io::Result<(Self, NodePublic)> {
        let socket = TcpStream::connect_timeout(&target.addr, PATIENCE)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let name = ServerName::IpAddress(target.addr.ip().into());
        let tls = Tls::new(&target.tls, name).map_err(io::Error::other)?;
        let mut link = Self {
            socket,
            tls,
            cipher_rest: Vec::new(),
            plain_rest: Vec::new(),
            outgoing: Vec::new(),
            sent: 0,
        };
        // The hello comes by itself; after that TLS speaks when it has heard something.
        link.tls.feed(&mut [], &mut scratch.plain, &mut link.outgoing).map_err(io::Error::other)?;
        link.flush()?;
        while !link.tls.is_ready {
            link.fill(scratch)?;
            link.flush()?;
        }
        let server_key = link.shake_hands(target, key, scratch)?;
        link.socket.set_nonblocking(true)?;
        Ok((link, server_key))
    }

    /// The upgrade and the DERP handshake; returns the server's key.
    fn shake_hands(
        &mut self,
        target: &Target,
        key: &NodePrivate,
        scratch: &mut Scratch,
    ) -> io::Result<NodePublic> {
        let request = format!(
            "GET /derp HTTP/1.1\r\nHost: {}\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n",
            target.addr
        );
        let server_key = if let Some(server_key) = target.server_key {
            let mut fast = format!("{request}Derp-Fast-Start: 1\r\n\r\n").into_bytes();
            fast.extend_from_slice(&client_info(key, &server_key)?);
            self.send(&fast)?;
            server_key
        } else {
            self.send(format!("{request}\r\n").as_bytes())?;
            self.skip_response_head(scratch)?;
            let payload = self.next_frame(FrameType::SERVER_KEY, scratch)?;
            let server_key = handshake::parse_server_key(&payload).map_err(io::Error::other)?;
            self.send(&client_info(key, &server_key)?)?;
            server_key
        };
        self.next_frame(FrameType::SERVER_INFO, scratch)?;
        Ok(server_key)
    }

    fn skip_response_head(&mut self, scratch: &mut Scratch) -> io::Result<()> {
        loop {
            if let Some(end) = self.plain_rest.windows(4).position(|end| end == b"\r\n\r\n") {
                self.plain_rest.drain(..end + 4);
                return Ok(());
            }
            self.fill(scratch)?;
        }
    }

    /// Waits for a frame of that type and skips others.
    fn next_frame(&mut self, wanted: FrameType, scratch: &mut Scratch) -> io::Result<Vec<u8>> {
        loop {
            let mut found = None;
            let used = each_frame(&self.plain_rest, |frame_type, payload| {
                if found.is_none() && frame_type == wanted {
                    found = Some(payload.to_vec());
                }
            });
            self.plain_rest.drain(..used);
            match found {
                Some(found) => return Ok(found),
                None => self.fill(scratch)?,
            }
        }
    }

    /// Reads once while blocking; plaintext gathers in `plain_rest`.
    fn fill(&mut self, scratch: &mut Scratch) -> io::Result<()> {
        scratch.plain.clear();
        self.receive(scratch)?;
        self.plain_rest.extend_from_slice(&scratch.plain);
        Ok(())
    }

    /// Reads once from the socket and opens what came; plaintext is appended to the scratch buffer.
    /// Returns whether the socket may have more.
    fn receive(&mut self, scratch: &mut Scratch) -> io::Result<bool> {
        let kept = self.cipher_rest.len();
        scratch.cipher[..kept].copy_from_slice(&self.cipher_rest);
        let space = READ_LEN;
        let read = match self.socket.read(&mut scratch.cipher[kept..kept + space]) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => read,
            Err(err) if err.kind() == ErrorKind::Interrupted => return Ok(true),
            Err(err) => return Err(err),
        };
        let input = &mut scratch.cipher[..kept + read];
        let used = self.tls.feed(input, &mut scratch.plain, &mut self.outgoing).map_err(io::Error::other)?;
        self.cipher_rest.clear();
        self.cipher_rest.extend_from_slice(&scratch.cipher[used..kept + read]);
        if self.cipher_rest.is_empty() {
            self.cipher_rest.shrink_to_fit();
        }
        if self.tls.is_closed { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(read == space) }
    }

    /// Hands every frame that has come to `take`.
    ///
    /// # Errors
    /// The connection is over.
    pub(crate) fn read_frames(
        &mut self,
        scratch: &mut Scratch,
        mut take: impl FnMut(FrameType, &[u8]),
    ) -> io::Result<()> {
        scratch.plain.clear();
        scratch.plain.append(&mut self.plain_rest);
        let mut more = true;
        while more {
            more = match self.receive(scratch) {
                Ok(more) => more,
                Err(err) if err.kind() == ErrorKind::WouldBlock => false,
                Err(err) => return Err(err),
            };
        }
        let used = each_frame(&scratch.plain, &mut take);
        self.plain_rest = scratch.plain[used..].to_vec();
        Ok(())
    }

    /// Seals `plain` and sends as much as the socket takes; returns whether all has gone.
    ///
    /// # Errors
    /// The connection is over.
    pub(crate) fn send(&mut self, plain: &[u8]) -> io::Result<bool> {
        self.tls.seal(plain, &mut self.outgoing).map_err(io::Error::other)?;
        self.flush()
    }

    /// Whether something sealed still waits for the socket.
    pub(crate) const fn is_blocked(&self) -> bool {
        self.sent < self.outgoing.len()
    }

    /// Sends what waits; returns whether all has gone.
    ///
    /// # Errors
    /// The connection is over.
    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        while self.is_blocked() {
            match self.socket.write(&self.outgoing[self.sent..]) {
                Ok(written) => self.sent += written,
                Err(err) if err.kind() == ErrorKind::Interrupted => {}
                Err(err) if err.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(err) => return Err(err),
            }
        }
        self.outgoing.clear();
        self.sent = 0;
        Ok(true)
    }

    /// Gives back the buffers that only a busy link needs.
    pub(crate) fn rest(&mut self) {
        self.outgoing = Vec::new();
        self.plain_rest = Vec::new();
        self.cipher_rest = Vec::new();
    }
}

/// Hands each complete frame to `take` and returns how many bytes they took.
fn each_frame(plain: &[u8], mut take: impl FnMut(FrameType, &[u8])) -> usize {
    let mut used = 0;
    while let Some((head, rest)) = plain[used..].split_first_chunk::<HEADER_LEN>() {
        let header = Header::decode(head);
        let len = usize::try_from(header.len).unwrap_or(usize::MAX);
        let Some(payload) = rest.get(..len) else { break };
        take(header.frame_type, payload);
        used += HEADER_LEN + len;
    }
    used
}
