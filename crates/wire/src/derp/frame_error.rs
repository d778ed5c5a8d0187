//! What can be wrong with one frame.
use super::FrameType;

/// Why a connection must be closed because of one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a server counts and answers each case; a new one must be looked at"
)]
pub enum FrameError {
    /// The payload is shorter or longer than its type allows.
    #[error("{frame_type} frame has a payload of {len} bytes")]
    WrongLength {
        /// Type of the frame.
        frame_type: FrameType,
        /// Payload length, in bytes.
        len: usize,
    },
    /// The packet inside is longer than [`MAX_PACKET`](super::MAX_PACKET).
    #[error("{frame_type} frame carries a packet of {len} bytes")]
    PacketTooLong {
        /// Type of the frame.
        frame_type: FrameType,
        /// Packet length without keys, in bytes.
        len: usize,
    },
    /// The frame is for siblings only, and the connection is not one.
    #[error("{frame_type} frame needs the mesh key")]
    NotMesh {
        /// Type of the frame.
        frame_type: FrameType,
    },
    /// The frame has no meaning in this direction; its payload should have been skipped.
    #[error("{frame_type} frame has no meaning here")]
    NotExpected {
        /// Type of the frame.
        frame_type: FrameType,
    },
}

/// What was to be encoded does not fit its frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{len} bytes where at most {max} fit")]
#[non_exhaustive]
pub struct TooLong {
    /// Size of what was given, in bytes.
    pub len: usize,
    /// Largest size allowed, in bytes.
    pub max: usize,
}

impl TooLong {
    /// `Ok` while `len` is at most `max`.
    #[inline]
    pub(super) const fn check(len: usize, max: usize) -> Result<(), Self> {
        if len > max { Err(Self { len, max }) } else { Ok(()) }
    }
}
