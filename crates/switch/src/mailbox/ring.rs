//! Packets of one sender, back to back in one ring of bytes.

use std::collections::VecDeque;
use std::time::Duration;

/// When a packet was queued: milliseconds of the process, wrapping after 49 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp(u32);

impl Stamp {
    pub(super) fn of(now: Duration) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "wraps on purpose; ages are differences")]
        let wrapped = now.as_millis() as u32;
        Self(wrapped)
    }

    /// Milliseconds from `earlier` to this; zero if that lies ahead, as it may when two threads read the clock.
    pub(super) fn ms_since(self, earlier: Self) -> u32 {
        u32::try_from(self.0.wrapping_sub(earlier.0).cast_signed()).unwrap_or(0)
    }
}

/// What precedes a packet in the ring.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    /// Bytes of the packet.
    pub(super) len: u32,
    pub(super) queued: Stamp,
}

impl Head {
    const LEN: usize = 8;

    fn encode(self) -> [u8; Self::LEN] {
        (u64::from(self.queued.0) << 32 | u64::from(self.len)).to_le_bytes()
    }

    fn decode(bytes: [u8; Self::LEN]) -> Self {
        let both = u64::from_le_bytes(bytes);
        #[expect(clippy::cast_possible_truncation, reason = "the low half is the length")]
        Self { len: both as u32, queued: Stamp((both >> 32) as u32) }
    }

    pub(super) fn packet_len(self) -> usize {
        usize::try_from(self.len).unwrap_or(usize::MAX)
    }
}

/// First in, first out; each packet costs its own bytes and [`Head::LEN`].
#[derive(Debug, Default)]
pub(super) struct Ring(VecDeque<u8>);

impl Ring {
    /// What a packet costs beyond its own bytes.
    pub(super) const HEAD_LEN: usize = Head::LEN;

    /// Bytes by which the capacity grows if a packet of this length is pushed.
    pub(super) fn growth(&self, packet_len: usize) -> usize {
        growth(&self.0, Head::LEN.saturating_add(packet_len))
    }

    pub(super) fn push(&mut self, packet: &[u8], len: u32, queued: Stamp) {
        grow(&mut self.0, Head::LEN.saturating_add(packet.len()));
        self.0.extend(&Head { len, queued }.encode());
        self.0.extend(packet);
    }

    /// The oldest packet's head.
    pub(super) fn front(&self) -> Option<Head> {
        let (first, second) = self.0.as_slices();
        if let Some(bytes) = first.first_chunk() {
            return Some(Head::decode(*bytes));
        }
        let mut bytes = [0; Head::LEN];
        let mut source = first.iter().chain(second);
        for byte in &mut bytes {
            *byte = *source.next()?;
        }
        Some(Head::decode(bytes))
    }

    /// Removes the oldest packet, whose head is `head`, and appends its bytes to `out`.
    pub(super) fn pop_into(&mut self, head: Head, out: &mut Vec<u8>) {
        copy_range(&self.0, Head::LEN, head.packet_len(), out);
        self.pop(head);
    }

    /// Removes the oldest packet, whose head is `head`.
    pub(super) fn pop(&mut self, head: Head) {
        discard_front(&mut self.0, Head::LEN.saturating_add(head.packet_len()));
    }

    /// The same memory, with nothing in it.
    pub(super) fn into_empty(mut self) -> Self {
        self.0.clear();
        self
    }

    /// Memory it owns, in bytes.
    pub(super) fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Bytes of packets and their heads.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Frees what is not used.
    pub(super) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }
}

/// Bytes by which the capacity of `ring` grows if `more` are appended: nothing, or as much as it has, so that appending is
/// cheap on average. Said here and not left to the library: whoever grows must know before what it will cost.
pub(super) fn growth(ring: &VecDeque<u8>, more: usize) -> usize {
    let (need, capacity) = (ring.len().saturating_add(more), ring.capacity());
    if need <= capacity { 0 } else { need.max(capacity.saturating_mul(2)) - capacity }
}

/// Makes room for `more` bytes, by [`growth`].
pub(super) fn grow(ring: &mut VecDeque<u8>, more: usize) {
    let growth = growth(ring, more);
    if growth > 0 {
        ring.reserve_exact(ring.capacity().saturating_add(growth).saturating_sub(ring.len()));
    }
}

/// Appends `len` bytes of `ring` from `at` on, or as many of them as there are.
pub(super) fn copy_range(ring: &VecDeque<u8>, at: usize, len: usize, out: &mut Vec<u8>) {
    let (first, second) = ring.as_slices();
    let end = at.saturating_add(len);
    let split = first.len();
    let part = |slice: &'_ [u8], from: usize, to: usize| -> std::ops::Range<usize> {
        let to = to.min(slice.len());
        from.min(to)..to
    };
    let (left, right) =
        (part(first, at, end), part(second, at.saturating_sub(split), end.saturating_sub(split)));
    out.extend_from_slice(first.get(left).unwrap_or_default());
    out.extend_from_slice(second.get(right).unwrap_or_default());
}

/// Removes the first `len` bytes of `ring`, or all if it has fewer.
pub(super) fn discard_front(ring: &mut VecDeque<u8>, len: usize) {
    ring.drain(..len.min(ring.len()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_out_whole_wherever_the_ring_wraps() {
        // Lengths that are no divisors of any capacity move every part of a record across the end of the ring.
        let mut ring = Ring::default();
        let packet = |serial: u32| vec![serial.to_le_bytes()[0]; usize::try_from(serial % 23).unwrap()];
        let push = |ring: &mut Ring, serial| {
            let packet = packet(serial);
            ring.push(&packet, u32::try_from(packet.len()).unwrap(), Stamp(serial));
        };
        for serial in 0..5 {
            push(&mut ring, serial);
        }
        for serial in 0..10_000 {
            push(&mut ring, serial + 5);
            let head = ring.front().unwrap();
            let mut out = Vec::new();
            if serial % 3 == 0 {
                ring.pop(head);
            } else {
                ring.pop_into(head, &mut out);
                assert_eq!(out, packet(serial));
            }
            assert_eq!((head.packet_len(), head.queued), (packet(serial).len(), Stamp(serial)));
        }
        assert!(ring.capacity() < 1_000, "it is reused and does not grow");
    }
}
