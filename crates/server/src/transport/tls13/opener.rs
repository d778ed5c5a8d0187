//! Records off the socket, opened.

use rustls::{ConnectionTrafficSecrets, Error};

use super::keys::Keys;
use super::{Fault, HEADER_LEN, KEY_UPDATE, MAX_CONTENT, TAG_LEN, content};

/// Bytes by which sealing may make a record longer (section 5.2), padding included.
const MAX_EXPANSION: usize = 256;

/// Records without data, key updates among them, for each [`WORTHWHILE`] bytes of data: they cost us more than the peer.
const MAX_IDLING: u8 = 32;

/// Bytes of data that make up for records without.
const WORTHWHILE: usize = 64 * 1024;

const CLOSE_NOTIFY: u8 = 0;
const USER_CANCELED: u8 = 90;

/// The receiving direction of a connection.
pub(in crate::transport) struct Opener {
    keys: Keys,
    /// Bytes of a `KeyUpdate` that have come; a message may be spread over records.
    update_len: usize,
    /// Records without data, and bytes of data, since there were last [`WORTHWHILE`] of these.
    idling: u8,
    data: usize,
}

/// Why [`Opener::open`] stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::transport) enum Stop {
    /// No whole record is left.
    Dry,
    /// The peer said that nothing more will come.
    Closed,
    /// The next record is sealed with a new key: [`Opener::set_keys`]. The peer may want us to renew ours.
    KeyUpdate { wants_answer: bool },
    /// The peer broke the protocol.
    Fault(Fault),
}

/// What one record was.
enum Record {
    Data,
    Other(Stop),
}

impl Opener {
    /// The receiving direction from `secrets`.
    ///
    /// # Errors
    /// A cipher that TLS 1.3 does not have.
    pub(super) fn new(secrets: (u64, ConnectionTrafficSecrets)) -> Result<Self, Error> {
        Ok(Self { keys: Keys::new(secrets)?, update_len: 0, idling: 0, data: 0 })
    }

    /// Goes on with the keys after a [`Stop::KeyUpdate`].
    ///
    /// # Errors
    /// A cipher that TLS 1.3 does not have.
    pub(super) fn set_keys(&mut self, secrets: (u64, ConnectionTrafficSecrets)) -> Result<(), Error> {
        self.keys = Keys::new(secrets)?;
        Ok(())
    }

    /// Opens whole records from the front of `wire`, where they stand, and appends their data to `plain`.
    ///
    /// Returns the bytes used and why it stopped; the rest must be presented again.
    pub(in crate::transport) fn open(&mut self, wire: &mut [u8], plain: &mut Vec<u8>) -> (usize, Stop) {
        let mut used = 0;
        loop {
            let rest = wire.get_mut(used..).unwrap_or_default();
            let Some((header, body)) = rest.split_first_chunk_mut::<HEADER_LEN>() else {
                return (used, Stop::Dry);
            };
            let len = usize::from(u16::from_be_bytes([header[3], header[4]]));
            if len > MAX_CONTENT + MAX_EXPANSION {
                return (used, Stop::Fault(Fault::RecordOverflow));
            }
            let Some(body) = body.get_mut(..len) else { return (used, Stop::Dry) };
            let record = self.open_record(*header, body, plain);
            used += HEADER_LEN + len;
            match record {
                Ok(Record::Data | Record::Other(Stop::Dry)) => {}
                Ok(Record::Other(stop)) => return (used, stop),
                Err(fault) => return (used, Stop::Fault(fault)),
            }
        }
    }

    fn open_record(
        &mut self,
        header: [u8; HEADER_LEN],
        body: &mut [u8],
        plain: &mut Vec<u8>,
    ) -> Result<Record, Fault> {
        if header[0] != content::APPLICATION_DATA {
            return Err(Fault::UnexpectedMessage);
        }
        if body.len() < TAG_LEN {
            return Err(Fault::BadRecord);
        }
        let inner = self.keys.open(header, body).ok_or(Fault::BadRecord)?;
        if inner.len() > MAX_CONTENT + 1 {
            return Err(Fault::RecordOverflow);
        }
        // Behind the content stands its type, and behind that any number of zeros.
        let end = inner.iter().rposition(|byte| *byte != 0).ok_or(Fault::UnexpectedMessage)?;
        let (content, rest) = inner.split_at(end);
        let content_type = rest.first().copied().unwrap_or_default();
        if self.update_len > 0 && content_type != content::HANDSHAKE {
            return Err(Fault::UnexpectedMessage);
        }
        if content_type == content::APPLICATION_DATA && !content.is_empty() {
            plain.extend_from_slice(content);
            self.data += content.len();
            if self.data >= WORTHWHILE {
                (self.idling, self.data) = (0, 0);
            }
            return Ok(Record::Data);
        }
        self.idling += 1;
        if self.idling > MAX_IDLING {
            return Err(Fault::Idling);
        }
        match content_type {
            content::APPLICATION_DATA => Ok(Record::Other(Stop::Dry)),
            content::ALERT => alert(content).map(Record::Other),
            content::HANDSHAKE => self.handshake(content).map(Record::Other),
            _ => Err(Fault::UnexpectedMessage),
        }
    }

    /// A piece of a handshake message. After the handshake a client of ours may send only `KeyUpdate`, and the key changes
    /// with the next record, so nothing may follow it in this one.
    fn handshake(&mut self, piece: &[u8]) -> Result<Stop, Fault> {
        if piece.is_empty() {
            return Err(Fault::UnexpectedMessage);
        }
        let expected = KEY_UPDATE.get(self.update_len..).unwrap_or_default();
        let (head, last) = piece.split_at(piece.len().min(expected.len()));
        if !expected.starts_with(head) {
            return Err(Fault::UnexpectedMessage);
        }
        self.update_len += head.len();
        let wants_answer = match last {
            [] => return Ok(Stop::Dry),
            [0] => false,
            [1] => true,
            [_] => return Err(Fault::IllegalParameter),
            _ => return Err(Fault::UnexpectedMessage),
        };
        self.update_len = 0;
        Ok(Stop::KeyUpdate { wants_answer })
    }
}

fn alert(content: &[u8]) -> Result<Stop, Fault> {
    match content {
        [_, CLOSE_NOTIFY] => Ok(Stop::Closed),
        [_, USER_CANCELED] => Ok(Stop::Dry),
        [_, description] => Err(Fault::PeerAlert(*description)),
        [] => Err(Fault::UnexpectedMessage),
        _ => Err(Fault::Malformed),
    }
}
