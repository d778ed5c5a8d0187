//! How much a mailbox holds, and why that much.

use std::sync::Arc;
use std::time::Duration;

use super::budget::MemoryBudget;

/// Bounds of one mailbox. Bytes are counted as the frames take them on the wire: header and key included, so many small
/// packets cannot hold more memory than few large ones and no separate bound on their number is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxLimits {
    /// Most bytes of tunnel packets. See [`Self::DATA_BYTES`].
    pub data_bytes: usize,
    /// Most bytes of discovery packets. See [`Self::DISCO_BYTES`].
    pub disco_bytes: usize,
    /// Most bytes of control frames. See [`Self::CONTROL_BYTES`].
    pub control_bytes: usize,
    /// Longest time a packet waits before it is dropped instead of sent. See [`Self::MAX_AGE`].
    pub max_age: Duration,
}

/// What holds for a mailbox: its own bounds, and the memory it shares with others.
#[derive(Clone, Debug)]
pub struct MailboxTerms {
    /// Its own bounds.
    pub limits: MailboxLimits,
    /// From where it takes its memory.
    pub memory: Arc<MemoryBudget>,
}

/// Most bytes of control frames for a sibling.
///
/// A sibling that watches is told every local key at once, 56 bytes each: this is room for 1.1 million of them. It is a bound
/// all the same: a sibling that stopped reading must not cost all memory. At the bound the conn counts as overrun
/// ([`Conn::is_overrun`](crate::Conn::is_overrun)) and its owner closes it; the sibling reconnects and is told everything anew.
pub const MESH_CONTROL_BYTES: usize = 64 << 20;

impl MailboxLimits {
    /// 2 MiB. A long, fast path of 300 ms and 100 Mbit/s holds 0.3 s × 12.5 MB/s = 3.75 MB in flight (its bandwidth-delay
    /// product). A tunnelled CUBIC flow cuts its window to β = 0.7 of it after a loss; the queue before the bottleneck must
    /// then hold (1 − β)/β = 0.43 of that product, 1.6 MB, for the bottleneck never to run dry. The next power of two also
    /// leaves room for a second sender. Larger would only add delay: 2 MiB are 0.17 s of that path already.
    ///
    /// What all mailboxes together hold is bounded by [`MemoryBudget`].
    pub const DATA_BYTES: usize = 2 << 20;

    /// 64 KiB: some 300 discovery messages. They are served first, so they wait here only while the socket is blocked.
    pub const DISCO_BYTES: usize = 64 << 10;

    /// 64 KiB: some 1,700 notices that a peer is gone, or 5,000 pongs. Who lets that much pile up does not read.
    pub const CONTROL_BYTES: usize = 64 << 10;

    /// 600 ms: two round trips of the path above. By then the sender of a lost-looking packet has sent it again, so a later
    /// delivery is a duplicate that delays what is fresh. Below 28 Mbit/s this binds before [`Self::DATA_BYTES`] does.
    pub const MAX_AGE: Duration = Duration::from_millis(600);

    /// The same bounds for a conn of a sibling, with [`MESH_CONTROL_BYTES`] unless more was asked for.
    #[must_use]
    pub fn for_mesh(self) -> Self {
        Self { control_bytes: self.control_bytes.max(MESH_CONTROL_BYTES), ..self }
    }
}

impl Default for MailboxLimits {
    fn default() -> Self {
        Self {
            data_bytes: Self::DATA_BYTES,
            disco_bytes: Self::DISCO_BYTES,
            control_bytes: Self::CONTROL_BYTES,
            max_age: Self::MAX_AGE,
        }
    }
}
