//! From an upgraded stream to a session: the DERP handshake and admission.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wherry_switch::{Admitted, JoinInfo, MemoryClaim};
use wherry_wire::derp::handshake::{client_info_intake, server_key_frame};
use wherry_wire::derp::{HEADER_LEN, HandshakeError, Header, NONCE_LEN, ServerInfo, SharedKey};

use super::driver::Session;
use super::inlet::Inlet;
use super::knocks::Before;
use super::link::{self, Link};
use super::relay::{Entering, Relay};
use super::worker::Worker;
use crate::admission::{Denied, Request};
use crate::clock::NoEntropy;
use crate::metrics::{CloseReason, Refusal};
use crate::transport::{CodecError, Opener, Parts, Sealer, Stream, split};

/// How a connection came to ask for DERP.
#[derive(Debug)]
pub struct Arrival {
    /// Where from.
    pub remote: SocketAddr,
    /// Bytes to send before the first frame: the answer to the upgrade request, or nothing.
    pub greeting: Vec<u8>,
    /// The client says that another node of the region would be its first choice.
    pub not_ideal: bool,
}

/// Why a connection did not become a session. Nothing was registered.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The peer let a step of the handshake take too long.
    #[error("handshake took too long")]
    TooSlow,
    /// The connection broke.
    #[error("connection broke: {0}")]
    Io(#[from] io::Error),
    /// The first frame was another one, of a wrong length, or not understood.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// A WebSocket client that asked for another subprotocol than `derp`.
    #[error("client does not speak the derp subprotocol")]
    OtherSubprotocol,
    /// The transport under the handshake failed.
    #[error(transparent)]
    Transport(#[from] CodecError),
    /// The peer may not use this relay.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Our fault.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// Our fault: sealing failed, or nobody serves.
    #[error("cannot take over the connection")]
    TakeOver,
}

impl Refused {
    /// What to count it as.
    #[must_use]
    pub const fn reason(&self) -> Refusal {
        match self {
            Self::TooSlow => Refusal::TooSlow,
            Self::Io(_) => Refusal::HungUp,
            Self::Handshake(_) => Refusal::Handshake,
            Self::OtherSubprotocol | Self::Transport(_) => Refusal::WebSocket,
            Self::Denied(_) => Refusal::Denied,
            Self::NoEntropy(_) | Self::TakeOver => Refusal::Internal,
        }
    }
}

/// Runs the handshake on `stream` and, if the peer is admitted, hands the connection to a worker, which counts the session.
/// `memory` is what the connection takes until then.
///
/// # Errors
/// See [`Refused`]; the stream is closed then.
pub async fn accept(
    mut stream: Stream,
    arrival: Arrival,
    memory: MemoryClaim,
    relay: &Arc<Relay>,
) -> Result<(), Refused> {
    let mut greeting = arrival.greeting;
    greeting.extend_from_slice(&server_key_frame(relay.identity.public()));
    // A peer that knew the key has sent its info already, and gets the answer to that in the same write.
    stream.enqueue(&greeting)?;
    let introduced = match introduce(&mut stream, arrival.remote, arrival.not_ideal, relay).await {
        Ok(introduced) => introduced,
        Err(refused) => {
            // A peer that is refused has been greeted; one that is gone does not hear it.
            drop(tokio::time::timeout(relay.timing.handshake, stream.flush()).await);
            return Err(refused);
        }
    };
    let Introduced { admitted, join, request, server_info } = introduced;
    let worker = relay.pick_worker().ok_or(Refused::TakeOver)?;

    let Parts { socket, mut codec, wire, plain, mut unsent, finished } = stream.into_parts();
    if finished {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    // By the codec as it was: what TLS had to say by itself, such as that it goes on with a new key, comes before it.
    codec.seal(&server_info, &mut unsent).map_err(|_| Refused::TakeOver)?;
    let (opener, sealer) = split(codec).map_err(|_| Refused::TakeOver)?;
    let socket = socket.into_std()?;
    let entering = relay.let_in();
    let entrant = Entrant {
        socket,
        opener,
        sealer,
        wire,
        plain,
        unsent,
        admitted,
        join,
        request,
        _memory: memory,
        _entering: entering,
    };
    let (relay, on) = (Arc::clone(relay), Arc::clone(worker));
    // The task owns itself: the worker's runtime ends it.
    drop(worker.runtime().spawn(async move { entrant.enter(&relay, &on) }));
    Ok(())
}

/// A peer that said who it is and may join.
struct Introduced {
    admitted: Admitted,
    join: JoinInfo,
    request: Request,
    /// What it is told first.
    server_info: Vec<u8>,
}

/// Has the peer say who it is, and decides.
async fn introduce(
    stream: &mut Stream,
    remote: SocketAddr,
    not_ideal: bool,
    relay: &Relay,
) -> Result<Introduced, Refused> {
    let payload = within(relay.timing.handshake, read_client_info(stream)).await?;
    let (key, info, shared) = relay.identity.open_client_info(&payload)?;
    let request = Request { key, mesh_key: info.mesh_key.clone(), source: remote.ip() };
    let admitted = relay.admission.admit(&request).await.inspect_err(|denied| {
        // Whoever runs the relay asks why a machine stays out; strangers who knock fast do not fill the log.
        if let Some(Before { unlogged, left_out }) = relay.denied.told(key, relay.clock.now()) {
            tracing::info!(key = %key, addr = %remote, err = %denied, unlogged, left_out, "not admitted");
        }
    })?;
    relay.denied.forget(&key);
    let join = JoinInfo { addr: remote, not_ideal, prober: info.is_prober };
    let server_info = welcome(&shared, relay)?;
    relay.identity.remember(key, shared);
    Ok(Introduced { admitted, join, request, server_info })
}

/// An admitted peer on its way to its worker.
struct Entrant {
    socket: std::net::TcpStream,
    opener: Opener,
    sealer: Sealer,
    wire: Vec<u8>,
    plain: Vec<u8>,
    unsent: Vec<u8>,
    admitted: Admitted,
    join: JoinInfo,
    request: Request,
    /// Both until it has joined.
    _memory: MemoryClaim,
    _entering: Entering,
}

impl Entrant {
    /// Joins and starts the session; on the worker's own thread, which a socket registered by another would wake once more.
    fn enter(self, relay: &Arc<Relay>, worker: &Arc<Worker>) {
        let counters = Arc::clone(&worker.desk().outbox.counters);
        let socket = match TcpStream::from_std(self.socket) {
            Ok(socket) => socket,
            Err(error) => {
                tracing::debug!(addr = %self.join.addr, err = %error, "cannot take over the connection");
                return counters.refuse(Refusal::Internal);
            }
        };
        let (reader, writer) = socket.into_split();
        let now = relay.clock.now();
        let link = Link::new(writer, worker.number(), self.sealer, self.unsent, now);
        let joined = relay.switch.join(self.admitted, self.join, link, now);
        link::announce(&joined.news);
        counters.sessions.add(1);
        let conn = Arc::clone(&joined.conn);
        let inlet = Inlet { socket: reader, opener: self.opener, wire: self.wire, plain: self.plain };
        let session = Session::new(Arc::clone(relay), Arc::clone(worker), joined.conn, inlet);
        // The task owns itself: the directory knows it.
        drop(worker.runtime().spawn(session));
        // The list may have changed between admission and joining; whoever changed it did not find this connection.
        if !relay.admission.still_admits(&self.request) {
            link::end(&conn, CloseReason::Revoked);
        }
        relay.dismiss_if_late(&conn);
    }
}

async fn read_client_info(stream: &mut Stream) -> Result<Vec<u8>, Refused> {
    let mut header = [0; HEADER_LEN];
    stream.read_exact(&mut header).await?;
    let length = client_info_intake(Header::decode(&header))?;
    // Grows as bytes come: a length is only a claim.
    let mut payload = Vec::new();
    (&mut *stream).take(length as u64).read_to_end(&mut payload).await?;
    if payload.len() < length {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    Ok(payload)
}

fn welcome(shared: &SharedKey, relay: &Relay) -> Result<Vec<u8>, Refused> {
    let nonce = relay.clock.random::<NONCE_LEN>()?;
    Ok(shared.seal_server_info(nonce, &ServerInfo::current()))
}

async fn within<T>(step: Duration, doing: impl Future<Output = Result<T, Refused>>) -> Result<T, Refused> {
    tokio::time::timeout(step, doing).await.unwrap_or(Err(Refused::TooSlow))
}

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;
