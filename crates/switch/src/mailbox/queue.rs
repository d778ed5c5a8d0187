//! The mailbox itself: three lanes, a waker and an end.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use wherry_wire::derp;
use wherry_wire::derp::encode::RECV_PACKET_HEADER_LEN;
use wherry_wire::key::NodePublic;

use super::lane::{Lane, Rules, Sink, frame_len};
use super::limits::MailboxLimits;
use super::ring::{Stamp, copy_range, discard_front};
use crate::drop::{DropReason, DropTally, Kind};

/// The outgoing queue of one conn. It has no lock of its own; a conn keeps it in one.
#[derive(Debug)]
pub struct Mailbox {
    limits: Arc<MailboxLimits>,
    /// `None` while empty: most conns are idle most of the time.
    lanes: Option<Box<Lanes>>,
    waker: Option<Waker>,
    closed: bool,
}

#[derive(Debug, Default)]
struct Lanes {
    /// Whole frames, back to back.
    control: VecDeque<u8>,
    disco: Lane,
    data: Lane,
    /// Data waited and got nothing in the last take.
    data_is_due: bool,
}

/// What [`Mailbox::take`] took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Frames of all lanes.
    pub frames: usize,
    /// Packets among them.
    pub packets: usize,
    /// Bytes of these packets, without keys and headers.
    pub bytes: usize,
    /// Discovery packets among them.
    pub disco_packets: usize,
    /// Bytes of these.
    pub disco_bytes: usize,
    /// How long these packets had waited, summed up, in milliseconds.
    pub waited_ms: u64,
}

/// The control lane has no room for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("control lane is full at {bytes} bytes")]
pub struct Full {
    /// What the lane holds.
    pub bytes: usize,
}

impl Mailbox {
    /// An empty mailbox.
    pub fn new(limits: Arc<MailboxLimits>) -> Self {
        Self { limits, lanes: None, waker: None, closed: false }
    }

    /// Queues a packet from `src`. What has to go to make room for it, or itself if it never fits, is counted in `drops`.
    ///
    /// Returns how many bytes `src` itself lost by it, as frames on the wire: what others lose is not its doing to bear.
    pub fn push(&mut self, src: &NodePublic, packet: &[u8], now: Duration, drops: &mut DropTally) -> usize {
        let kind = Kind::of(packet);
        if self.closed {
            drops.add(DropReason::GoneDisconnected, kind, packet.len());
            return frame_len(packet.len());
        }
        let rules = self.rules(kind);
        let lanes = self.lanes.get_or_insert_default();
        let lost = lanes.packet_lane(kind).push(src, packet, Stamp::of(now), rules, drops);
        self.free_if_empty();
        lost
    }

    /// Queues one or more whole frames that the relay itself has to say. After [`Self::close`] they vanish.
    ///
    /// # Errors
    /// [`Full`] if the lane's bound would be passed; then nothing was queued. For pongs that means the peer gets none until it
    /// reads; a sibling that misses news must be closed.
    pub fn push_control(&mut self, frames: &[u8]) -> Result<(), Full> {
        if self.closed || frames.is_empty() {
            return Ok(());
        }
        let held = self.lanes.as_ref().map_or(0, |lanes| lanes.control.len());
        if held.saturating_add(frames.len()) > self.limits.control_bytes {
            return Err(Full { bytes: held });
        }
        self.lanes.get_or_insert_default().control.extend(frames);
        Ok(())
    }

    /// Appends frames to `out`, at most `budget` bytes of them, but at least one frame if there is any.
    ///
    /// First control, then disco, then data. While data waits, disco gets at most half of the budget: any sender can dress its
    /// packets up as disco, and must not silence the others by it. If data waited and got nothing, the next take leaves disco
    /// out and has a data packet whatever the budget. Packets beyond the bound on age are dropped instead.
    pub fn take(&mut self, now: Duration, budget: usize, out: &mut Vec<u8>, drops: &mut DropTally) -> Taken {
        let (disco, data) = (self.rules(Kind::Disco), self.rules(Kind::Other));
        let Some(lanes) = self.lanes.as_deref_mut() else { return Taken::default() };
        let now = Stamp::of(now);
        let end = out.len().saturating_add(budget);
        let mut frames = Frames { out, end, first_fits: true, taken: Taken::default() };
        frames.take_control(&mut lanes.control);
        if lanes.control.is_empty() {
            if !lanes.data_is_due {
                let share = if lanes.data.is_empty() { budget } else { budget / 2 };
                frames.end = end.min(frames.out.len().saturating_add(share));
                frames.take_disco(&mut lanes.disco, now, disco, drops);
                frames.end = end;
            }
            let before = frames.taken.packets;
            frames.first_fits |= lanes.data_is_due;
            lanes.data.take(now, data, &mut frames, drops);
            let took_data = frames.taken.packets > before;
            if lanes.data_is_due && !took_data {
                // All of it had grown old.
                frames.take_disco(&mut lanes.disco, now, disco, drops);
            }
            lanes.data_is_due = !took_data && !lanes.data.is_empty();
        }
        let taken = frames.taken;
        self.free_if_empty();
        taken
    }

    /// Whether nothing is queued.
    pub fn is_empty(&self) -> bool {
        self.lanes.is_none()
    }

    /// Packets queued.
    pub fn packets(&self) -> usize {
        self.lanes.as_ref().map_or(0, |lanes| lanes.disco.packets() + lanes.data.packets())
    }

    /// Bytes queued, counted as frames on the wire, control included.
    pub fn bytes(&self) -> usize {
        self.lanes.as_ref().map_or(0, |lanes| lanes.control.len() + lanes.disco.bytes() + lanes.data.bytes())
    }

    /// Ends it: what is queued, and what is pushed later, is dropped as [`DropReason::GoneDisconnected`].
    pub fn close(&mut self, drops: &mut DropTally) {
        self.closed = true;
        if let Some(mut lanes) = self.lanes.take() {
            lanes.disco.clear(DropReason::GoneDisconnected, Kind::Disco, drops);
            lanes.data.clear(DropReason::GoneDisconnected, Kind::Other, drops);
        }
    }

    /// Whether it was ended.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Sets whom [`Self::wake`] wakes: the task that empties this mailbox.
    pub fn set_waker(&mut self, waker: &Waker) {
        match &mut self.waker {
            Some(held) => held.clone_from(waker),
            None => self.waker = Some(waker.clone()),
        }
    }

    /// Wakes the task that empties this mailbox, if one was set.
    pub fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    /// Who holds how many bytes of a kind of packets.
    #[cfg(test)]
    pub(super) fn holdings(&mut self, kind: Kind) -> Vec<(NodePublic, usize)> {
        self.lanes.as_mut().map(|lanes| lanes.packet_lane(kind).holdings()).unwrap_or_default()
    }

    /// What is wrong inside, if anything.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let lanes = self.lanes.as_ref()?;
        if self.closed {
            return Some("a closed mailbox holds something");
        }
        if lanes.is_empty() {
            return Some("an empty mailbox holds memory");
        }
        if lanes.control.len() > self.limits.control_bytes
            || lanes.disco.bytes() > self.limits.disco_bytes
            || lanes.data.bytes() > self.limits.data_bytes
        {
            return Some("a lane holds more than its bound");
        }
        lanes.disco.fault().or_else(|| lanes.data.fault())
    }

    fn rules(&self, kind: Kind) -> Rules {
        let max_bytes = match kind {
            Kind::Disco => self.limits.disco_bytes,
            Kind::Other => self.limits.data_bytes,
        };
        Rules {
            kind,
            max_bytes,
            max_age_ms: u32::try_from(self.limits.max_age.as_millis()).unwrap_or(u32::MAX),
        }
    }

    fn free_if_empty(&mut self) {
        if self.lanes.as_ref().is_some_and(|lanes| lanes.is_empty()) {
            self.lanes = None;
        }
    }
}

impl Lanes {
    fn packet_lane(&mut self, kind: Kind) -> &mut Lane {
        match kind {
            Kind::Disco => &mut self.disco,
            Kind::Other => &mut self.data,
        }
    }

    fn is_empty(&self) -> bool {
        self.control.is_empty() && self.disco.is_empty() && self.data.is_empty()
    }
}

/// Frames on their way out.
struct Frames<'a> {
    out: &'a mut Vec<u8>,
    /// Length of `out` that is not to be passed.
    end: usize,
    /// Except by the next frame.
    first_fits: bool,
    taken: Taken,
}

impl Frames<'_> {
    fn take_disco(&mut self, lane: &mut Lane, now: Stamp, rules: Rules, drops: &mut DropTally) {
        let before = self.taken;
        lane.take(now, rules, self, drops);
        self.taken.disco_packets += self.taken.packets - before.packets;
        self.taken.disco_bytes += self.taken.bytes - before.bytes;
    }

    fn take_control(&mut self, control: &mut VecDeque<u8>) {
        let mut whole = 0;
        while let Some(len) = control_frame_len(control, whole) {
            if !self.has_room(whole.saturating_add(len)) {
                break;
            }
            whole += len;
            self.first_fits = false;
            self.taken.frames += 1;
        }
        copy_range(control, 0, whole, self.out);
        discard_front(control, whole);
    }
}

impl Sink for Frames<'_> {
    fn has_room(&self, len: usize) -> bool {
        self.first_fits || self.out.len().saturating_add(len) <= self.end
    }

    fn frame(
        &mut self,
        header: [u8; RECV_PACKET_HEADER_LEN],
        packet_len: usize,
        waited_ms: u32,
    ) -> &mut Vec<u8> {
        self.first_fits = false;
        self.taken.frames += 1;
        self.taken.packets += 1;
        self.taken.bytes += packet_len;
        self.taken.waited_ms += u64::from(waited_ms);
        self.out.reserve(frame_len(packet_len));
        self.out.extend_from_slice(&header);
        self.out
    }
}

/// Length of the frame that starts at `at`, header included; what is left if it claims more than that.
fn control_frame_len(control: &VecDeque<u8>, at: usize) -> Option<usize> {
    let left = control.len().checked_sub(at).filter(|left| *left > 0)?;
    let mut payload: usize = 0;
    for offset in 1..derp::HEADER_LEN {
        let byte = control.get(at.saturating_add(offset)).copied().unwrap_or(u8::MAX);
        payload = payload << 8 | usize::from(byte);
    }
    Some(left.min(payload.saturating_add(derp::HEADER_LEN)))
}
