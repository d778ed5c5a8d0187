//! Who is to be told when a peer is gone: every conn that heard it, once for each such conn and peer, ever.
//!
//! Of a pair of conn and peer two bits are kept, next to those of the conns that joined about the same time: in a crowd each
//! packet may be a pair's first, and a thousand conns that heard a peer are sixteen groups. What a conn that left has heard is
//! swept out a part at a time, as others leave.
//!
//! Source: tailscale: derp/derpserver/derpserver.go, `peerGoneWatchers` and `sclient.noteSendFromSrc`.

use std::collections::HashMap;
use std::mem;

use wherry_wire::key::NodePublic;

use crate::conn::ConnId;

/// In how many parts all is swept. More make a sweep shorter and none of the memory smaller.
const PARTS: usize = 64;

#[derive(Debug)]
pub(super) struct Listeners {
    /// By source, each in the part of its key.
    parts: Box<[HashMap<NodePublic, Source>]>,
    /// The part to be swept next.
    next: usize,
    /// Conns that left since the last sweep.
    left: usize,
}

/// Who heard one source, by group of conns.
type Source = HashMap<u64, Group>;

/// Conns of one group, a bit each.
#[derive(Debug, Default)]
struct Group {
    /// Ever heard the source; some have left.
    heard: u64,
    /// Of those, who is to be told.
    waiting: u64,
}

impl Default for Listeners {
    fn default() -> Self {
        Self { parts: (0..PARTS).map(|_| HashMap::new()).collect(), next: 0, left: 0 }
    }
}

impl Listeners {
    /// `conn` heard `source`. Does nothing if it did before.
    pub(super) fn note(&mut self, conn: ConnId, source: &NodePublic) {
        let (group, bit) = conn.group();
        let Some(part) = self.part_of(source) else { return };
        let group = part.entry(*source).or_default().entry(group).or_default();
        // Whoever heard it before was told already or waits for it.
        group.waiting |= bit & !group.heard;
        group.heard |= bit;
    }

    /// `source` is gone: who is to be told, among them some that left. They are not told again.
    pub(super) fn take(&mut self, source: &NodePublic) -> Vec<ConnId> {
        let groups = self.part_of(source).and_then(|part| part.get_mut(source)).into_iter().flatten();
        groups.flat_map(|(group, conns)| ConnId::of_group(*group, mem::take(&mut conns.waiting))).collect()
    }

    /// A conn left and `here` are. Sweeps so often that all is swept once while as many leave as are here. `bits_here` tells of
    /// a group which of its conns are here.
    pub(super) fn sweep(&mut self, here: usize, bits_here: impl Fn(u64) -> u64) {
        self.left += 1;
        if self.left.saturating_mul(PARTS) < here {
            return;
        }
        self.left = 0;
        self.next = (self.next + 1) % PARTS;
        let Some(part) = self.parts.get_mut(self.next) else { return };
        part.retain(|_, source| {
            source.retain(|group, conns| {
                let here = bits_here(*group);
                conns.heard &= here;
                conns.waiting &= here;
                conns.heard != 0
            });
            shrink(source);
            !source.is_empty()
        });
        shrink(part);
    }

    /// What is wrong with it, if anything.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let mut groups = self.parts.iter().flat_map(HashMap::values).flat_map(HashMap::values);
        groups
            .any(|group| group.heard == 0 || group.waiting & !group.heard != 0)
            .then_some("somebody is to be told of a source it never heard")
    }

    fn part_of(&mut self, source: &NodePublic) -> Option<&mut HashMap<NodePublic, Source>> {
        self.parts.get_mut(usize::from(source.as_bytes()[0]) % PARTS)
    }
}

/// Gives back the memory of what was there once.
fn shrink<K: Eq + std::hash::Hash, V>(map: &mut HashMap<K, V>) {
    if map.capacity() > 4 * map.len() {
        map.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(number: u8) -> NodePublic {
        NodePublic::from_bytes([number; 32])
    }

    #[test]
    fn a_conn_is_told_once_of_each_source() {
        let mut listeners = Listeners::default();
        let mut conns = [3, 4, 64, 1_000_000].map(ConnId);
        for conn in conns {
            listeners.note(conn, &source(1));
            listeners.note(conn, &source(1));
        }
        listeners.note(ConnId(5), &source(2));
        let mut told = listeners.take(&source(1));
        told.sort_unstable();
        conns.sort_unstable();
        assert_eq!(told, conns);
        listeners.note(ConnId(4), &source(1));
        assert_eq!(listeners.take(&source(1)), []);
        assert_eq!(listeners.take(&source(2)), [ConnId(5)]);
    }

    #[test]
    fn conns_that_come_and_go_leave_little_behind() {
        let mut listeners = Listeners::default();
        let stays = ConnId(0);
        let bits_here = |group| u64::from(group == 0);
        for number in 0..=u8::MAX {
            listeners.note(stays, &source(number));
        }
        for conn in (1..1_000_000).step_by(1000).map(ConnId) {
            for number in 0..=u8::MAX {
                listeners.note(conn, &source(number));
            }
            listeners.sweep(1, bits_here);
        }
        assert_eq!(listeners.fault(), None);
        for number in 0..=u8::MAX {
            let told = listeners.take(&source(number));
            assert!(told.contains(&stays));
            assert!(told.len() <= 1 + PARTS, "{} are to be told", told.len());
        }
    }

    #[test]
    fn nothing_is_left_of_a_crowd_that_went() {
        let mut listeners = Listeners::default();
        for conn in 0..1000 {
            for number in 0..=u8::MAX {
                listeners.note(ConnId(conn), &source(number));
            }
        }
        for here in (0..1000_usize).rev() {
            listeners.sweep(here, |group| if group < 15 && here > 0 { u64::MAX } else { 0 });
        }
        for _ in 0..PARTS {
            listeners.sweep(0, |_| 0);
        }
        assert!(listeners.parts.iter().all(|part| part.capacity() == 0));
    }
}
