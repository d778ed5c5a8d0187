//! DERP frames as bytes. Source: tailscale: derp/derp.go

/// First 8 bytes of a `ServerKey` payload.
pub const MAGIC: &[u8; 8] = b"DERP\xf0\x9f\x94\x91";
/// Largest packet that may travel in one frame, bytes.
pub const MAX_PACKET: usize = 64 << 10;
/// Largest `ClientInfo` payload a server takes, bytes.
pub const MAX_CLIENT_INFO: usize = 256 << 10;

#[expect(missing_docs, reason = "the protocol's own names")]
pub mod kind {
    pub const SERVER_KEY: u8 = 0x01;
    pub const CLIENT_INFO: u8 = 0x02;
    pub const SERVER_INFO: u8 = 0x03;
    pub const SEND_PACKET: u8 = 0x04;
    pub const RECV_PACKET: u8 = 0x05;
    pub const KEEP_ALIVE: u8 = 0x06;
    pub const NOTE_PREFERRED: u8 = 0x07;
    pub const PEER_GONE: u8 = 0x08;
    pub const PEER_PRESENT: u8 = 0x09;
    pub const FORWARD_PACKET: u8 = 0x0a;
    pub const WATCH_CONNS: u8 = 0x10;
    pub const CLOSE_PEER: u8 = 0x11;
    pub const PING: u8 = 0x12;
    pub const PONG: u8 = 0x13;
    pub const HEALTH: u8 = 0x14;
    pub const RESTARTING: u8 = 0x15;
}

/// `PeerGone`: the peer left this relay.
pub const GONE_DISCONNECTED: u8 = 0x00;
/// `PeerGone`: the relay does not know the peer.
pub const GONE_NOT_HERE: u8 = 0x01;

/// One received frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// First byte of the header.
    pub kind: u8,
    /// Everything after the header.
    pub payload: Vec<u8>,
}

impl Frame {
    /// Is this `RecvPacket` from `src` with exactly `packet`?
    #[must_use]
    pub fn carries(&self, src: &[u8; 32], packet: &[u8]) -> bool {
        self.kind == kind::RECV_PACKET && self.payload.strip_prefix(src) == Some(packet)
    }

    /// Is this `PeerGone` about `peer` with `reason`?
    #[must_use]
    pub fn is_gone(&self, peer: &[u8; 32], reason: u8) -> bool {
        self.kind == kind::PEER_GONE && self.payload == [&peer[..], &[reason]].concat()
    }

    /// The subject of a `PeerPresent` frame of full length, and its flags.
    #[must_use]
    pub fn present(&self) -> Option<([u8; 32], u8)> {
        let peer = self.payload.first_chunk::<32>()?;
        (self.kind == kind::PEER_PRESENT && self.payload.len() == 51).then(|| (*peer, self.payload[50]))
    }
}

/// A whole frame: header and payload.
#[must_use]
pub fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).expect("a test sends short frames");
    [&header(kind, len)[..], payload].concat()
}

/// A header that announces `len` bytes of payload.
#[must_use]
pub const fn header(kind: u8, len: u32) -> [u8; 5] {
    let [a, b, c, d] = len.to_be_bytes();
    [kind, a, b, c, d]
}

/// A `SendPacket` frame.
#[must_use]
pub fn send_packet(dst: &[u8; 32], packet: &[u8]) -> Vec<u8> {
    frame(kind::SEND_PACKET, &[&dst[..], packet].concat())
}

/// A `ForwardPacket` frame.
#[must_use]
pub fn forward_packet(src: &[u8; 32], dst: &[u8; 32], packet: &[u8]) -> Vec<u8> {
    frame(kind::FORWARD_PACKET, &[&src[..], dst, packet].concat())
}

/// A `Ping` frame.
#[must_use]
pub fn ping(data: [u8; 8]) -> Vec<u8> {
    frame(kind::PING, &data)
}

/// The shortest packet that looks like discovery: magic, then `fill` up to 62 bytes. Source: tailscale: disco/disco.go
#[must_use]
pub fn disco(fill: u8) -> Vec<u8> {
    let mut packet = b"TS\xf0\x9f\x92\xac".to_vec();
    packet.resize(62, fill);
    packet
}
