//! The five bytes in front of each frame.
use super::HEADER_LEN;
use std::fmt;

/// First byte of a frame; any value can arrive.
///
/// Source: tailscale: derp/derp.go.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FrameType(u8);

impl FrameType {
    /// Server to client: magic and the server's public key.
    pub const SERVER_KEY: Self = Self(0x01);
    /// Client to server: its public key and its sealed description.
    pub const CLIENT_INFO: Self = Self(0x02);
    /// Server to client: its sealed description.
    pub const SERVER_INFO: Self = Self(0x03);
    /// Client to server: a packet for a peer.
    pub const SEND_PACKET: Self = Self(0x04);
    /// Server to client: a packet from a peer.
    pub const RECV_PACKET: Self = Self(0x05);
    /// Server to client: nothing, so that silence means a dead connection.
    pub const KEEP_ALIVE: Self = Self(0x06);
    /// Client to server: whether this relay is the client's home.
    pub const NOTE_PREFERRED: Self = Self(0x07);
    /// Server to client: a peer is not, or no longer, here.
    pub const PEER_GONE: Self = Self(0x08);
    /// Server to sibling: a peer is here.
    pub const PEER_PRESENT: Self = Self(0x09);
    /// Sibling to server: a packet between two peers.
    pub const FORWARD_PACKET: Self = Self(0x0a);
    /// Sibling to server: wants to know who is here.
    pub const WATCH_CONNS: Self = Self(0x10);
    /// Sibling to server: cut off a peer.
    pub const CLOSE_PEER: Self = Self(0x11);
    /// Either way: answer with Pong.
    pub const PING: Self = Self(0x12);
    /// Either way: the answer to Ping.
    pub const PONG: Self = Self(0x13);
    /// Server to client: what is wrong with the relay; empty when it is well again.
    pub const HEALTH: Self = Self(0x14);
    /// Server to client: the relay is about to restart.
    pub const RESTARTING: Self = Self(0x15);

    /// The type with this byte.
    #[inline]
    #[must_use]
    pub const fn from_byte(byte: u8) -> Self {
        Self(byte)
    }

    /// The byte on the wire.
    #[inline]
    #[must_use]
    pub const fn byte(self) -> u8 {
        self.0
    }

    /// Name of a known type, as the protocol writes it.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::SERVER_KEY => "ServerKey",
            Self::CLIENT_INFO => "ClientInfo",
            Self::SERVER_INFO => "ServerInfo",
            Self::SEND_PACKET => "SendPacket",
            Self::RECV_PACKET => "RecvPacket",
            Self::KEEP_ALIVE => "KeepAlive",
            Self::NOTE_PREFERRED => "NotePreferred",
            Self::PEER_GONE => "PeerGone",
            Self::PEER_PRESENT => "PeerPresent",
            Self::FORWARD_PACKET => "ForwardPacket",
            Self::WATCH_CONNS => "WatchConns",
            Self::CLOSE_PEER => "ClosePeer",
            Self::PING => "Ping",
            Self::PONG => "Pong",
            Self::HEALTH => "Health",
            Self::RESTARTING => "Restarting",
            _ => return None,
        })
    }
}

impl fmt::Display for FrameType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "0x{:02x}", self.0),
        }
    }
}

impl fmt::Debug for FrameType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Frame header: one byte of type, four of payload length, big-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the wire layout has these two fields and no room for more")]
pub struct Header {
    /// What the frame is.
    pub frame_type: FrameType,
    /// Payload length in bytes, header not counted; any value can arrive.
    pub len: u32,
}

impl Header {
    /// Reads a header. Each five bytes are one.
    #[inline]
    #[must_use]
    pub const fn decode(bytes: &[u8; HEADER_LEN]) -> Self {
        let [frame_type, a, b, c, d] = *bytes;
        Self { frame_type: FrameType(frame_type), len: u32::from_be_bytes([a, b, c, d]) }
    }

    /// Writes a header.
    #[inline]
    #[must_use]
    pub const fn encode(self) -> [u8; HEADER_LEN] {
        let [a, b, c, d] = self.len.to_be_bytes();
        [self.frame_type.0, a, b, c, d]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_is_type_and_big_endian_length() {
        let cases: [([u8; 5], u8, u32); 4] = [
            ([0x01, 0, 0, 0, 0x28], 1, 40),
            ([0x04, 0, 1, 0, 0x20], 4, 65_568),
            ([0x00, 0, 0, 0, 0], 0, 0),
            ([0xff, 0xff, 0xff, 0xff, 0xff], 0xff, u32::MAX),
        ];
        for (bytes, byte, len) in cases {
            let header = Header::decode(&bytes);
            assert_eq!(header, Header { frame_type: FrameType::from_byte(byte), len });
            assert_eq!(header.encode(), bytes);
        }
    }

    #[test]
    fn unknown_types_print_as_numbers() {
        assert_eq!(FrameType::from_byte(0x0b).to_string(), "0x0b");
        assert_eq!(FrameType::from_byte(0x0a).to_string(), "ForwardPacket");
    }

    #[test]
    fn sixteen_types_are_known() {
        let known = (0..=u8::MAX).filter(|byte| FrameType::from_byte(*byte).name().is_some());
        assert_eq!(known.collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 16, 17, 18, 19, 20, 21]);
    }
}
