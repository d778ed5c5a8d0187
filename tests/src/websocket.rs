//! The WebSocket client's side by hand: masking out, messages in. Source: RFC 6455, section 5

use crate::node::random_bytes;

/// Opcode of a continuation.
pub const CONTINUATION: u8 = 0x0;
/// Opcode of a text message.
pub const TEXT: u8 = 0x1;
/// Opcode of a binary message.
pub const BINARY: u8 = 0x2;
/// Opcode of a close message.
pub const CLOSE: u8 = 0x8;
/// Opcode of a ping.
pub const PING: u8 = 0x9;
/// Opcode of a pong.
pub const PONG: u8 = 0xa;

/// A whole message in one masked frame.
#[must_use]
pub fn message(opcode: u8, payload: &[u8]) -> Vec<u8> {
    masked(true, opcode, payload)
}

/// One masked frame of a message; `last` says that the message ends with it.
#[must_use]
pub fn masked(last: bool, opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = head(last, opcode, payload.len(), true);
    let mask: [u8; 4] = random_bytes();
    out.extend_from_slice(&mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

/// The same without a mask, which a server must refuse.
#[must_use]
pub fn unmasked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    [head(true, opcode, payload.len(), false), payload.to_vec()].concat()
}

fn head(last: bool, opcode: u8, len: usize, mask: bool) -> Vec<u8> {
    let mask = u8::from(mask) << 7;
    let mut out = vec![(u8::from(last) << 7) | opcode];
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ 0..=125), _) => out.push(mask | len),
        (_, Ok(len)) => {
            out.push(mask | 126);
            out.extend_from_slice(&len.to_be_bytes());
        }
        _ => {
            out.push(mask | 127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    out
}

/// What came from the server.
#[derive(Debug, Default)]
pub(crate) struct Inbound {
    raw: Vec<u8>,
    pub(crate) close_code: Option<u16>,
    /// Everything but binary messages and the close.
    pub(crate) others: Vec<(u8, Vec<u8>)>,
}

impl Inbound {
    /// Takes bytes from the stream; what binary messages carry goes to `out`.
    pub(crate) fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.raw.extend_from_slice(bytes);
        while let Some((opcode, payload)) = self.next() {
            match opcode {
                BINARY | CONTINUATION => out.extend_from_slice(&payload),
                // The first is the verdict; the reference follows it with the close of its own end.
                CLOSE => {
                    let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                    self.close_code = self.close_code.or(code);
                }
                _ => self.others.push((opcode, payload)),
            }
        }
    }

    fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        let [first, second] = *self.raw.first_chunk()?;
        assert_eq!(first & 0x70, 0, "no extension was agreed to, yet a reserved bit is set");
        assert_eq!(second & 0x80, 0, "a server never masks");
        let (start, len) = match second {
            126 => (4, u64::from(u16::from_be_bytes(*self.raw.get(2..)?.first_chunk()?))),
            127 => (10, u64::from_be_bytes(*self.raw.get(2..)?.first_chunk()?)),
            len => (2, u64::from(len)),
        };
        let end = start + usize::try_from(len).expect("a message fits in memory");
        (self.raw.len() >= end).then(|| (first & 0x0f, self.raw.drain(..end).skip(start).collect()))
    }
}
