//! From an upgraded stream to a session: the DERP handshake and admission.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wherry_switch::JoinInfo;
use wherry_wire::derp::handshake::{client_info_intake, open_client_info_by, server_key_frame};
use wherry_wire::derp::{ClientInfo, HEADER_LEN, HandshakeError, Header, NONCE_LEN, ServerInfo, SharedKey};
use wherry_wire::key::NodePublic;

use super::driver::Session;
use super::inlet::Inlet;
use super::link::{self, Link};
use super::relay::Relay;
use crate::admission::{Denied, Request};
use crate::clock::NoEntropy;
use crate::metrics::{CloseReason, Refusal};
use crate::transport::{CodecError, Parts, Stream, split};

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
    /// Our fault: sealing failed, or the runtime is gone.
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

/// Runs the handshake on `stream` and, if the peer is admitted, hands the connection to a worker.
///
/// # Errors
/// See [`Refused`]; the stream is closed then.
pub async fn accept(mut stream: Stream, arrival: Arrival, relay: &Arc<Relay>) -> Result<(), Refused> {
    let step = relay.timing.handshake;
    within(step, greet(&mut stream, &arrival.greeting, relay.identity.public())).await?;
    let payload = within(step, read_client_info(&mut stream)).await?;
    let (key, info, shared) = open_client_info_by(|client| relay.identity.multiply(client), &payload)?;
    let request = request(key, &info, arrival.remote);
    let admitted = relay.admission.admit(&request).await.inspect_err(|denied| {
        // Whoever runs the relay asks why a machine stays out; strangers who knock fast do not fill the log.
        if relay.may_log_denial() {
            tracing::info!(key = %key, addr = %arrival.remote, err = %denied, "not admitted");
        }
    })?;
    let join = JoinInfo { addr: arrival.remote, not_ideal: arrival.not_ideal, prober: info.is_prober };
    let server_info = welcome(&shared, relay)?;
    let worker = relay.pick_worker().ok_or(Refused::TakeOver)?;

    let Parts { socket, mut codec, wire, plain, mut unsent, finished } = stream.into_parts();
    if finished {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    // By the codec as it was: what TLS had to say by itself, such as that it goes on with a new key, comes before it.
    codec.seal(&server_info, &mut unsent).map_err(|_| Refused::TakeOver)?;
    let (opener, sealer) = split(codec).map_err(|_| Refused::TakeOver)?;
    let socket = socket.into_std()?;
    let entered = worker.runtime().enter();
    let (reader, writer) = tokio::net::TcpStream::from_std(socket)?.into_split();
    let now = relay.clock.now();
    let link = Link::new(writer, worker.number(), sealer, unsent, now);
    let joined = relay.switch.join(admitted, join, link, now);
    link::announce(&joined.news);
    let conn = Arc::clone(&joined.conn);
    let inlet = Inlet { socket: reader, opener, wire, plain };
    let session = Session::new(Arc::clone(relay), Arc::clone(worker), joined.conn, inlet);
    // The task owns itself: the directory knows it, and the worker's runtime ends it.
    drop(worker.runtime().spawn(session));
    drop(entered);
    // The list may have changed between admission and joining; whoever changed it did not find this connection.
    if !relay.admission.still_admits(&request) {
        link::end(&conn, CloseReason::Revoked);
    }
    Ok(())
}

async fn greet(stream: &mut Stream, greeting: &[u8], key: &NodePublic) -> Result<(), Refused> {
    let mut bytes = greeting.to_vec();
    bytes.extend_from_slice(&server_key_frame(key));
    stream.write_all(&bytes).await?;
    AsyncWriteExt::flush(stream).await?;
    Ok(())
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

fn request(key: NodePublic, info: &ClientInfo, remote: SocketAddr) -> Request {
    Request { key, mesh_key: info.mesh_key.clone(), source: remote.ip() }
}
