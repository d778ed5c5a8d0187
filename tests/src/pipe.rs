//! A blocking byte stream with deadlines, plain or TLS.

use crate::PATIENCE;
use crate::tls::Hello;
use rustls::{ClientConnection, StreamOwned};
use rustls_pki_types::CertificateDer;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Why nothing more can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The other side closed, cleanly or not.
    Closed,
    /// It did not, but the time is over.
    TimedOut,
}

/// A connection to a relay.
#[derive(Debug)]
pub enum Pipe {
    /// Bare TCP.
    Plain(TcpStream),
    /// TLS over TCP.
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Pipe {
    /// A TCP connection.
    #[must_use]
    pub fn plain(addr: SocketAddr) -> Self {
        Self::Plain(connect(addr))
    }

    /// A TLS connection, its handshake done.
    ///
    /// # Errors
    /// The handshake fails.
    pub fn tls(addr: SocketAddr, hello: &Hello) -> io::Result<Self> {
        Self::over(connect(addr), hello)
    }

    /// TLS over a connection that is already there.
    ///
    /// # Errors
    /// The handshake fails.
    pub fn over(tcp: TcpStream, hello: &Hello) -> io::Result<Self> {
        let (config, name) = hello.config();
        Self::finish(tcp, ClientConnection::new(config, name).expect("the config is valid"))
    }

    /// The same, its first flight cut into pieces of `len` bytes.
    ///
    /// # Errors
    /// The handshake fails.
    pub fn over_pieces(mut tcp: TcpStream, hello: &Hello, len: usize) -> io::Result<Self> {
        let (config, name) = hello.config();
        let mut session = ClientConnection::new(config, name).expect("the config is valid");
        let mut flight = Vec::new();
        session.write_tls(&mut flight)?;
        for piece in flight.chunks(len) {
            tcp.write_all(piece)?;
        }
        Self::finish(tcp, session)
    }

    /// What a client sends first, for a test to change.
    #[must_use]
    pub fn first_flight(hello: &Hello) -> Vec<u8> {
        let (config, name) = hello.config();
        let mut session = ClientConnection::new(config, name).expect("the config is valid");
        let mut flight = Vec::new();
        session.write_tls(&mut flight).expect("memory takes bytes");
        flight
    }

    fn finish(mut tcp: TcpStream, mut session: ClientConnection) -> io::Result<Self> {
        tcp.set_read_timeout(Some(PATIENCE))?;
        tcp.set_write_timeout(Some(PATIENCE))?;
        while session.is_handshaking() {
            session.complete_io(&mut tcp)?;
        }
        Ok(Self::Tls(Box::new(StreamOwned::new(session, tcp))))
    }

    /// Encrypts with new keys from here on, and asks the other side to do so too. Source: RFC 8446, section 4.6.3
    pub fn renew_traffic_keys(&mut self) {
        let Self::Tls(tls) = self else { panic!("a plain pipe has no keys") };
        tls.conn.refresh_traffic_keys().expect("the handshake is done");
        self.flush(Instant::now() + PATIENCE).expect("the relay takes what a client sends");
    }

    /// Ends the TLS session from this side and leaves the socket open. Source: RFC 8446, section 6.1
    pub fn say_goodbye(&mut self) {
        let Self::Tls(tls) = self else { panic!("a plain pipe has no session") };
        tls.conn.send_close_notify();
        self.flush(Instant::now() + PATIENCE).expect("the relay takes what a client sends");
    }

    /// Sends `bytes` and ends the TLS session behind them in one write; leaves the socket open.
    pub fn say_last(&mut self, bytes: &[u8]) {
        let Self::Tls(tls) = self else { panic!("a plain pipe has no session") };
        tls.conn.writer().write_all(bytes).expect("it fits the session's buffer");
        tls.conn.send_close_notify();
        let mut records = Vec::new();
        while tls.conn.wants_write() {
            tls.conn.write_tls(&mut records).expect("memory takes everything");
        }
        tls.sock.write_all(&records).expect("the relay takes what a client sends");
    }

    /// The socket underneath.
    #[must_use]
    pub fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.get_ref(),
        }
    }

    /// The TLS session, if there is one.
    #[must_use]
    pub fn session(&self) -> Option<&ClientConnection> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(tls) => Some(&tls.conn),
        }
    }

    /// The certificates the relay showed, leaf first.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        self.session().and_then(|session| session.peer_certificates()).unwrap_or_default()
    }

    /// Some bytes, at least one.
    ///
    /// # Errors
    /// The stream ended, or nothing came before the deadline.
    pub fn read(&mut self, buf: &mut [u8], deadline: Instant) -> Result<usize, Ended> {
        let left = remaining(deadline)?;
        self.tcp().set_read_timeout(Some(left)).map_err(|_| Ended::Closed)?;
        let got = match self {
            Self::Plain(tcp) => tcp.read(buf),
            Self::Tls(tls) => tls.read(buf),
        };
        match got {
            Ok(0) => Err(Ended::Closed),
            Ok(len) => Ok(len),
            Err(err) => Err(ended(&err)),
        }
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// The stream ended, or the other side did not take them before the deadline.
    pub fn write_all(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), Ended> {
        let mut rest = bytes;
        while !rest.is_empty() {
            self.tcp().set_write_timeout(Some(remaining(deadline)?)).map_err(|_| Ended::Closed)?;
            let wrote = match self {
                Self::Plain(tcp) => tcp.write(rest),
                Self::Tls(tls) => tls.write(rest),
            };
            match wrote {
                Ok(len) => rest = &rest[len..],
                Err(err) if ended(&err) == Ended::TimedOut => {}
                Err(_) => return Err(Ended::Closed),
            }
        }
        self.flush(deadline)
    }

    fn flush(&mut self, deadline: Instant) -> Result<(), Ended> {
        let Self::Tls(tls) = self else { return Ok(()) };
        while tls.conn.wants_write() {
            tls.sock.set_write_timeout(Some(remaining(deadline)?)).map_err(|_| Ended::Closed)?;
            match tls.conn.write_tls(&mut tls.sock) {
                Ok(_) => {}
                Err(err) if ended(&err) == Ended::TimedOut => {}
                Err(_) => return Err(Ended::Closed),
            }
        }
        Ok(())
    }
}

fn connect(addr: SocketAddr) -> TcpStream {
    let tcp = TcpStream::connect_timeout(&addr, PATIENCE).expect("the relay accepts a connection");
    tcp.set_nodelay(true).expect("a fresh socket takes an option");
    tcp
}

fn remaining(deadline: Instant) -> Result<Duration, Ended> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(Ended::TimedOut) } else { Ok(left) }
}

fn ended(err: &io::Error) -> Ended {
    match err.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => Ended::TimedOut,
        _ => Ended::Closed,
    }
}
