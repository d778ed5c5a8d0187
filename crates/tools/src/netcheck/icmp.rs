//! ICMP echo over IPv4.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use crate::clock::{Clock, entropy};

const ECHO: u8 = 8;
const ECHO_REPLY: u8 = 0;
/// Length of the header of an echo in bytes.
const HEADER: usize = 8;

/// Sends one echo and waits for its reply, without a limit of its own: the round-trip time.
///
/// # Errors
/// This process may open neither a socket for echoes nor a raw one, or there is no way to the address.
pub(super) async fn echo(to: Ipv4Addr, name: &[u8]) -> io::Result<Duration> {
    let socket = open()?;
    let (id, mark) = (entropy::<2>()?, entropy::<16>()?);
    let payload = [mark.as_slice(), name].concat();
    let clock = Clock::start();
    socket.send_to(&request(id, &payload), SocketAddr::from((to, 0))).await?;
    let mut packet = [0; 1500];
    loop {
        let (len, _) = socket.recv_from(&mut packet).await?;
        if is_reply(packet.get(..len).unwrap_or_default(), &payload) {
            return Ok(clock.now());
        }
    }
}

/// A socket for echoes where the system lets everybody have one, else a raw one.
fn open() -> io::Result<UdpSocket> {
    let of = |kind| Socket::new(Domain::IPV4, kind, Some(Protocol::ICMPV4));
    let socket = of(Type::DGRAM).or_else(|_| of(Type::RAW))?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket.into())
}

fn request(id: [u8; 2], payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![ECHO, 0, 0, 0, id[0], id[1], 0, 1];
    packet.extend_from_slice(payload);
    let sum = checksum(&packet).to_be_bytes();
    packet.splice(2..4, sum);
    packet
}

/// Whether it is the reply to the echo with this payload; a raw socket shows the IP header before it.
fn is_reply(packet: &[u8], payload: &[u8]) -> bool {
    let message = match packet.first() {
        Some(first) if first >> 4 == 4 => packet.get(usize::from(first & 0xf) * 4..).unwrap_or_default(),
        _ => packet,
    };
    message.first() == Some(&ECHO_REPLY) && message.get(HEADER..) == Some(payload)
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| match pair {
        [high, low] => u16::from_be_bytes([*high, *low]),
        [high] => u16::from_be_bytes([*high, 0]),
        _ => 0,
    };
    let carried = |sum: u16, word: u16| {
        let (sum, carry) = sum.overflowing_add(word);
        sum + u16::from(carry)
    };
    !bytes.chunks(2).map(word).fold(0, carried)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_reply_is_known_by_its_payload_with_and_without_ip_header() {
        let mut reply = request([1, 2], b"mark");
        reply[0] = ECHO_REPLY;
        assert!(is_reply(&reply, b"mark") && !is_reply(&reply, b"other"));
        let mut raw = vec![0; 20];
        raw[0] = 0x45;
        raw.extend_from_slice(&reply);
        assert!(is_reply(&raw, b"mark"));
        assert!(!is_reply(&request([1, 2], b"mark"), b"mark"), "an echo is no reply");
        assert!(!is_reply(&[], b"mark") && !is_reply(&[0x4f], b""));
    }

    proptest! {
        #[test]
        fn a_packet_with_its_checksum_sums_up_to_nothing(payload in prop::collection::vec(any::<u8>(), 0..64)) {
            let payload = if payload.len() % 2 == 1 { [payload, vec![0]].concat() } else { payload };
            prop_assert_eq!(checksum(&request([3, 4], &payload)), 0);
        }
    }

    #[tokio::test]
    async fn this_host_echoes_where_it_may_ask() {
        match open() {
            Ok(_) => assert!(echo(Ipv4Addr::LOCALHOST, b"1a").await.is_ok()),
            Err(err) => eprintln!("SKIPPED: no socket for ICMP: {err}"),
        }
    }
}
