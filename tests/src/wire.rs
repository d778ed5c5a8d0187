//! A connection read and written in bytes, HTTP heads or DERP frames, over TCP, TLS or WebSocket.

use crate::PATIENCE;
use crate::frame::Frame;
use crate::pipe::{Ended, Pipe};
use crate::response::{Response, parse_head};
use crate::subject::Subject;
use crate::websocket::{self, Inbound};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A client's end of one connection.
#[derive(Debug)]
pub struct Wire {
    pipe: Pipe,
    /// Received and not yet taken; with WebSocket, what the messages carried.
    inbox: Vec<u8>,
    web: Option<Inbound>,
}

impl Wire {
    /// To the main listener of `relay`, over TLS as a stock client does.
    #[must_use]
    pub fn tls(relay: &Subject) -> Self {
        Self::from(Pipe::tls(relay.main(), &relay.hello()).expect("the TLS handshake succeeds"))
    }

    /// Bare TCP to `addr`.
    #[must_use]
    pub fn plain(addr: SocketAddr) -> Self {
        Self::from(Pipe::plain(addr))
    }

    /// The stream underneath.
    #[must_use]
    pub const fn pipe(&self) -> &Pipe {
        &self.pipe
    }

    /// The stream underneath, to act below the protocol.
    pub const fn pipe_mut(&mut self) -> &mut Pipe {
        &mut self.pipe
    }

    /// Sends bytes, in one binary message after a WebSocket upgrade.
    pub fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes, PATIENCE).expect("the relay takes what a client sends");
    }

    /// Sends bytes as an offender does: whether the relay still takes them does not matter.
    ///
    /// Returns whether it took them.
    pub fn send_lossy(&mut self, bytes: &[u8]) -> bool {
        self.try_send(bytes, PATIENCE).is_ok()
    }

    /// Sends bytes within a time limit.
    ///
    /// # Errors
    /// The relay closed, or did not take them in time.
    pub fn try_send(&mut self, bytes: &[u8], limit: Duration) -> Result<(), Ended> {
        let deadline = Instant::now() + limit;
        if self.web.is_some() {
            self.pipe.write_all(&websocket::message(websocket::BINARY, bytes), deadline)
        } else {
            self.pipe.write_all(bytes, deadline)
        }
    }

    /// Sends bytes past the WebSocket layer.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.pipe.write_all(bytes, Instant::now() + PATIENCE).expect("the relay takes what a client sends");
    }

    /// Exactly `len` bytes.
    ///
    /// # Errors
    /// The relay closed before, or the time is over.
    pub fn bytes(&mut self, len: usize, limit: Duration) -> Result<Vec<u8>, Ended> {
        self.fill_to(len, Instant::now() + limit)?;
        Ok(self.inbox.drain(..len).collect())
    }

    /// The next frame.
    ///
    /// # Errors
    /// The relay closed before it was whole, or the time is over.
    pub fn frame(&mut self, limit: Duration) -> Result<Frame, Ended> {
        let deadline = Instant::now() + limit;
        self.fill_to(5, deadline)?;
        let [kind, a, b, c, d] = *self.inbox.first_chunk().expect("five bytes are there");
        let len = u32::from_be_bytes([a, b, c, d]);
        assert!(len <= 1 << 20, "the relay announces a frame of {len} bytes, which no client takes");
        let end = 5 + usize::try_from(len).expect("a mebibyte fits");
        self.fill_to(end, deadline)?;
        let payload = self.inbox.drain(..end).skip(5).collect();
        Ok(Frame { kind, payload })
    }

    /// A whole HTTP response: head, and the body by its length or up to the end of the stream.
    ///
    /// # Errors
    /// The relay closed before it was whole, or the time is over.
    pub fn response(&mut self, limit: Duration) -> Result<Response, Ended> {
        let deadline = Instant::now() + limit;
        let mut response = self.head(limit)?;
        match response.body_len() {
            Some(len) => {
                self.fill_to(len, deadline)?;
                response.body = self.inbox.drain(..len).collect();
            }
            None => {
                while self.fill(deadline).is_ok() {}
                response.body = std::mem::take(&mut self.inbox);
            }
        }
        Ok(response)
    }

    /// An HTTP response head. Whatever follows it stays to be read.
    ///
    /// # Errors
    /// The relay closed before it was whole, or the time is over.
    pub fn head(&mut self, limit: Duration) -> Result<Response, Ended> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(end) = self.inbox.windows(4).position(|four| four == b"\r\n\r\n") {
                let head: Vec<u8> = self.inbox.drain(..end + 4).collect();
                return Ok(parse_head(&head));
            }
            self.fill(deadline)?;
        }
    }

    /// Everything up to the end of the stream.
    ///
    /// # Errors
    /// Only [`Ended::TimedOut`]: the relay did not close in time.
    pub fn rest(&mut self, limit: Duration) -> Result<Vec<u8>, Ended> {
        let deadline = Instant::now() + limit;
        loop {
            match self.fill(deadline) {
                Ok(()) => {}
                Err(Ended::Closed) => return Ok(std::mem::take(&mut self.inbox)),
                Err(Ended::TimedOut) => return Err(Ended::TimedOut),
            }
        }
    }

    /// From here on bytes travel in WebSocket messages.
    pub fn become_websocket(&mut self) {
        let already = std::mem::take(&mut self.inbox);
        let mut inbound = Inbound::default();
        inbound.feed(&already, &mut self.inbox);
        self.web = Some(inbound);
    }

    /// The status code of the close message, if the relay sent one.
    #[must_use]
    pub fn close_code(&self) -> Option<u16> {
        self.web.as_ref()?.close_code
    }

    /// Control and text messages seen so far: opcode and payload.
    #[must_use]
    pub fn other_messages(&self) -> &[(u8, Vec<u8>)] {
        self.web.as_ref().map(|web| &web.others[..]).unwrap_or_default()
    }

    /// Waits for more bytes.
    ///
    /// # Errors
    /// The relay closed, or the time is over.
    pub fn more(&mut self, limit: Duration) -> Result<(), Ended> {
        self.fill(Instant::now() + limit)
    }

    fn fill_to(&mut self, len: usize, deadline: Instant) -> Result<(), Ended> {
        while self.inbox.len() < len {
            self.fill(deadline)?;
        }
        Ok(())
    }

    fn fill(&mut self, deadline: Instant) -> Result<(), Ended> {
        let mut buf = [0; 16 << 10];
        let len = self.pipe.read(&mut buf, deadline)?;
        match &mut self.web {
            Some(web) => {
                let open = web.close_code.is_none();
                web.feed(&buf[..len], &mut self.inbox);
                if let Some(code) = web.close_code.filter(|_| open) {
                    // As a browser does; the relay may already be gone.
                    let answer = websocket::message(websocket::CLOSE, &code.to_be_bytes());
                    let _taken = self.pipe.write_all(&answer, deadline).is_ok();
                }
            }
            None => self.inbox.extend_from_slice(&buf[..len]),
        }
        Ok(())
    }
}

impl From<Pipe> for Wire {
    fn from(pipe: Pipe) -> Self {
        Self { pipe, inbox: Vec::new(), web: None }
    }
}
