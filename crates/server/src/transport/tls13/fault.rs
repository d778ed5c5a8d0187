//! What a peer can do wrong in its records.

/// How a peer broke the record layer; the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A record of another type, a message that a client may not send now, or one that continues in the wrong place.
    #[error("unexpected message")]
    UnexpectedMessage,
    /// A record that was not made with the keys of this connection.
    #[error("record cannot be authenticated")]
    BadRecord,
    /// A record longer than the RFC allows.
    #[error("record too long")]
    RecordOverflow,
    /// A value that no message may have.
    #[error("illegal value in a message")]
    IllegalParameter,
    /// An alert of a wrong length.
    #[error("malformed alert")]
    Malformed,
    /// More records without content, or more key updates, than anybody needs.
    #[error("too many records that say nothing")]
    Idling,
    /// The peer gave up; the number is the alert's.
    #[error("peer sent alert {0}")]
    PeerAlert(u8),
}

impl Fault {
    /// The alert that tells the peer (section 6.2), if it is to be told.
    pub(super) const fn alert(self) -> Option<u8> {
        match self {
            Self::UnexpectedMessage | Self::Idling => Some(10),
            Self::BadRecord => Some(20),
            Self::RecordOverflow => Some(22),
            Self::IllegalParameter => Some(47),
            Self::Malformed => Some(50),
            Self::PeerAlert(_) => None,
        }
    }
}
