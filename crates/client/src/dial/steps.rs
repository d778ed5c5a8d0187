//! The steps themselves, and what each leaves for the next.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::error::DialError;
use crate::clock;
use crate::connection::{
    Agreed, Connection, HandshakeError, Identity, Timings, await_first_bytes, await_server_info,
    read_server_key,
};
use crate::target::{Endpoint, Family, Target};
use crate::tcp::reach;
use crate::tls::{TlsError, TlsReport, Trust, secure};
use crate::upgrade::{ByteStream, FastStart, UpgradeError, open_websocket, read_head, upgrade_request};

/// What carries the DERP frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Transport {
    /// The HTTP connection itself after an upgrade, as stock clients do.
    #[default]
    Upgrade,
    /// A WebSocket, which more proxies let pass.
    WebSocket,
}

/// What the steps need to know beside their target.
#[derive(Debug, Clone)]
pub(super) struct How {
    pub(super) trust: Trust,
    pub(super) transport: Transport,
    pub(super) preferred: Family,
    pub(super) fast_start: bool,
}

/// After TCP.
#[derive(Debug)]
pub struct Plain {
    stream: TcpStream,
    site: Site,
}

/// After TLS, or TCP if there is none.
pub struct Secured {
    stream: Box<dyn ByteStream>,
    site: Site,
    report: Option<TlsReport>,
}

/// Where the dial has got to.
#[derive(Debug)]
struct Site {
    endpoint: Endpoint,
    addr: SocketAddr,
    timings: Timings,
}

impl Plain {
    /// The address that answered.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.site.addr
    }

    /// The endpoint that answered.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.site.endpoint
    }

    /// How long name resolution and TCP took.
    #[must_use]
    pub fn timings(&self) -> Timings {
        self.site.timings
    }
}

impl Secured {
    /// The address that answered.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.site.addr
    }

    /// The endpoint that answered.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.site.endpoint
    }

    /// The stream below HTTP, for who asks the server for something else than DERP.
    #[must_use]
    pub fn into_stream(self) -> impl AsyncRead + AsyncWrite + Send + Unpin + 'static {
        self.stream
    }

    /// What the TLS handshake showed; none for `http://`.
    #[must_use]
    pub fn tls(&self) -> Option<&TlsReport> {
        self.report.as_ref()
    }

    /// How long the steps took so far.
    #[must_use]
    pub fn timings(&self) -> Timings {
        self.site.timings
    }
}

impl How {
    /// Sets `has_address` once names are resolved.
    pub(super) async fn reach(&self, target: &Target, has_address: &AtomicBool) -> Result<Plain, DialError> {
        let unreachable = |attempts| DialError::Unreachable { attempts };
        let reached = reach(target, self.preferred, has_address).await.map_err(unreachable)?;
        let timings = Timings { dns: reached.dns, tcp: reached.tcp, ..Timings::default() };
        let site = Site { endpoint: reached.endpoint, addr: reached.addr, timings };
        Ok(Plain { stream: reached.stream, site })
    }

    pub(super) async fn protect(&self, plain: Plain) -> Result<Secured, DialError> {
        let Plain { stream, mut site } = plain;
        if !site.endpoint.is_tls() {
            return Ok(Secured { stream: Box::new(stream), site, report: None });
        }
        let name = site.endpoint.server_name.clone();
        let (stream, report, took) = secure(stream, name, &site.endpoint.verify, &self.trust).await?;
        site.timings.tls = Some(took);
        Ok(Secured { stream: Box::new(stream), site, report: Some(report) })
    }

    pub(super) async fn open(&self, secured: Secured, identity: &Identity) -> Result<Connection, DialError> {
        self.shake(secured, identity).await.map_err(|err| match &err {
            HandshakeError::Upgrade(UpgradeError::Io(cause)) | HandshakeError::Io(cause) => {
                TlsError::belated(cause).map_or_else(|| err.into(), DialError::Tls)
            }
            _ => err.into(),
        })
    }

    async fn shake(&self, secured: Secured, identity: &Identity) -> Result<Connection, HandshakeError> {
        let Secured { mut stream, site: Site { endpoint, addr, mut timings }, report } = secured;
        let known = report.and_then(|report| report.meta_key).filter(|_| self.fast_start);
        let mut buf = Vec::new();
        let start = clock::now();
        let (server, key) = match (self.transport, known) {
            (Transport::Upgrade, Some(server)) => {
                timings.is_fast_start = true;
                let (introduction, key) = identity.introduce(&server)?;
                send(&mut stream, &[upgrade_request(&endpoint, FastStart::Yes), introduction].concat())
                    .await?;
                await_first_bytes(&mut stream, &mut buf).await?;
                timings.upgrade = clock::now() - start;
                (server, key)
            }
            (transport, _) => {
                if transport == Transport::WebSocket {
                    stream =
                        Box::new(open_websocket(stream, &endpoint).await.map_err(HandshakeError::Upgrade)?);
                } else {
                    send(&mut stream, &upgrade_request(&endpoint, FastStart::No)).await?;
                    read_head(&mut stream, &mut buf).await.map_err(HandshakeError::Upgrade)?;
                }
                let server = read_server_key(&mut stream, &mut buf).await?;
                timings.upgrade = clock::now() - start;
                let (introduction, key) = identity.introduce(&server)?;
                send(&mut stream, &introduction).await?;
                (server, key)
            }
        };
        let info = await_server_info(&mut stream, &mut buf, &key).await?;
        timings.welcome = clock::now() - start - timings.upgrade;
        Ok(Connection::new(stream, buf, Agreed { server, key, info }, addr, timings))
    }
}

async fn send(stream: &mut Box<dyn ByteStream>, bytes: &[u8]) -> Result<(), HandshakeError> {
    stream.write_all(bytes).await.map_err(HandshakeError::Io)?;
    stream.flush().await.map_err(HandshakeError::Io)
}

impl fmt::Debug for Secured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secured")
            .field("site", &self.site)
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}
