//! The DERP handshake, over any byte stream.

use std::io;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};
use wherry_wire::derp::handshake::{client_info_frame, parse_server_key, server_key_intake};
use wherry_wire::derp::{
    ClientInfo, FrameType, HEADER_LEN, HandshakeError as WireError, Header, ServerInfo, SharedKey, ToClient,
};
use wherry_wire::key::{MeshKey, NodePrivate, NodePublic};

use crate::clock::{self, NoEntropy};
use crate::upgrade::{UpgradeError, looks_like_http, read_head};

/// Who a client is to a relay.
#[derive(Debug, Clone)]
pub struct Identity {
    key: NodePrivate,
    mesh_key: Option<MeshKey>,
    is_prober: bool,
    app_name: String,
}

/// Why a relay that speaks HTTP did not become an open DERP connection.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The HTTP upgrade failed.
    #[error(transparent)]
    Upgrade(#[from] UpgradeError),
    /// The relay hung up after it learnt who the client is: its key is not admitted there.
    #[error("the relay hung up when it learnt this node's key: the key is not admitted there")]
    Refused,
    /// The connection ended before the relay knew who the client is.
    #[error("the connection ended during the DERP handshake")]
    Ended,
    /// A frame of the handshake cannot be read.
    #[error("the relay breaks the DERP handshake: {0}")]
    Protocol(#[from] WireError),
    /// A frame of the handshake is too long.
    #[error("the relay sends a frame of {len} bytes within the handshake")]
    FrameTooLong {
        /// Length of the frame's payload in bytes.
        len: u32,
    },
    /// Reading or writing failed.
    #[error("the connection broke during the DERP handshake: {0}")]
    Io(#[source] io::Error),
    /// No random bytes for the nonce.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

/// The outcome of a handshake.
pub(crate) struct Agreed {
    pub(crate) server: NodePublic,
    pub(crate) key: SharedKey,
    pub(crate) info: ServerInfo,
}

impl Identity {
    /// An ordinary node with this key.
    #[must_use]
    pub fn new(key: NodePrivate) -> Self {
        Self { key, mesh_key: None, is_prober: false, app_name: String::new() }
    }

    /// A node nobody knows, with a new key.
    ///
    /// # Errors
    /// [`NoEntropy`] if the operating system gives no random bytes.
    pub fn throw_away() -> Result<Self, NoEntropy> {
        Ok(Self::new(NodePrivate::generate(clock::entropy()?)))
    }

    /// The same, trusted by relays with this mesh key to watch, forward and close.
    #[must_use]
    pub fn with_mesh_key(self, mesh_key: MeshKey) -> Self {
        Self { mesh_key: Some(mesh_key), ..self }
    }

    /// The same, marked as a prober.
    #[must_use]
    pub fn as_prober(self) -> Self {
        Self { is_prober: true, ..self }
    }

    /// The same, with a label for the relay's logs.
    #[must_use]
    pub fn with_app_name(self, app_name: impl Into<String>) -> Self {
        Self { app_name: app_name.into(), ..self }
    }

    /// Its public key, by which others send to it.
    #[must_use]
    pub fn public(&self) -> NodePublic {
        self.key.public()
    }

    fn client_info(&self) -> ClientInfo {
        ClientInfo {
            mesh_key: self.mesh_key.clone(),
            is_prober: self.is_prober,
            app_name: self.app_name.clone(),
            ..ClientInfo::current()
        }
    }

    /// The frame that tells `server` who this is, and the key both then share.
    pub(crate) fn introduce(&self, server: &NodePublic) -> Result<(Vec<u8>, SharedKey), HandshakeError> {
        Ok(client_info_frame(&self.key, server, clock::entropy()?, &self.client_info())?)
    }
}

/// Reads the relay's key, its first frame; bytes that came with the HTTP answer are in `buf`.
pub(crate) async fn read_server_key<S: AsyncRead + Unpin>(
    stream: &mut S,
    buf: &mut Vec<u8>,
) -> Result<NodePublic, HandshakeError> {
    let header = read_header(stream, buf).await?;
    let len = server_key_intake(header)?;
    let payload = read_payload(stream, buf, len).await?;
    Ok(parse_server_key(&payload)?)
}

/// Waits for the first bytes after a fast start. A relay that answers by HTTP all the same is understood.
pub(crate) async fn await_first_bytes<S: AsyncRead + Unpin>(
    stream: &mut S,
    buf: &mut Vec<u8>,
) -> Result<(), HandshakeError> {
    read_header(stream, buf).await?;
    if looks_like_http(buf) {
        read_head(stream, buf).await?;
    }
    Ok(())
}

/// Skips frames until ServerInfo; the relay's key among them, which also a fast start repeats.
pub(crate) async fn await_server_info<S: AsyncRead + Unpin>(
    stream: &mut S,
    buf: &mut Vec<u8>,
    key: &SharedKey,
) -> Result<ServerInfo, HandshakeError> {
    loop {
        let header = read_header(stream, buf).await.map_err(refused)?;
        let len = ToClient::intake(header).map_err(|_| HandshakeError::FrameTooLong { len: header.len })?;
        let payload = read_payload(stream, buf, len).await.map_err(refused)?;
        if header.frame_type == FrameType::SERVER_INFO {
            return Ok(key.open_server_info(&payload)?);
        }
    }
}

/// An end after the introduction is the relay's way to say no: it has no frame for it.
fn refused(err: HandshakeError) -> HandshakeError {
    match err {
        HandshakeError::Ended => HandshakeError::Refused,
        HandshakeError::Io(err) if err.kind() == io::ErrorKind::ConnectionReset => HandshakeError::Refused,
        other => other,
    }
}

/// The header at the front, which stays in `buf`.
async fn read_header<S: AsyncRead + Unpin>(
    stream: &mut S,
    buf: &mut Vec<u8>,
) -> Result<Header, HandshakeError> {
    loop {
        match buf.first_chunk::<HEADER_LEN>() {
            Some(bytes) => return Ok(Header::decode(bytes)),
            None => fill(stream, buf).await?,
        }
    }
}

/// Takes the frame at the front out of `buf`; its payload.
async fn read_payload<S: AsyncRead + Unpin>(
    stream: &mut S,
    buf: &mut Vec<u8>,
    len: usize,
) -> Result<Vec<u8>, HandshakeError> {
    loop {
        if let Some(payload) = buf.get(HEADER_LEN..HEADER_LEN + len) {
            let payload = payload.to_vec();
            buf.drain(..HEADER_LEN + len);
            return Ok(payload);
        }
        fill(stream, buf).await?;
    }
}

async fn fill<S: AsyncRead + Unpin>(stream: &mut S, buf: &mut Vec<u8>) -> Result<(), HandshakeError> {
    match stream.read_buf(buf).await {
        Ok(0) => Err(HandshakeError::Ended),
        Ok(_) => Ok(()),
        Err(err) if err.kind() == io::ErrorKind::UnexpectedEof => Err(HandshakeError::Ended),
        Err(err) => Err(HandshakeError::Io(err)),
    }
}
