//! Writing frames: each function appends one whole frame, header included, to `out`.
//!
//! What lives here: the writers of both sides' steady-state frames. It may use the limits and the header.
//! What must stay true: the length in the header is the length of the payload; on an error `out` is unchanged.
use super::{FrameType, Header, PeerFlags, PeerGoneReason, TooLong, limits};
use crate::key::NodePublic;
use std::net::{IpAddr, SocketAddr};

/// Length of what precedes the packet in a RecvPacket frame: header and source key, in bytes.
pub const RECV_PACKET_HEADER_LEN: usize = limits::HEADER_LEN + limits::KEY_LEN;

/// Appends RecvPacket: a packet from `src`.
///
/// # Errors
/// [`TooLong`] above [`MAX_PACKET`](limits::MAX_PACKET).
#[inline]
pub fn recv_packet(out: &mut Vec<u8>, src: &NodePublic, packet: &[u8]) -> Result<(), TooLong> {
    let header = recv_packet_header(src, packet.len())?;
    out.reserve(header.len().saturating_add(packet.len()));
    out.extend_from_slice(&header);
    out.extend_from_slice(packet);
    Ok(())
}

/// What precedes a packet of `packet_len` bytes from `src` in a RecvPacket frame, for writers that place it themselves.
///
/// # Errors
/// [`TooLong`] above [`MAX_PACKET`](limits::MAX_PACKET).
#[inline]
pub fn recv_packet_header(
    src: &NodePublic,
    packet_len: usize,
) -> Result<[u8; RECV_PACKET_HEADER_LEN], TooLong> {
    TooLong::check(packet_len, limits::MAX_PACKET)?;
    let header = header(FrameType::RECV_PACKET, limits::KEY_LEN.saturating_add(packet_len));
    let mut bytes = [0; RECV_PACKET_HEADER_LEN];
    let (head, key) = bytes.split_at_mut(limits::HEADER_LEN);
    head.copy_from_slice(&header);
    key.copy_from_slice(src.as_bytes());
    Ok(bytes)
}

/// Appends SendPacket: a packet for `dst`.
///
/// # Errors
/// [`TooLong`] above [`MAX_PACKET`](limits::MAX_PACKET).
#[inline]
pub fn send_packet(out: &mut Vec<u8>, dst: &NodePublic, packet: &[u8]) -> Result<(), TooLong> {
    TooLong::check(packet.len(), limits::MAX_PACKET)?;
    frame(out, FrameType::SEND_PACKET, [dst.as_bytes().as_slice(), packet]);
    Ok(())
}

/// Appends ForwardPacket: a packet from `src` for `dst`, to a sibling.
///
/// # Errors
/// [`TooLong`] above [`MAX_PACKET`](limits::MAX_PACKET).
#[inline]
pub fn forward_packet(
    out: &mut Vec<u8>,
    src: &NodePublic,
    dst: &NodePublic,
    packet: &[u8],
) -> Result<(), TooLong> {
    TooLong::check(packet.len(), limits::MAX_PACKET)?;
    frame(out, FrameType::FORWARD_PACKET, [src.as_bytes().as_slice(), dst.as_bytes(), packet]);
    Ok(())
}

/// Appends KeepAlive.
pub fn keep_alive(out: &mut Vec<u8>) {
    frame(out, FrameType::KEEP_ALIVE, []);
}

/// Appends NotePreferred: whether the relay is this client's home.
pub fn note_preferred(out: &mut Vec<u8>, home: bool) {
    frame(out, FrameType::NOTE_PREFERRED, [&[u8::from(home)]]);
}

/// Appends PeerGone.
pub fn peer_gone(out: &mut Vec<u8>, peer: &NodePublic, reason: PeerGoneReason) {
    frame(out, FrameType::PEER_GONE, [peer.as_bytes().as_slice(), &[reason.byte()]]);
}

/// Appends PeerPresent; IPv4 addresses travel mapped, and `None` as zeros.
pub fn peer_present(out: &mut Vec<u8>, peer: &NodePublic, addr: Option<SocketAddr>, flags: PeerFlags) {
    let (ip, port) = addr.map_or(([0; 16], 0), |addr| (mapped(addr.ip()), addr.port()));
    let parts = [peer.as_bytes().as_slice(), &ip, &port.to_be_bytes(), &[flags.bits()]];
    frame(out, FrameType::PEER_PRESENT, parts);
}

fn mapped(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// Appends WatchConns.
pub fn watch_conns(out: &mut Vec<u8>) {
    frame(out, FrameType::WATCH_CONNS, []);
}

/// Appends ClosePeer.
pub fn close_peer(out: &mut Vec<u8>, peer: &NodePublic) {
    frame(out, FrameType::CLOSE_PEER, [peer.as_bytes().as_slice()]);
}

/// Appends Ping.
pub fn ping(out: &mut Vec<u8>, data: [u8; limits::PING_LEN]) {
    frame(out, FrameType::PING, [data.as_slice()]);
}

/// Appends Pong, the answer to the ping with the same data.
pub fn pong(out: &mut Vec<u8>, data: [u8; limits::PING_LEN]) {
    frame(out, FrameType::PONG, [data.as_slice()]);
}

/// Appends Health: what is wrong with the relay, or nothing when it is well again.
///
/// Clients other than the reference's may end the connection on this frame.
///
/// # Errors
/// [`TooLong`] above [`MAX_CLIENT_FRAME`](limits::MAX_CLIENT_FRAME), which no client would accept.
pub fn health(out: &mut Vec<u8>, problem: &str) -> Result<(), TooLong> {
    TooLong::check(problem.len(), limits::MAX_CLIENT_FRAME)?;
    frame(out, FrameType::HEALTH, [problem.as_bytes()]);
    Ok(())
}

/// Appends Restarting: wait `reconnect_in_ms` before the next dial, then keep dialling for `try_for_ms` (milliseconds).
///
/// Clients other than the reference's may end the connection on this frame.
pub fn restarting(out: &mut Vec<u8>, reconnect_in_ms: u32, try_for_ms: u32) {
    frame(out, FrameType::RESTARTING, [&reconnect_in_ms.to_be_bytes(), &try_for_ms.to_be_bytes()]);
}

/// Appends a header and the parts of its payload.
///
/// Parts are bounded by the callers: nothing above [`MAX_CLIENT_FRAME`](limits::MAX_CLIENT_FRAME) gets here.
#[inline]
pub(super) fn frame<const N: usize>(out: &mut Vec<u8>, frame_type: FrameType, parts: [&[u8]; N]) {
    let len = parts.iter().fold(0_usize, |sum, part| sum.saturating_add(part.len()));
    out.reserve(limits::HEADER_LEN.saturating_add(len));
    out.extend_from_slice(&header(frame_type, len));
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

#[inline]
fn header(frame_type: FrameType, len: usize) -> [u8; limits::HEADER_LEN] {
    debug_assert!(len <= limits::MAX_CLIENT_FRAME, "payloads are bounded by the callers");
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        reason = "payloads are bounded by the callers"
    )]
    let len = len as u32;
    Header { frame_type, len }.encode()
}

#[cfg(test)]
#[path = "encode_tests.rs"]
mod tests;
