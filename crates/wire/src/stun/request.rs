//! The binding request.
use super::{
    TxId,
    attributes::{Attributes, COOKIE, put, split},
};

/// Length of the request that clients send, in bytes: header 20, SOFTWARE 12, FINGERPRINT 8.
pub const REQUEST_LEN: usize = 40;

const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const SOFTWARE: u16 = 0x8022;
const FINGERPRINT: u16 = 0x8028;
/// Length of FINGERPRINT with its type and length.
const FINGERPRINT_LEN: usize = 8;
/// What the fingerprint's checksum is XORed with: `STUN` in ASCII.
const FINGERPRINT_XOR: u32 = 0x5354_554e;

/// How clients of this network name themselves; servers answer nobody else.
const CLIENT_NAME: [u8; 8] = *b"tailnode";

/// Why a datagram gets no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotStun {
    /// Too short, without the magic cookie, or with a top bit set.
    #[error("datagram is no STUN message")]
    NotStun,
    /// Another message than a binding request.
    #[error("message is no binding request")]
    NotRequest,
    /// Attributes do not fill the datagram exactly.
    #[error("attributes are malformed")]
    Malformed,
    /// No SOFTWARE attribute names a client of this network.
    #[error("client is of another kind")]
    WrongSoftware,
    /// The last attribute is no FINGERPRINT.
    #[error("fingerprint is missing at the end")]
    NoFingerprint,
    /// The checksum is wrong.
    #[error("fingerprint does not match")]
    WrongFingerprint,
}

/// Reads a request as the reference server does. Allocates nothing.
///
/// The attributes are read to the end of the datagram; the length that the header claims is ignored.
///
/// # Errors
/// Any [`NotStun`]; there must be no answer.
pub fn parse_request(datagram: &[u8]) -> Result<TxId, NotStun> {
    let message = split(datagram).ok_or(NotStun::NotStun)?;
    if message.message_type != BINDING_REQUEST {
        return Err(NotStun::NotRequest);
    }
    let (mut named, mut last) = (false, None);
    for attribute in Attributes::of(message.rest) {
        let (number, value) = attribute.ok_or(NotStun::Malformed)?;
        named |= number == SOFTWARE && value == CLIENT_NAME;
        last = Some((number, value));
    }
    if !named {
        return Err(NotStun::WrongSoftware);
    }
    let Some((FINGERPRINT, found)) = last else {
        return Err(NotStun::NoFingerprint);
    };
    match datagram.split_last_chunk::<FINGERPRINT_LEN>() {
        Some((covered, _)) if found == fingerprint(covered) => Ok(message.tx),
        _ => Err(NotStun::WrongFingerprint),
    }
}

/// Writes a request. SOFTWARE stands first and FINGERPRINT last, since some servers look nowhere else.
#[must_use]
pub fn request(tx: TxId) -> [u8; REQUEST_LEN] {
    const HEAD_LEN: usize = REQUEST_LEN - FINGERPRINT_LEN;
    let mut datagram = [0; REQUEST_LEN];
    let (head, tail) = datagram.split_at_mut(HEAD_LEN);
    put(head, &[&BINDING_REQUEST, &[0, 20], &COOKIE, &tx.0, &SOFTWARE.to_be_bytes(), &[0, 8], &CLIENT_NAME]);
    put(tail, &[&FINGERPRINT.to_be_bytes(), &[0, 4], &fingerprint(head)]);
    datagram
}

fn fingerprint(covered: &[u8]) -> [u8; 4] {
    (crc32fast::hash(covered) ^ FINGERPRINT_XOR).to_be_bytes()
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
