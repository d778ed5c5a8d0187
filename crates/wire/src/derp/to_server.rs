//! What a server may receive once the handshake is over.
use super::{FrameError, FrameType, Header, limits};
use crate::key::NodePublic;

/// How a server takes in a payload, judged by the header alone, before any of it is read.
///
/// All sizes are in bytes. What is to be kept never exceeds two keys and [`MAX_PACKET`](limits::MAX_PACKET); what is to
/// be skipped has no bound but the header's four bytes and must be discarded as it streams by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a reader must do one of exactly these")]
pub enum Intake {
    /// Keep this many bytes, which is the whole payload.
    Whole(usize),
    /// Keep the first bytes and discard the rest.
    Prefix {
        /// Bytes to keep.
        keep: usize,
        /// Bytes to discard after them.
        skip: usize,
    },
    /// Discard the whole payload: the frame has no meaning for a server and is no offence.
    Skip(usize),
}

impl Intake {
    /// Judges a header; `mesh` says whether the connection proved to know the mesh key.
    ///
    /// The order of checks is the reference's: ForwardPacket asks for the mesh key before the size, WatchConns and
    /// ClosePeer after it.
    ///
    /// # Errors
    /// Any [`FrameError`] but [`NotExpected`](FrameError::NotExpected); the connection must be closed without reading
    /// the payload.
    ///
    /// Source: tailscale: derp/derpserver/derpserver.go.
    #[inline]
    pub const fn of(header: Header, mesh: bool) -> Result<Self, FrameError> {
        let frame_type = header.frame_type;
        let len = limits::to_usize(header.len);
        match frame_type {
            FrameType::SEND_PACKET => with_packet(frame_type, len, limits::KEY_LEN),
            FrameType::FORWARD_PACKET if !mesh => Err(FrameError::NotMesh { frame_type }),
            FrameType::FORWARD_PACKET => with_packet(frame_type, len, TWO_KEYS),
            FrameType::PING if len < limits::PING_LEN || len > limits::MAX_PING => {
                Err(FrameError::WrongLength { frame_type, len })
            }
            FrameType::PING => {
                Ok(Self::Prefix { keep: limits::PING_LEN, skip: len.saturating_sub(limits::PING_LEN) })
            }
            FrameType::NOTE_PREFERRED => exactly(frame_type, len, 1),
            FrameType::WATCH_CONNS => mesh_only(frame_type, mesh, exactly(frame_type, len, 0)),
            FrameType::CLOSE_PEER => mesh_only(frame_type, mesh, exactly(frame_type, len, limits::KEY_LEN)),
            _ => Ok(Self::Skip(len)),
        }
    }
}

const TWO_KEYS: usize = 2 * limits::KEY_LEN;

/// Keys, then a packet of bounded length.
#[inline]
const fn with_packet(frame_type: FrameType, len: usize, keys: usize) -> Result<Intake, FrameError> {
    match len.checked_sub(keys) {
        None => Err(FrameError::WrongLength { frame_type, len }),
        Some(packet) if packet > limits::MAX_PACKET => {
            Err(FrameError::PacketTooLong { frame_type, len: packet })
        }
        Some(_) => Ok(Intake::Whole(len)),
    }
}

const fn exactly(frame_type: FrameType, len: usize, wanted: usize) -> Result<Intake, FrameError> {
    if len == wanted { Ok(Intake::Whole(len)) } else { Err(FrameError::WrongLength { frame_type, len }) }
}

const fn mesh_only(
    frame_type: FrameType,
    mesh: bool,
    intake: Result<Intake, FrameError>,
) -> Result<Intake, FrameError> {
    if intake.is_ok() && !mesh { Err(FrameError::NotMesh { frame_type }) } else { intake }
}

/// A frame that means something to a server. Packets borrow from the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a server must answer each of these")]
pub enum ToServer<'a> {
    /// Relay `packet` to `dst`.
    SendPacket {
        /// Receiver.
        dst: NodePublic,
        /// Opaque bytes, at most [`MAX_PACKET`](limits::MAX_PACKET).
        packet: &'a [u8],
    },
    /// Relay a sibling's `packet` to `dst`, here and no further.
    ForwardPacket {
        /// Peer the packet came from.
        src: NodePublic,
        /// Receiver.
        dst: NodePublic,
        /// Opaque bytes, at most [`MAX_PACKET`](limits::MAX_PACKET).
        packet: &'a [u8],
    },
    /// Whether this relay is the peer's home.
    NotePreferred(bool),
    /// Tell this sibling who is here, now and from now on.
    WatchConns,
    /// Cut off this peer.
    ClosePeer(NodePublic),
    /// Answer with these bytes.
    Ping([u8; limits::PING_LEN]),
}

impl<'a> ToServer<'a> {
    /// Reads the bytes that [`Intake`] said to keep. Allocates nothing and copies no packet.
    ///
    /// Permissions are the business of [`Intake::of`]; lengths are checked here again, so that any bytes are safe.
    ///
    /// # Errors
    /// [`FrameError::WrongLength`] or [`PacketTooLong`](FrameError::PacketTooLong) if `kept` is not what `Intake` asked
    /// for, [`NotExpected`](FrameError::NotExpected) for a type it said to skip.
    #[inline]
    pub fn decode(frame_type: FrameType, kept: &'a [u8]) -> Result<Self, FrameError> {
        let wrong_length = FrameError::WrongLength { frame_type, len: kept.len() };
        match frame_type {
            FrameType::SEND_PACKET => {
                let (dst, packet) = split_key(kept).ok_or(wrong_length)?;
                Ok(Self::SendPacket { dst, packet: bounded(frame_type, packet)? })
            }
            FrameType::FORWARD_PACKET => {
                let (src, rest) = split_key(kept).ok_or(wrong_length)?;
                let (dst, packet) = split_key(rest).ok_or(wrong_length)?;
                Ok(Self::ForwardPacket { src, dst, packet: bounded(frame_type, packet)? })
            }
            FrameType::NOTE_PREFERRED => match kept {
                [home] => Ok(Self::NotePreferred(*home != 0)),
                _ => Err(wrong_length),
            },
            FrameType::WATCH_CONNS if kept.is_empty() => Ok(Self::WatchConns),
            FrameType::WATCH_CONNS => Err(wrong_length),
            FrameType::CLOSE_PEER => NodePublic::from_slice(kept).map(Self::ClosePeer).ok_or(wrong_length),
            FrameType::PING => kept.try_into().map(Self::Ping).map_err(|_| wrong_length),
            _ => Err(FrameError::NotExpected { frame_type }),
        }
    }
}

#[inline]
fn split_key(bytes: &[u8]) -> Option<(NodePublic, &[u8])> {
    bytes.split_first_chunk().map(|(key, rest)| (NodePublic::from_bytes(*key), rest))
}

#[inline]
fn bounded(frame_type: FrameType, packet: &[u8]) -> Result<&[u8], FrameError> {
    if packet.len() > limits::MAX_PACKET {
        return Err(FrameError::PacketTooLong { frame_type, len: packet.len() });
    }
    Ok(packet)
}

#[cfg(test)]
#[path = "to_server_tests.rs"]
mod tests;
