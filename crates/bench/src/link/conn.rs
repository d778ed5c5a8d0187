//! A connected client: its socket, and bytes on their way in and out.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;

use wherry_wire::derp::FrameType;

use super::frames::each_frame;
use super::tls::Tls;

/// How much is read from a socket at once, in bytes.
const READ_LEN: usize = 256 * 1024;

/// The longest piece of a TLS record that can be left over, in bytes, with room to spare.
const RECORD_LEN: usize = 32 * 1024;

/// The longest frame that is waited for, in bytes; a relay that announces more is broken.
const MAX_REST: usize = 2 << 20;

/// Buffers that all links of a thread share, so that an idle link owns none.
#[derive(Debug)]
pub(crate) struct Scratch {
    cipher: Vec<u8>,
    plain: Vec<u8>,
}

impl Scratch {
    /// Buffers for one thread.
    pub(crate) fn new() -> Self {
        Self { cipher: vec![0; READ_LEN + RECORD_LEN], plain: Vec::with_capacity(READ_LEN) }
    }
}

/// A client; its socket is blocking until it is put to work.
pub(crate) struct Link {
    pub(crate) socket: TcpStream,
    /// None for plain HTTP.
    pub(super) tls: Option<Tls>,
    /// A piece of a TLS record that is not complete yet.
    cipher_rest: Vec<u8>,
    /// A piece of a frame that is not complete yet.
    pub(super) plain_rest: Vec<u8>,
    outgoing: Vec<u8>,
    sent: usize,
}

/// What one look at a socket gave.
#[derive(Debug, Clone, Copy)]
struct Taken {
    /// Bytes read.
    bytes: usize,
    /// Whether the socket may have more.
    more: bool,
}

impl Link {
    /// A client that is connected without ever having dialled.
    #[cfg(test)]
    pub(crate) fn connected(socket: TcpStream) -> Self {
        Self::over(socket, None)
    }

    /// A client over this socket, nothing said yet.
    pub(super) fn over(socket: TcpStream, tls: Option<Tls>) -> Self {
        let (cipher_rest, plain_rest, outgoing) = (Vec::new(), Vec::new(), Vec::new());
        Self { socket, tls, cipher_rest, plain_rest, outgoing, sent: 0 }
    }

    /// Speaks TLS until it may carry data; blocking.
    pub(super) fn secure(&mut self, scratch: &mut Scratch) -> io::Result<()> {
        // The hello comes by itself; after that TLS speaks when it has heard something.
        if let Some(tls) = &mut self.tls {
            tls.feed(&mut [], &mut scratch.plain, &mut self.outgoing).map_err(io::Error::other)?;
            self.flush()?;
        }
        while self.tls.as_ref().is_some_and(|tls| !tls.is_ready) {
            self.fill(scratch)?;
            self.flush()?;
        }
        Ok(())
    }

    /// Waits for a frame of that type and skips others; blocking.
    pub(super) fn next_frame(&mut self, wanted: FrameType, scratch: &mut Scratch) -> io::Result<Vec<u8>> {
        loop {
            let mut found = None;
            let used = each_frame(&self.plain_rest, |frame_type, payload| {
                if found.is_none() && frame_type == wanted {
                    found = Some(payload.to_vec());
                }
            });
            self.plain_rest.drain(..used);
            match found {
                Some(found) => return Ok(found),
                None => self.fill(scratch)?,
            }
        }
    }

    /// Reads once while blocking; plaintext gathers in `plain_rest`.
    pub(super) fn fill(&mut self, scratch: &mut Scratch) -> io::Result<()> {
        if self.plain_rest.len() > MAX_REST {
            return Err(ErrorKind::InvalidData.into());
        }
        scratch.plain.clear();
        self.receive(scratch, READ_LEN)?;
        self.plain_rest.extend_from_slice(&scratch.plain);
        Ok(())
    }

    /// Hands every frame that has come to `take`, after reading at most about `budget` bytes; returns how many were read.
    ///
    /// # Errors
    /// The connection is over.
    pub(crate) fn read_frames(
        &mut self,
        scratch: &mut Scratch,
        budget: usize,
        mut take: impl FnMut(FrameType, &[u8]),
    ) -> io::Result<usize> {
        scratch.plain.clear();
        scratch.plain.append(&mut self.plain_rest);
        let mut read = 0;
        let mut more = true;
        while more && read < budget {
            match self.receive(scratch, budget.saturating_sub(read).min(READ_LEN)) {
                Ok(taken) => {
                    read += taken.bytes;
                    more = taken.more;
                }
                Err(err) if err.kind() == ErrorKind::WouldBlock => more = false,
                Err(err) => return Err(err),
            }
        }
        let used = each_frame(&scratch.plain, &mut take);
        let rest = scratch.plain.get(used..).unwrap_or_default();
        if rest.len() > MAX_REST {
            return Err(ErrorKind::InvalidData.into());
        }
        self.plain_rest.extend_from_slice(rest);
        Ok(read)
    }

    /// Reads once, at most `space` bytes, and opens what came; plaintext is appended to the scratch buffer.
    fn receive(&mut self, scratch: &mut Scratch, space: usize) -> io::Result<Taken> {
        let kept = self.cipher_rest.len();
        let Scratch { cipher, plain } = scratch;
        let Some((front, room)) = cipher.split_at_mut_checked(kept) else {
            return Err(ErrorKind::InvalidData.into());
        };
        front.copy_from_slice(&self.cipher_rest);
        let room = room.get_mut(..space).unwrap_or_default();
        let bytes = match self.socket.read(room) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => read,
            Err(err) if err.kind() == ErrorKind::Interrupted => return Ok(Taken { bytes: 0, more: true }),
            Err(err) => return Err(err),
        };
        let input = cipher.get_mut(..kept + bytes).unwrap_or_default();
        let taken = Taken { bytes, more: bytes == space };
        let Some(tls) = &mut self.tls else {
            plain.extend_from_slice(input);
            return Ok(taken);
        };
        let used = tls.feed(input, plain, &mut self.outgoing).map_err(io::Error::other)?;
        self.cipher_rest.clear();
        self.cipher_rest.extend_from_slice(input.get(used..).unwrap_or_default());
        if tls.is_closed { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(taken) }
    }

    /// Seals `plain` into what goes out next, as one record if it fits into one.
    ///
    /// # Errors
    /// The connection is over.
    pub(crate) fn seal(&mut self, plain: &[u8]) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => tls.seal(plain, &mut self.outgoing).map_err(io::Error::other),
            None => {
                self.outgoing.extend_from_slice(plain);
                Ok(())
            }
        }
    }

    /// Bytes sealed that the socket has not taken yet.
    pub(crate) fn waiting(&self) -> usize {
        self.outgoing.len() - self.sent
    }

    /// Sends what waits; returns whether all has gone.
    ///
    /// # Errors
    /// The connection is over.
    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        while let Some(rest @ [_, ..]) = self.outgoing.get(self.sent..) {
            match self.socket.write(rest) {
                Ok(written) => self.sent += written,
                Err(err) if err.kind() == ErrorKind::Interrupted => {}
                Err(err) if err.kind() == ErrorKind::WouldBlock => {
                    self.close_gap();
                    return Ok(false);
                }
                Err(err) => return Err(err),
            }
        }
        self.outgoing.clear();
        self.sent = 0;
        Ok(true)
    }

    /// Moves what waits to the front once most of the buffer has gone, so that it does not grow for ever.
    fn close_gap(&mut self) {
        if self.sent > self.outgoing.len() / 2 {
            self.outgoing.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// Gives back the buffers that only a busy link needs.
    pub(crate) fn rest(&mut self) {
        self.outgoing = Vec::new();
        self.plain_rest = Vec::new();
        self.cipher_rest.shrink_to_fit();
    }
}
