//! The two directions of an established connection.
//!
//! TLS 1.3 and plain TCP come apart completely: reading takes nothing that writing needs. TLS 1.2 and WebSocket keep one
//! state for both; there the sealer holds it, and the opener asks for the sealer each time.

use super::codec::{Codec, Layers};
use super::error::CodecError;
use super::records::Opened;
use super::tls13::{self, Stop};

/// Opens what comes off the socket. Held by the only task that reads.
pub struct Opener(Opening);

/// Seals what goes to the socket. Held under the lock of whoever writes.
pub struct Sealer(Sealing);

enum Opening {
    Plain,
    Tls13(tls13::Opener),
    /// The sealer has the state.
    Whole,
    Ended,
}

enum Sealing {
    Plain,
    Tls13(tls13::Sealer),
    Whole(Box<Codec>),
    Ended,
}

/// What [`Opener::open`] came to by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// All there was.
    Done(Opened),
    /// [`Opener::open_with`] must go on, with what is left of the input.
    NeedsSealer(Need),
}

/// How far [`Opener::open`] came, and what for it needs the sealer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    consumed: usize,
    stop: Stop,
}

/// Takes an established codec apart. To be called right after [`Codec::seal`], which lets out what TLS has to say by itself.
///
/// # Errors
/// [`CodecError::Closed`] if it has ended; [`CodecError::Tls`] if the handshake is not over.
pub fn split(codec: Codec) -> Result<(Opener, Sealer), CodecError> {
    let (opening, sealing) = match codec.into_layers()? {
        Layers::Plain => (Opening::Plain, Sealing::Plain),
        Layers::Tls13(tls) => {
            let (opener, sealer) = tls13::take_over(*tls)?;
            (Opening::Tls13(opener), Sealing::Tls13(sealer))
        }
        Layers::Joined(codec) => (Opening::Whole, Sealing::Whole(Box::new(codec))),
    };
    Ok((Opener(opening), Sealer(sealing)))
}

impl Opener {
    /// Opens everything whole in `wire` that it can without the sealer, appending the DERP bytes to `plain`.
    ///
    /// `wire` is overwritten as far as it was opened.
    pub fn open(&mut self, wire: &mut [u8], plain: &mut Vec<u8>) -> Progress {
        let (consumed, stop) = match &mut self.0 {
            Opening::Tls13(opener) => opener.open(wire, plain),
            Opening::Plain => {
                plain.extend_from_slice(wire);
                (wire.len(), Stop::Dry)
            }
            Opening::Whole | Opening::Ended => {
                return Progress::NeedsSealer(Need { consumed: 0, stop: Stop::Dry });
            }
        };
        match stop {
            Stop::Dry => Progress::Done(Opened { consumed, finished: false }),
            Stop::Closed => Progress::Done(Opened { consumed, finished: true }),
            Stop::KeyUpdate { .. } | Stop::Fault(_) => Progress::NeedsSealer(Need { consumed, stop }),
        }
    }

    /// Goes on where [`Self::open`] needed the sealer; what the peer is to be told is appended to `reply`, sealed.
    ///
    /// # Errors
    /// Any [`CodecError`]; `reply` may still hold an alert or a close message worth sending.
    pub fn open_with(
        &mut self,
        sealer: &mut Sealer,
        need: Need,
        wire: &mut [u8],
        plain: &mut Vec<u8>,
        reply: &mut Vec<u8>,
    ) -> Result<Opened, CodecError> {
        let opened = match (&mut self.0, &mut sealer.0) {
            (Opening::Tls13(opener), Sealing::Tls13(sealer)) => {
                open_records(opener, sealer, need, wire, plain, reply)
            }
            (Opening::Whole, Sealing::Whole(codec)) => codec.open(wire, plain, reply),
            _ => Err(CodecError::Closed),
        };
        if opened.is_err() {
            // Neither direction goes on after an error.
            (self.0, sealer.0) = (Opening::Ended, Sealing::Ended);
        }
        opened
    }
}

fn open_records(
    opener: &mut tls13::Opener,
    sealer: &mut tls13::Sealer,
    need: Need,
    wire: &mut [u8],
    plain: &mut Vec<u8>,
    reply: &mut Vec<u8>,
) -> Result<Opened, CodecError> {
    let Need { mut consumed, mut stop } = need;
    loop {
        match stop {
            Stop::Dry => return Ok(Opened { consumed, finished: false }),
            Stop::Closed => return Ok(Opened { consumed, finished: true }),
            Stop::KeyUpdate { wants_answer } => sealer.follow_key_update(opener, wants_answer, reply)?,
            Stop::Fault(fault) => {
                sealer.blame(fault, reply)?;
                return Err(fault.into());
            }
        }
        let (used, next) = opener.open(wire.get_mut(consumed..).unwrap_or_default(), plain);
        consumed += used;
        stop = next;
    }
}

impl Sealer {
    /// Appends to `out`, sealed, all that `write` appends to the buffer it is given. On an error nothing of it is
    /// there, sealed or not.
    ///
    /// # Errors
    /// [`CodecError::Closed`] after an error or [`Self::close`]; [`CodecError::Tls`] when the cipher is exhausted.
    pub fn seal(&mut self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), CodecError> {
        let sealed = match &mut self.0 {
            Sealing::Tls13(sealer) => sealer.seal(out, write).map_err(CodecError::from),
            Sealing::Plain => {
                write(out);
                Ok(())
            }
            Sealing::Whole(codec) => {
                let mut plain = Vec::new();
                write(&mut plain);
                codec.seal(&plain, out)
            }
            Sealing::Ended => Err(CodecError::Closed),
        };
        if sealed.is_err() {
            self.0 = Sealing::Ended;
        }
        sealed
    }

    /// Seals nothing from here on: what was sealed last will not be sent, and nothing can be understood without it.
    pub fn give_up(&mut self) {
        self.0 = Sealing::Ended;
    }

    /// Appends the farewell of each layer to `out`; nothing can be sealed afterwards.
    pub fn close(&mut self, out: &mut Vec<u8>) {
        match std::mem::replace(&mut self.0, Sealing::Ended) {
            // A key that is used up says no farewell; the socket closes all the same.
            Sealing::Tls13(mut sealer) => drop(sealer.close(out)),
            Sealing::Whole(mut codec) => codec.close(out),
            Sealing::Plain | Sealing::Ended => {}
        }
    }
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}
