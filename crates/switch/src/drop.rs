//! Why packets are lost: a closed list of reasons, and the tally of a worker.
//!
//! What must stay true: nothing is lost nameless. Whoever drops a packet has a [`DropTally`] at hand and adds to it.

/// Why a packet was dropped.
///
/// The first seven mean what the same names mean in the reference relay (tailscale: derp/derpserver/derpserver.go).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// A peer sent to a key that is neither here nor known in the mesh.
    UnknownDest,
    /// A sibling forwarded to a key that is not here.
    UnknownDestOnFwd,
    /// The destination's conn ended before or while the packet was queued.
    GoneDisconnected,
    /// The oldest packet of its sender had to make room for a newer one.
    QueueHead,
    /// No room could be made for it: it is larger than the whole queue.
    QueueTail,
    /// Writing it to the destination's socket failed.
    WriteError,
    /// Several conns share the destination key and none of them is active.
    DupClient,
    /// It waited longer than the bound on age.
    ///
    /// Apart from [`Self::QueueHead`], because the remedy differs: there senders outran the queue for a moment, here the
    /// destination's path has been slower than its senders for as long as the bound.
    Aged,
    /// It had to go, or found no room, because all that waits in the relay together takes as much memory as it may.
    Memory,
}

impl DropReason {
    /// Every reason, in the order of their declaration.
    pub const ALL: [Self; 9] = [
        Self::UnknownDest,
        Self::UnknownDestOnFwd,
        Self::GoneDisconnected,
        Self::QueueHead,
        Self::QueueTail,
        Self::WriteError,
        Self::DupClient,
        Self::Aged,
        Self::Memory,
    ];

    /// The name in metrics, in the reference's spelling.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnknownDest => "unknown_dest",
            Self::UnknownDestOnFwd => "unknown_dest_on_fwd",
            Self::GoneDisconnected => "gone_disconnected",
            Self::QueueHead => "queue_head",
            Self::QueueTail => "queue_tail",
            Self::WriteError => "write_error",
            Self::DupClient => "dup_client",
            Self::Aged => "aged",
            Self::Memory => "memory",
        }
    }
}

/// What a relay can see of a packet's purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It looks like a discovery message.
    Disco,
    /// Anything else: the tunnel's own packets.
    Other,
}

impl Kind {
    /// Both kinds, in the order of their declaration.
    pub const ALL: [Self; 2] = [Self::Disco, Self::Other];

    /// The kind of `packet`.
    pub fn of(packet: &[u8]) -> Self {
        if wherry_wire::disco::looks_like_disco(packet) { Self::Disco } else { Self::Other }
    }

    /// The name in metrics, in the reference's spelling.
    pub fn name(self) -> &'static str {
        match self {
            Self::Disco => "disco",
            Self::Other => "other",
        }
    }
}

/// Packets lost for one reason and of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// How many.
    pub packets: u64,
    /// Their bytes, without keys and headers.
    pub bytes: u64,
}

impl std::ops::AddAssign for Dropped {
    fn add_assign(&mut self, other: Self) {
        self.packets = self.packets.saturating_add(other.packets);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// Packets lost so far, by reason and kind. A worker owns one, so counting touches no shared memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DropTally {
    cells: [[Dropped; Kind::ALL.len()]; DropReason::ALL.len()],
}

impl DropTally {
    /// Counts one packet of `len` bytes.
    pub fn add(&mut self, reason: DropReason, kind: Kind, len: usize) {
        if let Some(cell) = self.cell_mut(reason, kind) {
            *cell += Dropped { packets: 1, bytes: u64::try_from(len).unwrap_or(u64::MAX) };
        }
    }

    /// Counts packets together.
    pub fn add_many(&mut self, reason: DropReason, kind: Kind, packets: u64, bytes: u64) {
        if let Some(cell) = self.cell_mut(reason, kind) {
            *cell += Dropped { packets, bytes };
        }
    }

    /// What was lost for `reason` of `kind`.
    pub fn of(&self, reason: DropReason, kind: Kind) -> Dropped {
        self.cells.get(reason as usize).and_then(|row| row.get(kind as usize)).copied().unwrap_or_default()
    }

    /// What was lost for any reason.
    pub fn total(&self) -> Dropped {
        let mut sum = Dropped::default();
        for (_, _, dropped) in self.iter() {
            sum += dropped;
        }
        sum
    }

    /// Every cell, zeros included, reason by reason.
    pub fn iter(&self) -> impl Iterator<Item = (DropReason, Kind, Dropped)> + '_ {
        DropReason::ALL.into_iter().flat_map(move |reason| {
            Kind::ALL.into_iter().map(move |kind| (reason, kind, self.of(reason, kind)))
        })
    }

    /// Adds everything `other` counted.
    pub fn merge(&mut self, other: &Self) {
        for (reason, kind, dropped) in other.iter() {
            if let Some(cell) = self.cell_mut(reason, kind) {
                *cell += dropped;
            }
        }
    }

    fn cell_mut(&mut self, reason: DropReason, kind: Kind) -> Option<&mut Dropped> {
        self.cells.get_mut(reason as usize).and_then(|row| row.get_mut(kind as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_and_kind_has_its_own_cell() {
        let mut tally = DropTally::default();
        for (at, reason) in DropReason::ALL.into_iter().enumerate() {
            for (along, kind) in Kind::ALL.into_iter().enumerate() {
                tally.add(reason, kind, 10 * at + along + 1);
            }
        }
        for (at, reason) in DropReason::ALL.into_iter().enumerate() {
            for (along, kind) in Kind::ALL.into_iter().enumerate() {
                let bytes = u64::try_from(10 * at + along + 1).unwrap();
                assert_eq!(tally.of(reason, kind), Dropped { packets: 1, bytes }, "{reason:?} {kind:?}");
            }
        }
        assert_eq!(tally.total().packets, 18);
    }

    #[test]
    fn merging_adds_cell_by_cell() {
        let (mut left, mut right) = (DropTally::default(), DropTally::default());
        left.add(DropReason::Aged, Kind::Disco, 3);
        right.add(DropReason::Aged, Kind::Disco, 4);
        right.add(DropReason::QueueHead, Kind::Other, 5);
        left.merge(&right);
        assert_eq!(left.of(DropReason::Aged, Kind::Disco), Dropped { packets: 2, bytes: 7 });
        assert_eq!(left.total(), Dropped { packets: 3, bytes: 12 });
    }

    #[test]
    fn names_are_those_of_the_reference() {
        let names: Vec<_> = DropReason::ALL.into_iter().map(DropReason::name).collect();
        let reference = [
            "unknown_dest",
            "unknown_dest_on_fwd",
            "gone_disconnected",
            "queue_head",
            "queue_tail",
            "write_error",
            "dup_client",
        ];
        assert_eq!(names.get(..7), Some(&reference[..]));
    }
}
