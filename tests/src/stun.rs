//! STUN datagrams by hand. Source: tailscale: net/stun/stun.go, RFC 8489

use crate::node::random_bytes;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

/// The magic cookie.
pub const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// A request under construction; the default is what stock clients send.
#[derive(Debug, Clone)]
pub struct Request {
    /// Message type.
    pub kind: [u8; 2],
    /// The cookie.
    pub cookie: [u8; 4],
    /// Transaction id.
    pub tx: [u8; 12],
    /// The header's length field; `None` writes the true one.
    pub length: Option<u16>,
    /// Attributes before the fingerprint: type, announced length, padded value.
    pub attributes: Vec<([u8; 2], u16, Vec<u8>)>,
    /// Ends with a right fingerprint.
    pub fingerprint: bool,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            kind: [0, 1],
            cookie: COOKIE,
            tx: random_bytes(),
            length: None,
            attributes: vec![([0x80, 0x22], 8, b"tailnode".to_vec())],
            fingerprint: true,
        }
    }
}

impl Request {
    /// The datagram.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut attributes = Vec::new();
        for (kind, len, value) in &self.attributes {
            attributes.extend_from_slice(kind);
            attributes.extend_from_slice(&len.to_be_bytes());
            attributes.extend_from_slice(value);
        }
        let real = attributes.len() + if self.fingerprint { 8 } else { 0 };
        let len = self.length.unwrap_or_else(|| u16::try_from(real).expect("a datagram is short"));
        let mut out = [&self.kind[..], &len.to_be_bytes(), &self.cookie, &self.tx, &attributes].concat();
        if self.fingerprint {
            let sum = crc32fast::hash(&out) ^ 0x5354_554e;
            out.extend_from_slice(&[0x80, 0x28, 0, 4]);
            out.extend_from_slice(&sum.to_be_bytes());
        }
        out
    }
}

/// A response taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Transaction id.
    pub tx: [u8; 12],
    /// The address as the family field says, not un-mapped.
    pub addr: SocketAddr,
    /// Length of the datagram.
    pub len: usize,
}

/// Takes a response apart.
#[must_use]
pub fn parse_reply(bytes: &[u8]) -> Reply {
    let (head, attribute) = bytes.split_at(20);
    assert_eq!(head[..2], [1, 1], "a binding success");
    assert_eq!(
        usize::from(u16::from_be_bytes([head[2], head[3]])),
        attribute.len(),
        "the length field is true"
    );
    assert_eq!(head[4..8], COOKIE, "the cookie");
    let tx: [u8; 12] = *head[8..].first_chunk().expect("twelve bytes");
    assert_eq!(attribute[..2], [0, 0x20], "XOR-MAPPED-ADDRESS");
    assert_eq!(
        usize::from(u16::from_be_bytes([attribute[2], attribute[3]])),
        attribute.len() - 4,
        "one attribute"
    );
    assert_eq!(attribute[4], 0, "the reserved byte");
    let port = u16::from_be_bytes([attribute[6] ^ COOKIE[0], attribute[7] ^ COOKIE[1]]);
    let mask = [&COOKIE[..], &tx].concat();
    let plain: Vec<u8> = attribute[8..].iter().zip(&mask).map(|(byte, mask)| byte ^ mask).collect();
    let ip = match attribute[5] {
        1 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(&plain[..]).expect("four bytes for family 1"))),
        2 => {
            IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(&plain[..]).expect("sixteen bytes for family 2")))
        }
        family => panic!("there is no family {family}"),
    };
    Reply { tx, addr: SocketAddr::new(ip, port), len: bytes.len() }
}

/// A UDP socket that speaks only with `server`.
#[must_use]
pub fn socket(server: SocketAddr) -> UdpSocket {
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
    let socket = UdpSocket::bind((any, 0)).expect("a UDP socket");
    socket.connect(server).expect("loopback is reachable");
    socket
}

/// The next datagram in time.
#[must_use]
pub fn receive(socket: &UdpSocket, limit: Duration) -> Option<Vec<u8>> {
    socket.set_read_timeout(Some(limit)).expect("a socket takes a time limit");
    let mut buf = [0; 2048];
    socket.recv(&mut buf).ok().map(|len| buf[..len].to_vec())
}
