//! What is counted where it happens.

use std::sync::atomic::{AtomicU64, Ordering};

use wherry_switch::{DropReason, DropTally, Kind, Taken};

use super::reasons::{CloseReason, Refusal};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts `n` more.
    pub fn add(&self, n: u64) {
        // Nothing else is ordered by a count.
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Packets and their bytes, without keys and headers.
#[derive(Debug, Default)]
pub struct Flow {
    /// Packets.
    pub packets: Counter,
    /// Their bytes.
    pub bytes: Counter,
}

/// A number of packets and their bytes, summed up over a batch before it is counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Volume {
    /// Packets.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Volume {
    /// One packet more.
    pub const fn add(&mut self, packet: &[u8]) {
        self.packets += 1;
        self.bytes += packet.len() as u64;
    }
}

/// Packets of a batch by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kinds {
    /// Discovery packets.
    pub disco: Volume,
    /// All others.
    pub other: Volume,
}

impl Kinds {
    /// One packet more.
    pub fn add(&mut self, packet: &[u8]) {
        match Kind::of(packet) {
            Kind::Disco => self.disco.add(packet),
            Kind::Other => self.other.add(packet),
        }
    }

    /// What a mailbox gave out.
    #[must_use]
    pub const fn of(taken: &Taken) -> Self {
        let (packets, bytes) = (taken.packets - taken.disco_packets, taken.bytes - taken.disco_bytes);
        Self {
            disco: Volume { packets: taken.disco_packets as u64, bytes: taken.disco_bytes as u64 },
            other: Volume { packets: packets as u64, bytes: bytes as u64 },
        }
    }

    /// Each kind with its volume.
    #[must_use]
    pub const fn each(&self) -> [(Kind, Volume); 2] {
        [(Kind::Disco, self.disco), (Kind::Other, self.other)]
    }

    /// All of them.
    #[must_use]
    pub const fn total(&self) -> Volume {
        Volume {
            packets: self.disco.packets + self.other.packets,
            bytes: self.disco.bytes + self.other.bytes,
        }
    }
}

impl Flow {
    /// Counts a batch.
    pub fn add(&self, volume: Volume) {
        if volume.packets > 0 {
            self.packets.add(volume.packets);
            self.bytes.add(volume.bytes);
        }
    }
}

/// The counters of one worker or of the front. They stand on cache lines of their own, and a batch is counted once.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Counters {
    /// Packets that peers sent, by kind.
    pub received: [Flow; 2],
    /// Packets that siblings forwarded.
    pub forwarded_in: Flow,
    /// Packets sealed for their destination, by kind.
    pub sent: [Flow; 2],
    /// Dropped, by reason and kind.
    pub dropped: [[Flow; 2]; DropReason::ALL.len()],
    /// Pings that peers sent.
    pub got_ping: Counter,
    /// Pongs that answer them.
    pub sent_pong: Counter,
    /// Times a sender was told that its destination is not here.
    pub peer_gone_not_here: Counter,
    /// Frames that have no meaning for a server and were skipped.
    pub skipped_frames: Counter,
    /// Times a sender nearly all of whose packets are dropped was read more slowly.
    pub paused: Counter,
    /// Packets among `sent` that had waited in a mailbox.
    pub waited: Counter,
    /// Milliseconds they waited, summed up.
    pub waited_ms: Counter,
    /// Connections accepted, whatever became of them.
    pub accepted: Counter,
    /// Times a listener could not accept: out of files or memory.
    pub accept_errors: Counter,
    /// HTTP requests answered, by class of status: 1xx to 5xx.
    pub http: [Counter; 5],
    /// Connections upgraded to DERP, whatever became of them.
    pub upgraded: Counter,
    /// Sessions begun.
    pub sessions: Counter,
    /// Connections upgraded to WebSocket messages, whatever became of them.
    pub websocket_sessions: Counter,
    /// Connections that never became a session, by reason.
    pub refused: [Counter; Refusal::ALL.len()],
    /// Sessions ended, by reason.
    pub closed: [Counter; CloseReason::ALL.len()],
}

impl Counters {
    /// Counts how long packets waited that a mailbox gave out.
    pub fn waited(&self, taken: &Taken) {
        if taken.packets > 0 {
            self.waited.add(taken.packets as u64);
            self.waited_ms.add(taken.waited_ms);
        }
    }

    /// Counts an HTTP request that was answered with `status`.
    pub fn answered(&self, status: http::StatusCode) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(counter) = self.http.get(class) {
            counter.add(1);
        }
    }

    /// Counts a session's end.
    pub fn close(&self, reason: CloseReason) {
        if let Some(counter) = self.closed.get(reason.index()) {
            counter.add(1);
        }
    }

    /// Counts a connection that never became a session.
    pub fn refuse(&self, reason: Refusal) {
        if let Some(counter) = self.refused.get(reason.index()) {
            counter.add(1);
        }
    }

    /// Moves what was dropped from `drops` to here.
    pub fn drop_packets(&self, drops: &mut DropTally) {
        if drops.total().packets == 0 {
            return;
        }
        for (reason, kind, dropped) in std::mem::take(drops).iter() {
            let flow = self.dropped.get(reason as usize).and_then(|kinds| kinds.get(kind as usize));
            if let Some(flow) = flow {
                flow.add(Volume { packets: dropped.packets, bytes: dropped.bytes });
            }
        }
    }

    /// Packets received of one kind.
    #[must_use]
    pub const fn received(&self, kind: Kind) -> &Flow {
        of_kind(&self.received, kind)
    }

    /// Packets received of all kinds.
    #[must_use]
    pub fn received_packets(&self) -> u64 {
        self.received.iter().map(|flow| flow.packets.value()).sum()
    }

    /// Packets sent of one kind.
    #[must_use]
    pub const fn sent(&self, kind: Kind) -> &Flow {
        of_kind(&self.sent, kind)
    }
}

const fn of_kind(flows: &[Flow; 2], kind: Kind) -> &Flow {
    let [disco, other] = flows;
    match kind {
        Kind::Disco => disco,
        Kind::Other => other,
    }
}
