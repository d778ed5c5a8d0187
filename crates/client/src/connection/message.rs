//! What a relay tells, owned.

use std::net::SocketAddr;
use std::time::Duration;

use wherry_wire::derp::{PeerFlags, PeerGoneReason, ToClient};
use wherry_wire::key::NodePublic;

/// One thing a relay told. Pings are answered and pongs matched inside; they never show here.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message {
    /// A packet from another peer.
    Packet {
        /// Who sent it.
        src: NodePublic,
        /// The packet, at most 1 MiB (a correct relay sends at most 64 KiB).
        packet: Vec<u8>,
    },
    /// Nothing to say; sent about once a minute.
    KeepAlive,
    /// A peer is not, or no longer, at this relay.
    PeerGone {
        /// The peer.
        peer: NodePublic,
        /// Why.
        reason: PeerGoneReason,
    },
    /// A peer has a connection here; only watchers are told.
    PeerPresent {
        /// The peer.
        peer: NodePublic,
        /// Its address, if told.
        addr: Option<SocketAddr>,
        /// What kind of peer it is, if told.
        flags: PeerFlags,
    },
    /// The relay has a problem, in its words; empty when it is over.
    Health(String),
    /// The relay is about to restart.
    Restarting {
        /// When to try again.
        reconnect_in: Duration,
        /// For how long to try.
        try_for: Duration,
    },
}

impl Message {
    /// The owned form of what the caller is told; none for what the connection deals with itself.
    pub(super) fn of(told: ToClient<'_>) -> Option<Self> {
        Some(match told {
            ToClient::RecvPacket { src, packet } => Self::Packet { src, packet: packet.to_vec() },
            ToClient::KeepAlive => Self::KeepAlive,
            ToClient::PeerGone { peer, reason } => Self::PeerGone { peer, reason },
            ToClient::PeerPresent { peer, addr, flags } => Self::PeerPresent { peer, addr, flags },
            ToClient::Health(problem) => Self::Health(String::from_utf8_lossy(problem).into_owned()),
            ToClient::Restarting { reconnect_in_ms, try_for_ms } => Self::Restarting {
                reconnect_in: Duration::from_millis(reconnect_in_ms.into()),
                try_for: Duration::from_millis(try_for_ms.into()),
            },
            _ => return None,
        })
    }
}
