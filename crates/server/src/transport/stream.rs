//! A connection before its upgrade: an asynchronous byte stream over a socket and its [`Codec`].
//!
//! It buffers as a handshake needs; [`Stream::into_parts`] hands everything to the session, which buffers nothing.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::codec::Codec;
use super::error::CodecError;

/// Bytes read from the socket at a time: a handshake flight or an HTTP request fits.
const READ_CHUNK: usize = 4096;

/// Bytes sealed at a time: one TLS record. What a peer is slow to take waits as it was written, not in a copy.
const WRITE_CHUNK: usize = 16 * 1024;

/// A socket with its codec, readable and writable as the bytes inside.
#[derive(Debug)]
pub struct Stream {
    socket: TcpStream,
    codec: Codec,
    /// Off the socket, not opened yet: at most one record that is not whole.
    wire: Vec<u8>,
    /// Opened, not read yet.
    plain: Vec<u8>,
    /// Sealed, not taken by the socket yet: of what is written at most one record.
    unsent: Vec<u8>,
    finished: bool,
}

/// What is left of a [`Stream`] when the session takes over.
#[derive(Debug)]
pub struct Parts {
    /// The socket.
    pub socket: TcpStream,
    /// The state of its layers.
    pub codec: Codec,
    /// Bytes off the socket that are not a whole record yet.
    pub wire: Vec<u8>,
    /// Bytes opened but not read.
    pub plain: Vec<u8>,
    /// Sealed bytes the socket did not take yet.
    pub unsent: Vec<u8>,
    /// The peer said that nothing more will come.
    pub finished: bool,
}

impl Stream {
    /// A stream over `socket`; `wire` holds bytes already read from it.
    #[must_use]
    pub const fn new(socket: TcpStream, codec: Codec, wire: Vec<u8>) -> Self {
        Self { socket, codec, wire, plain: Vec::new(), unsent: Vec::new(), finished: false }
    }

    /// Runs the TLS handshake to its end; returns at once on a plain connection. Not cancel-safe: drop the stream.
    ///
    /// # Errors
    /// The peer's or the socket's fault; the peer was sent an alert where TLS has one.
    pub async fn establish(&mut self) -> Result<(), EstablishError> {
        std::future::poll_fn(|cx| self.poll_establish(cx)).await
    }

    fn poll_establish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), EstablishError>> {
        loop {
            if let Err(error) = self.open() {
                // The alert goes out if the socket takes it at once.
                drop(self.poll_drain(cx));
                return Poll::Ready(Err(error.into()));
            }
            ready!(self.poll_drain(cx))?;
            if self.codec.is_established() {
                return Poll::Ready(Ok(()));
            }
            if ready!(self.poll_fill(cx))? == 0 {
                return Poll::Ready(Err(EstablishError::HungUp));
            }
        }
    }

    /// Puts bytes that were read but belong to the next reader back in front.
    pub fn unread(&mut self, bytes: &[u8]) {
        self.plain.splice(..0, bytes.iter().copied());
    }

    /// Seals `bytes` to leave with what is written next, but before the stream waits for the peer.
    ///
    /// # Errors
    /// [`CodecError`] if they cannot be sealed.
    pub fn enqueue(&mut self, bytes: &[u8]) -> Result<(), CodecError> {
        self.codec.seal(bytes, &mut self.unsent)
    }

    /// From here on, bytes travel as WebSocket messages. Bytes that were opened already are messages too.
    ///
    /// # Errors
    /// [`CodecError`] if those bytes are no valid messages.
    pub fn upgrade_to_websocket(&mut self) -> Result<(), CodecError> {
        // What the HTTP layer had read beyond the request was opened by TLS alone.
        let opened = std::mem::take(&mut self.plain);
        self.codec.upgrade_to_websocket();
        self.finished |= self.codec.open_messages(&opened, &mut self.plain, &mut self.unsent)?;
        Ok(())
    }

    /// Says farewell in every layer, with a WebSocket close code where given, and flushes it.
    ///
    /// # Errors
    /// The socket's.
    pub async fn close_with_code(&mut self, code: u16, reason: &'static str) -> io::Result<()> {
        self.codec.close_with_code(&mut self.unsent, code, reason);
        std::future::poll_fn(|cx| self.poll_drain(cx)).await
    }

    /// Takes the stream apart.
    #[must_use]
    pub fn into_parts(self) -> Parts {
        let Self { socket, codec, wire, plain, unsent, finished } = self;
        Parts { socket, codec, wire, plain, unsent, finished }
    }

    /// Opens what is in `wire`.
    fn open(&mut self) -> Result<(), CodecError> {
        let opened = self.codec.open(&mut self.wire, &mut self.plain, &mut self.unsent)?;
        self.wire.drain(..opened.consumed);
        self.finished |= opened.finished;
        Ok(())
    }

    /// Reads from the socket behind `wire`; 0 at its end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let filled = self.wire.len();
        self.wire.resize(filled + READ_CHUNK, 0);
        let mut room = ReadBuf::new(self.wire.get_mut(filled..).unwrap_or_default());
        let polled = Pin::new(&mut self.socket).poll_read(cx, &mut room);
        let read = room.filled().len();
        self.wire.truncate(filled + read);
        polled.map_ok(|()| read)
    }

    /// Writes `unsent` to the socket.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let written = ready!(Pin::new(&mut self.socket).poll_write(cx, &self.unsent))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unsent.drain(..written);
        }
        Poll::Ready(Ok(()))
    }
}

/// Why a TLS handshake came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum EstablishError {
    /// The peer broke TLS.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The socket failed.
    #[error("socket: {0}")]
    Io(#[from] io::Error),
    /// The peer went away.
    #[error("peer hung up during the handshake")]
    HungUp,
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if !this.plain.is_empty() {
                let take = this.plain.len().min(buf.remaining());
                buf.put_slice(this.plain.get(..take).unwrap_or_default());
                this.plain.drain(..take);
                return Poll::Ready(Ok(()));
            }
            // Reading makes answers (pongs, key updates): who does not take them is not read on.
            ready!(this.poll_drain(cx))?;
            if this.finished || ready!(this.poll_fill(cx))? == 0 {
                return Poll::Ready(Ok(()));
            }
            let opened = this.open();
            if opened.is_err() {
                // An alert goes out if the socket takes it at once.
                drop(this.poll_drain(cx));
            }
            opened.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_drain(cx))?;
        let this = &mut *self;
        let chunk = buf.get(..buf.len().min(WRITE_CHUNK)).unwrap_or_default();
        this.codec.seal(chunk, &mut this.unsent).map_err(io::Error::other)?;
        // Sealed bytes count as written; what the socket does not take now goes out with the next call.
        if let Poll::Ready(drained) = this.poll_drain(cx) {
            drained?;
        }
        Poll::Ready(Ok(chunk.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_drain(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.codec.close(&mut this.unsent);
        ready!(this.poll_drain(cx))?;
        Pin::new(&mut this.socket).poll_shutdown(cx)
    }
}

impl hyper::rt::Read for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut chunk = [0; READ_CHUNK];
        let room = buf.remaining().min(chunk.len());
        let mut chunk = ReadBuf::new(chunk.get_mut(..room).unwrap_or_default());
        ready!(AsyncRead::poll_read(self, cx, &mut chunk))?;
        buf.put_slice(chunk.filled());
        Poll::Ready(Ok(()))
    }
}

impl hyper::rt::Write for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(self, cx, buf)
    }

    /// hyper copies a whole body behind its head for a stream that takes one piece at a time.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_drain(cx))?;
        // A head and a short body leave in one record.
        let mut chunk = Vec::new();
        for buf in bufs {
            let room = WRITE_CHUNK.saturating_sub(chunk.len());
            chunk.extend_from_slice(buf.get(..buf.len().min(room)).unwrap_or_default());
        }
        AsyncWrite::poll_write(self, cx, &chunk)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(self, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_shutdown(self, cx)
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
