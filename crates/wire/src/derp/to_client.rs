//! What a client may receive, read as leniently as the reference client does.
use super::{FrameError, FrameType, Header, limits};
use crate::key::NodePublic;
use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

/// A frame that means something to a client. Bytes borrow from the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a client must decide about each of these")]
pub enum ToClient<'a> {
    /// First frame of a connection, and with fast start a superfluous one: payload for
    /// [`parse_server_key`](super::handshake::parse_server_key).
    ServerKey(&'a [u8]),
    /// The server's sealed description: payload for
    /// [`open_server_info`](super::SharedKey::open_server_info).
    ServerInfo(&'a [u8]),
    /// A packet from a peer.
    RecvPacket {
        /// Sender.
        src: NodePublic,
        /// Opaque bytes.
        packet: &'a [u8],
    },
    /// The server is alive.
    KeepAlive,
    /// A peer is not, or no longer, here.
    PeerGone {
        /// Who.
        peer: NodePublic,
        /// Why; [`DISCONNECTED`](PeerGoneReason::DISCONNECTED) from servers that do not say.
        reason: PeerGoneReason,
    },
    /// A peer is here; siblings only.
    PeerPresent {
        /// Who.
        peer: NodePublic,
        /// Where from, if the server says; IPv4 addresses come un-mapped.
        addr: Option<SocketAddr>,
        /// What kind of connection; empty from servers that do not say.
        flags: PeerFlags,
    },
    /// Answer with these bytes.
    Ping([u8; limits::PING_LEN]),
    /// The answer to a ping.
    Pong([u8; limits::PING_LEN]),
    /// What is wrong with the relay, as text that may not be UTF-8; empty when it is well again.
    Health(&'a [u8]),
    /// The relay is about to restart.
    Restarting {
        /// Wait this long before the next dial, in milliseconds.
        reconnect_in_ms: u32,
        /// Keep dialling this long, in milliseconds.
        try_for_ms: u32,
    },
}

impl<'a> ToClient<'a> {
    /// Judges a header: the payload length in bytes, all of which must be read.
    ///
    /// # Errors
    /// [`FrameError::WrongLength`] above [`MAX_CLIENT_FRAME`](limits::MAX_CLIENT_FRAME); the connection is lost.
    ///
    /// Source: tailscale: derp/derp_client.go.
    #[inline]
    pub const fn intake(header: Header) -> Result<usize, FrameError> {
        let len = limits::to_usize(header.len);
        if len > limits::MAX_CLIENT_FRAME {
            return Err(FrameError::WrongLength { frame_type: header.frame_type, len });
        }
        Ok(len)
    }

    /// Reads a whole payload. Allocates nothing and copies no packet.
    ///
    /// `None` means to go on with the next frame: an unknown type, one that only servers understand, or a payload too
    /// short for its type.
    ///
    /// # Errors
    /// [`FrameError::WrongLength`] above [`MAX_CLIENT_FRAME`](limits::MAX_CLIENT_FRAME).
    ///
    /// Source: tailscale: derp/derp_client.go.
    #[inline]
    pub fn decode(frame_type: FrameType, payload: &'a [u8]) -> Result<Option<Self>, FrameError> {
        if payload.len() > limits::MAX_CLIENT_FRAME {
            return Err(FrameError::WrongLength { frame_type, len: payload.len() });
        }
        Ok(Self::decode_bounded(frame_type, payload))
    }

    #[inline]
    fn decode_bounded(frame_type: FrameType, payload: &'a [u8]) -> Option<Self> {
        match frame_type {
            FrameType::RECV_PACKET => {
                let (src, packet) = payload.split_first_chunk()?;
                Some(Self::RecvPacket { src: NodePublic::from_bytes(*src), packet })
            }
            FrameType::SERVER_KEY => Some(Self::ServerKey(payload)),
            FrameType::SERVER_INFO => Some(Self::ServerInfo(payload)),
            FrameType::KEEP_ALIVE => Some(Self::KeepAlive),
            FrameType::PEER_GONE => {
                let (peer, rest) = payload.split_first_chunk()?;
                let reason = rest.first().map_or(PeerGoneReason::DISCONNECTED, |byte| PeerGoneReason(*byte));
                Some(Self::PeerGone { peer: NodePublic::from_bytes(*peer), reason })
            }
            FrameType::PEER_PRESENT => peer_present(payload),
            FrameType::PING => payload.first_chunk().copied().map(Self::Ping),
            FrameType::PONG => payload.first_chunk().copied().map(Self::Pong),
            FrameType::HEALTH => Some(Self::Health(payload)),
            FrameType::RESTARTING => {
                let (reconnect_in, rest) = payload.split_first_chunk()?;
                Some(Self::Restarting {
                    reconnect_in_ms: u32::from_be_bytes(*reconnect_in),
                    try_for_ms: u32::from_be_bytes(*rest.first_chunk()?),
                })
            }
            _ => None,
        }
    }
}

/// Key 32, address 16 and port 2, flags 1; servers grew the tail over time, so each part may be missing.
fn peer_present(payload: &[u8]) -> Option<ToClient<'_>> {
    let (peer, rest) = payload.split_first_chunk()?;
    let peer = NodePublic::from_bytes(*peer);
    let (addr, rest) = match rest.split_first_chunk::<18>() {
        Some((addr, rest)) => (socket_addr(addr), rest),
        None => (None, [].as_slice()),
    };
    let flags = rest.first().map_or_else(PeerFlags::default, |bits| PeerFlags(*bits));
    Some(ToClient::PeerPresent { peer, addr, flags })
}

/// All zeros stand for an address the server could not tell.
fn socket_addr(bytes: &[u8; 18]) -> Option<SocketAddr> {
    if *bytes == [0; 18] {
        return None;
    }
    let (ip, port) = bytes.split_first_chunk::<16>()?;
    let ip = IpAddr::V6(Ipv6Addr::from(*ip)).to_canonical();
    Some(SocketAddr::new(ip, u16::from_be_bytes(*port.first_chunk()?)))
}

/// Why a peer is gone; any byte can arrive.
///
/// Source: tailscale: derp/derp.go.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PeerGoneReason(u8);

impl PeerGoneReason {
    /// The peer left this relay.
    pub const DISCONNECTED: Self = Self(0x00);
    /// The relay does not know the peer.
    pub const NOT_HERE: Self = Self(0x01);

    /// The reason with this byte.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Self {
        Self(byte)
    }

    /// The byte on the wire.
    #[must_use]
    pub const fn byte(self) -> u8 {
        self.0
    }
}

impl fmt::Display for PeerGoneReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::DISCONNECTED => f.write_str("disconnected"),
            Self::NOT_HERE => f.write_str("not here"),
            Self(byte) => write!(f, "0x{byte:02x}"),
        }
    }
}

impl fmt::Debug for PeerGoneReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What kind of connection a present peer has: a set of bits, of which unknown ones are kept.
///
/// Source: tailscale: derp/derp.go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PeerFlags(u8);

impl PeerFlags {
    /// None of the others; servers that send flags never send none.
    pub const REGULAR: Self = Self(0x01);
    /// A sibling.
    pub const MESH_PEER: Self = Self(0x02);
    /// A prober.
    pub const PROBER: Self = Self(0x04);
    /// Said on connecting that another relay of the region would suit it better.
    pub const NOT_IDEAL: Self = Self(0x08);

    /// The set with these bits.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// The bits on the wire.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all bits of `other` are in this set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

#[cfg(test)]
#[path = "to_client_tests.rs"]
mod tests;
