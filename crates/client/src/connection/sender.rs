//! The sending half.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::time::timeout;
use wherry_wire::derp::{HEADER_LEN, KEY_LEN, MAX_PACKET, encode};
use wherry_wire::key::NodePublic;

use super::outbox::Shared;
use super::pings::Pings;
use crate::clock::{self, NoEntropy};

/// How long a forwarded packet may take to be written.
///
/// Source: tailscale: derp/derp_client.go, `ForwardPacket`.
const FORWARD_LIMIT: Duration = Duration::from_secs(5);

/// Sends on one connection; clones send on the same one, from as many tasks as one likes.
///
/// Cancel safety, of every function here: dropped before its turn to write came, nothing was sent; dropped later,
/// the frame is complete and goes out with the next write, or as soon as somebody is in
/// [`Receiver::recv`](super::Receiver::recv). The connection stays usable.
#[derive(Clone)]
pub struct Sender {
    pub(super) shared: Arc<Shared>,
    pub(super) pings: Arc<Pings>,
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It was written.
    Written,
    /// The relay asked to send less than this, so it was dropped here.
    OverLimit,
}

/// Why something was not sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The packet is longer than the protocol allows; the connection stays usable.
    #[error("a packet of {len} bytes is longer than {MAX_PACKET}")]
    TooLong {
        /// Length of the packet in bytes.
        len: usize,
    },
    /// The connection has ended.
    #[error("the connection has ended")]
    Closed,
    /// The relay did not take a forwarded packet in time; the connection is closed.
    #[error("the relay took nothing for {} s", limit.as_secs())]
    Stalled {
        /// The time given.
        limit: Duration,
    },
    /// Writing failed; the connection is closed.
    #[error("writing to the relay failed: {0}")]
    Io(#[source] io::Error),
}

/// Why a ping has no round-trip time.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PingError {
    /// It could not be sent.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The connection ended before the pong came.
    #[error("the connection ended before the pong came")]
    Closed,
    /// No pong in time.
    #[error("no pong within {} ms", limit.as_millis())]
    Timeout {
        /// The time given.
        limit: Duration,
    },
    /// So much else came that the wait was given up.
    #[error("too much else comes to wait for the pong")]
    Busy,
    /// No random bytes for the ping.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

impl Sender {
    /// Sends `packet`, at most 65536 bytes, to the peer `dst`.
    ///
    /// A relay never tells whether it arrived. Waits as long as the relay takes nothing.
    ///
    /// # Errors
    /// [`SendError::TooLong`], [`SendError::Closed`], [`SendError::Io`].
    pub async fn send(&self, dst: &NodePublic, packet: &[u8]) -> Result<Sent, SendError> {
        let mut outbox = self.shared.lock().await;
        if !self.shared.allows(HEADER_LEN + KEY_LEN + packet.len()) {
            return Ok(Sent::OverLimit);
        }
        encode::send_packet(&mut outbox.frames, dst, packet)
            .map_err(|_| SendError::TooLong { len: packet.len() })?;
        self.shared.finish(&mut outbox).await.map_err(SendError::of)?;
        Ok(Sent::Written)
    }

    /// Passes a packet of the peer `src` on to the peer `dst` at a sibling; needs the mesh key.
    ///
    /// # Errors
    /// As [`send`](Self::send), and [`SendError::Stalled`] after 5 seconds.
    pub async fn forward(&self, src: &NodePublic, dst: &NodePublic, packet: &[u8]) -> Result<(), SendError> {
        let writing = async {
            let mut outbox = self.shared.lock().await;
            encode::forward_packet(&mut outbox.frames, src, dst, packet)
                .map_err(|_| SendError::TooLong { len: packet.len() })?;
            self.shared.finish(&mut outbox).await.map_err(SendError::of)
        };
        timeout(FORWARD_LIMIT, writing).await.unwrap_or_else(|_| {
            self.shared.close();
            Err(SendError::Stalled { limit: FORWARD_LIMIT })
        })
    }

    /// Tells the relay whether it is this node's home.
    ///
    /// # Errors
    /// [`SendError::Closed`], [`SendError::Io`].
    pub async fn note_preferred(&self, is_home: bool) -> Result<(), SendError> {
        self.shared.write(|frames| encode::note_preferred(frames, is_home)).await.map_err(SendError::of)
    }

    /// Asks to be told of every peer that comes and goes; needs the mesh key, else the relay hangs up.
    ///
    /// # Errors
    /// [`SendError::Closed`], [`SendError::Io`].
    pub async fn watch(&self) -> Result<(), SendError> {
        self.shared.write(encode::watch_conns).await.map_err(SendError::of)
    }

    /// Has the relay close all connections of `peer`; needs the mesh key, else the relay hangs up.
    ///
    /// # Errors
    /// [`SendError::Closed`], [`SendError::Io`].
    pub async fn close_peer(&self, peer: &NodePublic) -> Result<(), SendError> {
        self.shared.write(|frames| encode::close_peer(frames, peer)).await.map_err(SendError::of)
    }

    /// Sends a ping and waits for its pong; the round-trip time.
    ///
    /// Somebody must be in [`Receiver::recv`](super::Receiver::recv) meanwhile: it is what reads the pong.
    ///
    /// # Errors
    /// [`PingError`]; after [`PingError::Timeout`] the connection stays usable.
    pub async fn ping(&self, limit: Duration) -> Result<Duration, PingError> {
        let data = clock::entropy::<8>()?;
        let mut pong = self.pings.expect(data);
        let start = clock::now();
        let round_trip = async {
            self.shared.write(|frames| encode::ping(frames, data)).await.map_err(SendError::of)?;
            if pong.came().await { Ok(clock::now() - start) } else { Err(PingError::Closed) }
        };
        timeout(limit, round_trip).await.unwrap_or(Err(PingError::Timeout { limit }))
    }

    /// Ends the connection for both halves, with a good-bye to the stream below.
    ///
    /// # Errors
    /// [`SendError::Closed`] if it had ended before, [`SendError::Io`] if the good-bye could not be written.
    pub async fn close(self) -> Result<(), SendError> {
        self.shared.shut_down().await.map_err(SendError::of)
    }
}

impl SendError {
    fn of(err: io::Error) -> Self {
        if err.kind() == io::ErrorKind::BrokenPipe { Self::Closed } else { Self::Io(err) }
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("is_closed", &self.shared.is_closed()).finish_non_exhaustive()
    }
}
