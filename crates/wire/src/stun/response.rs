//! The answer to a binding request: the address it came from.
use super::{
    TxId,
    attributes::{Attributes, COOKIE, HEADER_LEN, put, split},
};
use std::net::{IpAddr, SocketAddr};

/// Longest answer in bytes, for an IPv6 address; for IPv4 it is 32.
pub const MAX_RESPONSE_LEN: usize = 44;

const SUCCESS: [u8; 2] = [0x01, 0x01];
const MAPPED_ADDRESS: u16 = 0x0001;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
/// Written by old servers.
const XOR_MAPPED_ADDRESS_ALT: u16 = 0x8020;

/// Why a datagram tells no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadResponse {
    /// Too short, without the magic cookie, or with a top bit set.
    #[error("datagram is no STUN message")]
    NotStun,
    /// Another message than the answer to a binding request.
    #[error("message is no success response")]
    NotSuccess,
    /// Attributes are cut off or hold no address of a known family.
    #[error("attributes are malformed")]
    Malformed,
    /// No attribute tells an address.
    #[error("message tells no address")]
    NoAddress,
}

/// Writes the answer into `out`; the first so many bytes are the datagram.
///
/// An IPv4 address in mapped form is un-mapped. (The reference answers mapped sources in mapped form.)
#[must_use]
pub fn response(tx: TxId, source: &SocketAddr, out: &mut [u8; MAX_RESPONSE_LEN]) -> usize {
    let (v4, v6);
    let (family, value_len, message_len, address): (u8, u8, u8, &[u8]) = match source.ip().to_canonical() {
        IpAddr::V4(ip) => {
            v4 = ip.octets();
            (1, 8, 12, &v4)
        }
        IpAddr::V6(ip) => {
            v6 = ip.octets();
            (2, 20, 24, &v6)
        }
    };
    let port = xor_port(source.port().to_be_bytes());
    let address = xor_address(tx, address);
    put(
        out,
        &[
            &SUCCESS,
            &[0, message_len],
            &COOKIE,
            &tx.0,
            &XOR_MAPPED_ADDRESS.to_be_bytes(),
            &[0, value_len],
            &[0, family],
            &port,
            &address,
        ],
    );
    usize::from(message_len).saturating_add(HEADER_LEN)
}

/// Reads an answer as leniently as the reference client: transaction id, and the address un-mapped.
///
/// Bytes after the claimed length are ignored. The XORed address counts, in its old number too; the plain one is taken
/// if that is missing; the last of several counts. Allocates nothing.
///
/// # Errors
/// Any [`BadResponse`].
pub fn parse_response(datagram: &[u8]) -> Result<(TxId, SocketAddr), BadResponse> {
    let message = split(datagram).ok_or(BadResponse::NotStun)?;
    if message.message_type != SUCCESS {
        return Err(BadResponse::NotSuccess);
    }
    let attributes = message.rest.get(..usize::from(message.claimed_len)).ok_or(BadResponse::Malformed)?;
    let (mut xored, mut plain) = (None, None);
    for attribute in Attributes::of(attributes) {
        match attribute.ok_or(BadResponse::Malformed)? {
            (XOR_MAPPED_ADDRESS | XOR_MAPPED_ADDRESS_ALT, value) => {
                xored = Some(address(value, Some(message.tx)).ok_or(BadResponse::Malformed)?);
            }
            (MAPPED_ADDRESS, value) => plain = Some(address(value, None).ok_or(BadResponse::Malformed)?),
            _ => {}
        }
    }
    xored.or(plain).map(|addr| (message.tx, addr)).ok_or(BadResponse::NoAddress)
}

/// Reads an address attribute: a zero byte, family, port, address; XORed if a transaction id is given.
fn address(value: &[u8], xored: Option<TxId>) -> Option<SocketAddr> {
    let ([_, family], rest) = value.split_first_chunk()?;
    let (port, rest) = rest.split_first_chunk()?;
    let mut octets = [0; 16];
    let ip: &mut [u8] = match family {
        1 => octets.first_chunk_mut::<4>()?,
        2 => &mut octets,
        _ => return None,
    };
    ip.copy_from_slice(rest.get(..ip.len())?);
    let (port, octets) = match xored {
        Some(tx) => (xor_port(*port), xor_address(tx, &octets)),
        None => (*port, octets),
    };
    let ip = match family {
        1 => IpAddr::from(*octets.first_chunk::<4>()?),
        _ => IpAddr::from(octets).to_canonical(),
    };
    Some(SocketAddr::new(ip, u16::from_be_bytes(port)))
}

/// The port is XORed with the first half of the cookie.
fn xor_port([high, low]: [u8; 2]) -> [u8; 2] {
    let [a, b, ..] = COOKIE;
    [high ^ a, low ^ b]
}

/// The address is XORed with the cookie and the transaction id; beyond its end the result means nothing.
fn xor_address(tx: TxId, address: &[u8]) -> [u8; 16] {
    let mut octets = [0; 16];
    let pad = COOKIE.iter().chain(&tx.0);
    octets.iter_mut().zip(address).zip(pad).for_each(|((to, from), pad)| *to = from ^ pad);
    octets
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
