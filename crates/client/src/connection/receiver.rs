//! The receiving half.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncReadExt, ReadHalf};
use tokio::time::{Instant, sleep_until};
use wherry_wire::derp::{
    HEADER_LEN, HandshakeError as BadServerInfo, Header, MAX_CLIENT_FRAME, ServerInfo, SharedKey, ToClient,
};

use super::message::Message;
use super::outbox::Shared;
use super::pings::Pings;
use crate::clock;
use crate::upgrade::ByteStream;

/// How long a relay may say nothing: twice its keep-alive period.
///
/// Source: tailscale: derp/derp_client.go, `Recv`.
pub const SILENCE_LIMIT: Duration = Duration::from_secs(120);

/// How long a reader that was away longer than [`SILENCE_LIMIT`] may take to find what came meanwhile.
const CATCH_UP: Duration = Duration::from_secs(5);

/// The least that is asked for in one read.
const MIN_READ: usize = 2 * 1024;
/// The read buffer doubles under load up to this, in bytes; only longer frames need more.
const MAX_BATCH: usize = 64 * 1024;

/// Receives on one connection.
pub struct Receiver {
    stream: ReadHalf<Box<dyn ByteStream>>,
    shared: Arc<Shared>,
    pings: Arc<Pings>,
    key: SharedKey,
    server_info: ServerInfo,
    /// Bytes read; the first `parsed` are dealt with.
    buf: Vec<u8>,
    parsed: usize,
    /// Answer to the latest ping, not yet handed to the outbox.
    pong: Option<[u8; 8]>,
    /// When the silence is too long.
    deadline: Instant,
    /// The reader was away past the deadline and got its [`CATCH_UP`].
    caught_up: bool,
    /// An error was reported; the stream is not to be trusted any more.
    ended: bool,
}

/// Why nothing more can be received.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecvError {
    /// The relay hung up, or this side closed the connection.
    #[error("the connection has ended")]
    Closed,
    /// Reading failed.
    #[error("reading from the relay failed: {0}")]
    Io(#[source] io::Error),
    /// The relay said nothing, not even a keep-alive.
    #[error("the relay said nothing for {} s", limit.as_secs())]
    Silent {
        /// The time it had.
        limit: Duration,
    },
    /// The relay announced a frame nobody can want.
    #[error("the relay sends a frame of {len} bytes, more than {MAX_CLIENT_FRAME}")]
    FrameTooLong {
        /// Length of the frame's payload in bytes.
        len: u32,
    },
    /// A later ServerInfo cannot be opened.
    #[error("the relay sends a ServerInfo that cannot be read: {0}")]
    ServerInfo(#[source] BadServerInfo),
}

impl Receiver {
    /// The next thing the relay tells.
    ///
    /// Meanwhile answers its pings, and finishes writes that were given up.
    ///
    /// Cancel safety: safe, nothing is lost; the 120 seconds of [`SILENCE_LIMIT`] run on from the last frame.
    ///
    /// # Errors
    /// [`RecvError`]; the first one ends the connection, after that it is always [`RecvError::Closed`].
    pub async fn recv(&mut self) -> Result<Message, RecvError> {
        if self.ended {
            return Err(RecvError::Closed);
        }
        match self.next().await {
            Ok(message) => Ok(message),
            Err(err) => {
                self.end();
                Err(err)
            }
        }
    }

    /// What the relay said about itself last.
    #[must_use]
    pub fn server_info(&self) -> &ServerInfo {
        &self.server_info
    }

    pub(super) fn new(
        stream: ReadHalf<Box<dyn ByteStream>>,
        shared: Arc<Shared>,
        pings: Arc<Pings>,
        (key, server_info): (SharedKey, ServerInfo),
        buf: Vec<u8>,
    ) -> Self {
        Self {
            stream,
            shared,
            pings,
            key,
            server_info,
            buf,
            parsed: 0,
            pong: None,
            deadline: clock::now() + SILENCE_LIMIT,
            caught_up: false,
            ended: false,
        }
    }

    async fn next(&mut self) -> Result<Message, RecvError> {
        loop {
            while let Some(end) = frame_end(&self.buf, self.parsed)? {
                let start = std::mem::replace(&mut self.parsed, end);
                self.deadline = clock::now() + SILENCE_LIMIT;
                self.caught_up = false;
                if let Some(message) = self.take(start)? {
                    return Ok(message);
                }
            }
            self.read().await?;
        }
    }

    /// Deals with the frame from `start` to what is parsed; some are nothing to the caller.
    fn take(&mut self, start: usize) -> Result<Option<Message>, RecvError> {
        let frame = self.buf.get(start..self.parsed).unwrap_or_default();
        let Some((header, payload)) = frame.split_first_chunk::<HEADER_LEN>() else { return Ok(None) };
        // A frame too short for its type is skipped, as the reference does.
        let Ok(Some(told)) = ToClient::decode(Header::decode(header).frame_type, payload) else {
            return Ok(None);
        };
        match told {
            ToClient::Ping(data) => self.pong = Some(data),
            ToClient::Pong(data) => self.pings.pong(data),
            ToClient::ServerInfo(sealed) => {
                self.server_info = self.key.open_server_info(sealed).map_err(RecvError::ServerInfo)?;
                self.shared.limit(&self.server_info);
            }
            other => return Ok(Message::of(other)),
        }
        Ok(None)
    }

    /// Waits for more bytes, or for an end.
    async fn read(&mut self) -> Result<(), RecvError> {
        self.make_room()?;
        let now = clock::now();
        if now >= self.deadline && !self.caught_up {
            self.caught_up = true;
            self.deadline = now + CATCH_UP;
        }
        let len = tokio::select! {
            read = self.stream.read_buf(&mut self.buf) => read.map_err(RecvError::Io)?,
            () = self.shared.tend(&mut self.pong) => 0,
            () = sleep_until(self.deadline) => return Err(RecvError::Silent { limit: SILENCE_LIMIT }),
        };
        if len == 0 { Err(RecvError::Closed) } else { Ok(()) }
    }

    /// Moves what is left to the front and makes room for the rest of the frame that has begun.
    fn make_room(&mut self) -> Result<(), RecvError> {
        let was_full = self.buf.len() == self.buf.capacity();
        self.buf.drain(..self.parsed);
        self.parsed = 0;
        let missing = frame_len(&self.buf)?.unwrap_or(HEADER_LEN).saturating_sub(self.buf.len());
        let more = if was_full { (2 * self.buf.capacity()).min(MAX_BATCH) } else { 0 };
        if self.buf.is_empty() {
            self.buf.shrink_to(MAX_BATCH);
        }
        self.buf.reserve(missing.max(MIN_READ).max(more.saturating_sub(self.buf.len())));
        Ok(())
    }

    fn end(&mut self) {
        self.ended = true;
        self.shared.close();
        self.pings.end();
    }
}

/// Where the frame that starts at `start` ends, if all of it is there.
fn frame_end(buf: &[u8], start: usize) -> Result<Option<usize>, RecvError> {
    let rest = buf.get(start..).unwrap_or_default();
    let Some(len) = frame_len(rest)? else { return Ok(None) };
    Ok((len <= rest.len()).then_some(start + len))
}

/// Header and payload of the frame at the front, if its header is there.
fn frame_len(buf: &[u8]) -> Result<Option<usize>, RecvError> {
    let Some(bytes) = buf.first_chunk::<HEADER_LEN>() else { return Ok(None) };
    let header = Header::decode(bytes);
    let len = ToClient::intake(header).map_err(|_| RecvError::FrameTooLong { len: header.len })?;
    Ok(Some(HEADER_LEN + len))
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.pings.end();
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("buffered", &self.buf.len())
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
