//! The mailbox itself: three lanes, a waker and an end.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use wherry_wire::derp;
use wherry_wire::derp::encode::RECV_PACKET_HEADER_LEN;
use wherry_wire::key::NodePublic;

use super::budget::MemoryBudget;
use super::lane::{Lane, Rules, SPARE_BYTES, Sink, frame_len};
use super::limits::MailboxTerms;
use super::ring::{Stamp, copy_range, discard_front, grow, growth};
use crate::drop::{DropReason, DropTally, Kind};

/// Memory a mailbox takes at first: room for the few frames that most have at a time.
const FIRST_GRANT: usize = 4 << 10;

/// Memory it takes at a time from then on. The budget is one number that all workers write, so it is not asked for each packet.
const GRANT: usize = 32 << 10;

/// The outgoing queue of one conn. It has no lock of its own; a conn keeps it in one.
#[derive(Debug)]
pub struct Mailbox {
    terms: Arc<MailboxTerms>,
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
    /// Taken from the budget; at least [`Self::memory`].
    granted: usize,
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
    pub fn new(terms: Arc<MailboxTerms>) -> Self {
        Self { terms, lanes: None, waker: None, closed: false }
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
        let mut lost = 0;
        if !rules.allow(packet.len())
            || lanes.make_room(src, packet.len(), kind, &self.terms.memory, &mut lost, drops)
        {
            lost += lanes.packet_lane(kind).push(src, packet, Stamp::of(now), rules, drops);
        } else {
            drops.add(DropReason::Memory, kind, packet.len());
            lost += frame_len(packet.len());
        }
        self.free_if_empty();
        lost
    }

    /// Queues one or more whole frames that the relay itself has to say. After [`Self::close`] they vanish.
    ///
    /// # Errors
    /// [`Full`] if the lane's bound would be passed, or there is no memory for it; then nothing was queued. For pongs that means the peer gets none until it
    /// reads; a sibling that misses news must be closed.
    pub fn push_control(&mut self, frames: &[u8]) -> Result<(), Full> {
        if self.closed || frames.is_empty() {
            return Ok(());
        }
        let held = self.lanes.as_ref().map_or(0, |lanes| lanes.control.len());
        if held.saturating_add(frames.len()) > self.terms.limits.control_bytes {
            return Err(Full { bytes: held });
        }
        let lanes = self.lanes.get_or_insert_default();
        let has_room = lanes.cover(growth(&lanes.control, frames.len()), &self.terms.memory);
        if has_room {
            grow(&mut lanes.control, frames.len());
            lanes.control.extend(frames);
        }
        self.free_if_empty();
        if has_room { Ok(()) } else { Err(Full { bytes: held }) }
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
            if lanes.control.capacity() > SPARE_BYTES {
                lanes.control = VecDeque::new();
            }
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
            self.terms.memory.give_back(lanes.granted);
        }
    }

    /// The memory it shares with others.
    pub fn memory(&self) -> &Arc<MemoryBudget> {
        &self.terms.memory
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

    /// Bytes taken from the budget.
    #[cfg(test)]
    pub(super) fn granted(&self) -> usize {
        self.lanes.as_ref().map_or(0, |lanes| lanes.granted)
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
        let limits = &self.terms.limits;
        if lanes.control.len() > limits.control_bytes
            || lanes.disco.bytes() > limits.disco_bytes
            || lanes.data.bytes() > limits.data_bytes
        {
            return Some("a lane holds more than its bound");
        }
        if lanes.memory() > lanes.granted {
            return Some("a mailbox owns more memory than it took from the budget");
        }
        lanes.disco.fault().or_else(|| lanes.data.fault())
    }

    fn rules(&self, kind: Kind) -> Rules {
        let max_bytes = match kind {
            Kind::Disco => self.terms.limits.disco_bytes,
            Kind::Other => self.terms.limits.data_bytes,
        };
        Rules {
            kind,
            max_bytes,
            max_age_ms: u32::try_from(self.terms.limits.max_age.as_millis()).unwrap_or(u32::MAX),
        }
    }

    fn free_if_empty(&mut self) {
        let Some(lanes) = &mut self.lanes else { return };
        if lanes.is_empty() {
            self.terms.memory.give_back(lanes.granted);
            self.lanes = None;
        } else {
            lanes.give_back_most(&self.terms.memory);
        }
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        if let Some(lanes) = &self.lanes {
            self.terms.memory.give_back(lanes.granted);
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

    /// Memory that is owned here, in bytes. What rings have room for, not what is in them: they never grow smaller by themselves.
    fn memory(&self) -> usize {
        size_of::<Self>() + self.control.capacity() + self.disco.memory() + self.data.memory()
    }

    /// Sees to it that memory may grow by so many bytes; says whether it may.
    fn cover(&mut self, growth: usize, budget: &MemoryBudget) -> bool {
        let missing = self.memory().saturating_add(growth).saturating_sub(self.granted);
        if missing == 0 {
            return true;
        }
        let grant = if self.granted == 0 { FIRST_GRANT } else { GRANT };
        let bytes = missing.checked_next_multiple_of(grant).unwrap_or(missing);
        let is_granted = budget.take_share(bytes, self.granted);
        if is_granted {
            self.granted += bytes;
        }
        is_granted
    }

    /// Gives back what is not needed any more, some of it kept for what comes.
    fn give_back_most(&mut self, budget: &MemoryBudget) {
        let keep = self.memory().saturating_add(GRANT);
        if self.granted.saturating_sub(keep) >= 4 * GRANT {
            budget.give_back(self.granted - keep);
            self.granted = keep;
        }
    }

    /// Makes room for a packet of `src`; says whether there is. If no memory is to be had, from what this mailbox has: what
    /// nothing is in, then from whoever holds the most, which may be `src`. What `src` loses is added to `lost`.
    fn make_room(
        &mut self,
        src: &NodePublic,
        packet_len: usize,
        kind: Kind,
        budget: &MemoryBudget,
        lost: &mut usize,
        drops: &mut DropTally,
    ) -> bool {
        loop {
            let growth = self.packet_lane(kind).growth(src, packet_len);
            if growth == 0 || self.cover(growth, budget) {
                return true;
            }
            if self.disco.tighten() || self.data.tighten() {
                continue;
            }
            let own = self.packet_lane(kind).held_by(src);
            let (disco, data) = (self.disco.most_held(), self.data.most_held());
            // Who holds about as much as the one with most makes room for itself: between the two, memory would go to and fro.
            if own.saturating_mul(2).saturating_add(frame_len(packet_len)) <= disco.max(data) {
                let kind = if disco > data { Kind::Disco } else { Kind::Other };
                self.packet_lane(kind).release(kind, drops);
            } else if own > 0 {
                *lost += self.packet_lane(kind).give_up_own(src, kind, drops);
            } else {
                return false;
            }
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
