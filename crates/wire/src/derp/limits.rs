//! Sizes and numbers of the protocol. All sizes are in bytes.

/// Frame header: type and payload length.
///
/// Source: tailscale: derp/derp.go.
pub const HEADER_LEN: usize = 5;

/// Public key on the wire.
pub const KEY_LEN: usize = 32;

/// Nonce of a NaCl box.
pub const NONCE_LEN: usize = 24;

/// Tag at the front of a NaCl box.
pub const TAG_LEN: usize = 16;

/// Longest packet between peers, keys and header not counted; a longer one closes the connection that sends it.
///
/// Source: tailscale: derp/derp.go.
pub const MAX_PACKET: usize = 64 << 10;

/// Longest ClientInfo payload a server reads.
///
/// Source: tailscale: derp/derpserver/derpserver.go.
pub const MAX_CLIENT_INFO: usize = 256 << 10;

/// Longest payload a client accepts in any frame.
///
/// Source: tailscale: derp/derp_client.go.
pub const MAX_CLIENT_FRAME: usize = 1 << 20;

/// Longest ServerKey payload a client accepts; what follows magic and key is left to the future.
///
/// Source: tailscale: derp/derp_client.go.
pub const MAX_SERVER_KEY: usize = 1024;

/// Opaque data of Ping and Pong.
pub const PING_LEN: usize = 8;

/// Longest Ping payload a server accepts; it answers with the first [`PING_LEN`] bytes.
///
/// Source: tailscale: derp/derpserver/derpserver.go.
pub const MAX_PING: usize = 1000;

/// PeerPresent payload as servers write it: key 32, address 16, port 2, flags 1.
///
/// The reference's comment says 41, its constant 51.
pub const PEER_PRESENT_LEN: usize = 51;

/// Protocol version both sides speak: received packets start with the source's key.
pub const PROTOCOL_VERSION: u8 = 2;

/// First bytes of ServerKey: `DERP` and U+1F511 (key) in UTF-8.
pub const MAGIC: [u8; 8] = [0x44, 0x45, 0x52, 0x50, 0xf0, 0x9f, 0x94, 0x91];

// `to_usize` keeps every bit.
const _: () = assert!(usize::BITS >= u32::BITS);

/// A payload length as a memory size.
#[inline]
pub(super) const fn to_usize(len: u32) -> usize {
    #[expect(clippy::as_conversions, reason = "widening, held by the assertion above; `from` is not const")]
    {
        len as usize
    }
}
