//! WebSocket messages as a transform over bytes, by tungstenite over a pipe in memory.

use std::io::{self, Read, Write};

use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message};

use super::error::CodecError;

/// Largest message and fragment accepted, in bytes: the largest frame a client may send (a `ClientInfo` of 256 KiB)
/// and as much again, since messages and frames need not begin together. The reference gives up at 32 KiB, which a
/// stock client's largest packet exceeds.
const MAX_MESSAGE: usize = 512 * 1024;

/// Largest message sent, in bytes: the library of the stock client gives up at a larger one, and a packet may be twice
/// as long. Frames and messages need not begin together, so cutting costs nothing but a header.
/// Source: github.com/coder/websocket: read.go (the default read limit).
const MAX_SENT: usize = 32 * 1024;

/// The server's side of one WebSocket connection after its HTTP upgrade.
#[derive(Debug)]
pub(super) struct WebSocket {
    context: WebSocketContext,
}

impl WebSocket {
    pub(super) fn new() -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(4096)
            .write_buffer_size(0)
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE));
        Self { context: WebSocketContext::new(Role::Server, Some(config)) }
    }

    /// Takes all of `wire`, appends the binary messages in it to `plain` and answers (pong, close) to `reply`.
    /// Returns whether the peer closed.
    pub(super) fn open(
        &mut self,
        wire: &[u8],
        plain: &mut Vec<u8>,
        reply: &mut Vec<u8>,
    ) -> Result<bool, CodecError> {
        let mut pipe = Pipe { unread: wire, written: reply };
        loop {
            match self.context.read(&mut pipe) {
                Ok(Message::Binary(bytes)) => plain.extend_from_slice(&bytes),
                Ok(Message::Text(_)) => {
                    self.refuse(&mut pipe, CloseCode::Unsupported, "expected binary message");
                    return Err(broken(Error::Utf8("text message".to_owned())));
                }
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(Error::ConnectionClosed | Error::AlreadyClosed) => return Ok(true),
                Err(error) => {
                    let code = match &error {
                        Error::Capacity(_) => CloseCode::Size,
                        Error::Utf8(_) => CloseCode::Invalid,
                        _ => CloseCode::Protocol,
                    };
                    self.refuse(&mut pipe, code, "");
                    return Err(broken(error));
                }
            }
        }
    }

    /// Appends all of `plain` to `out` as binary messages of at most [`MAX_SENT`] bytes.
    pub(super) fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
        let mut pipe = Pipe { unread: &[], written: out };
        for piece in plain.chunks(MAX_SENT) {
            self.context.write(&mut pipe, Message::binary(piece.to_vec())).map_err(broken)?;
        }
        self.context.flush(&mut pipe).map_err(broken)
    }

    /// Appends a close message: `code` with its reason, or normal closure.
    pub(super) fn close(&mut self, code: Option<(u16, &'static str)>, out: &mut Vec<u8>) {
        let (code, reason) = code.unwrap_or((1000, ""));
        self.refuse(&mut Pipe { unread: &[], written: out }, CloseCode::from(code), reason);
    }

    fn refuse(&mut self, pipe: &mut Pipe<'_, '_>, code: CloseCode, reason: &'static str) {
        let frame = CloseFrame { code, reason: reason.into() };
        // Closing a connection that is closed already changes nothing.
        drop(self.context.close(pipe, Some(frame)));
    }
}

fn broken(error: Error) -> CodecError {
    CodecError::WebSocket(Box::new(error))
}

/// A stream that never blocks on writing and has only so much to read.
struct Pipe<'w, 'o> {
    unread: &'w [u8],
    written: &'o mut Vec<u8>,
}

impl Read for Pipe<'_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.unread.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.unread.read(buf)
    }
}

impl Write for Pipe<'_, '_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.written.extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
