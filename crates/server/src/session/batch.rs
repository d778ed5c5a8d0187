//! The packets of one read, grouped by where they go, so that each destination is looked up, locked and written to
//! once per read and not once per packet.

use std::collections::HashMap;
use std::ops::Range;

use wherry_wire::key::NodePublic;

/// Up to this many destinations a linear search beats hashing.
const LINEAR: usize = 8;

/// Groups and packets whose memory is kept between batches: what a full read of ordinary packets brings, many times over.
/// A peer can make a batch larger, but not make us keep that.
const KEPT: usize = 4096;

/// Packets of one read by destination, as ranges of the buffer they were read into.
#[derive(Debug, Default)]
pub(super) struct Batch {
    groups: Vec<Group>,
    /// The packets of all groups; those of one are chained.
    packets: Vec<Packet>,
    /// Where the group of a destination is, once there are many.
    index: HashMap<Address, usize>,
}

/// Who sends to whom. The sender is part of it because a sibling forwards for many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Address {
    /// The receiving peer.
    pub(super) dst: NodePublic,
    /// The sending peer.
    pub(super) src: NodePublic,
    /// Whether a sibling forwarded it: then it goes no further than to a local peer.
    pub(super) forwarded: bool,
}

#[derive(Debug)]
struct Group {
    address: Address,
    /// Its first and last packet, by position in [`Batch::packets`].
    first: usize,
    last: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Packet {
    range: Range<usize>,
    /// The next of its group.
    next: Option<usize>,
}

impl Batch {
    /// Adds the packet at `range` of the buffer.
    pub(super) fn add(&mut self, address: &Address, range: Range<usize>) {
        let (added, bytes) = (self.packets.len(), range.len());
        self.packets.push(Packet { range, next: None });
        let Some(position) = self.position(address) else {
            return self.open_group(address, added, bytes);
        };
        if let Some(group) = self.groups.get_mut(position) {
            group.bytes += bytes;
            let last = std::mem::replace(&mut group.last, added);
            if let Some(last) = self.packets.get_mut(last) {
                last.next = Some(added);
            }
        }
    }

    /// Where the group of `address` is. A run of packets to one destination is the rule.
    fn position(&self, address: &Address) -> Option<usize> {
        if let Some(last) = self.groups.last()
            && last.address == *address
        {
            return Some(self.groups.len() - 1);
        }
        if self.groups.len() <= LINEAR {
            self.groups.iter().position(|group| group.address == *address)
        } else {
            self.index.get(address).copied()
        }
    }

    fn open_group(&mut self, address: &Address, packet: usize, bytes: usize) {
        let position = self.groups.len();
        self.groups.push(Group { address: *address, first: packet, last: packet, bytes });
        if position == LINEAR {
            let all = self.groups.iter().enumerate();
            self.index.extend(all.map(|(position, group)| (group.address, position)));
        } else if position > LINEAR {
            self.index.insert(*address, position);
        }
    }

    /// The groups, each as mail out of `plain`, in the order in which their first packets came.
    pub(super) fn mail<'a>(&'a self, plain: &'a [u8]) -> impl Iterator<Item = (Address, Mail<'a>)> {
        self.groups.iter().map(move |group| {
            let Group { address, first, bytes, .. } = group;
            let packets = &self.packets;
            (*address, Mail { src: &address.src, plain, packets, next: Some(*first), bytes: *bytes })
        })
    }

    /// Forgets the packets; memory beyond the ordinary is given back.
    pub(super) fn clear(&mut self) {
        self.groups.clear();
        self.groups.shrink_to(KEPT);
        self.packets.clear();
        self.packets.shrink_to(KEPT);
        self.index.clear();
        self.index.shrink_to(KEPT);
    }
}

/// The packets from one peer to another, in order; iterating takes them out.
#[derive(Debug, Clone)]
pub(super) struct Mail<'a> {
    src: &'a NodePublic,
    plain: &'a [u8],
    packets: &'a [Packet],
    next: Option<usize>,
    bytes: usize,
}

impl<'a> Mail<'a> {
    /// The sending peer.
    pub(super) const fn src(&self) -> &'a NodePublic {
        self.src
    }

    /// Packet bytes not taken out yet.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The packet that comes out next.
    pub(super) fn peek(&self) -> Option<&'a [u8]> {
        let range = self.packets.get(self.next?)?.range.clone();
        self.plain.get(range)
    }

    /// Whether all packets were taken out.
    pub(super) const fn is_empty(&self) -> bool {
        self.next.is_none()
    }
}

impl<'a> Iterator for Mail<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let Packet { range, next } = self.packets.get(self.next?)?;
        self.next = *next;
        let packet = self.plain.get(range.clone()).unwrap_or_default();
        self.bytes -= packet.len();
        Some(packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u8) -> Address {
        let key = |byte| NodePublic::from_bytes([byte; 32]);
        Address { dst: key(number), src: key(0xff), forwarded: false }
    }

    fn collect(batch: &Batch, plain: &[u8]) -> Vec<(Address, Vec<Vec<u8>>)> {
        batch.mail(plain).map(|(address, mail)| (address, mail.map(<[u8]>::to_vec).collect())).collect()
    }

    #[test]
    fn packets_keep_their_order_within_a_destination() {
        let mut batch = Batch::default();
        for (at, number) in [1, 2, 1, 1, 2].into_iter().enumerate() {
            batch.add(&address(number), at..at + 1);
        }
        let expected = [
            (address(1), vec![b"a".to_vec(), b"c".to_vec(), b"d".to_vec()]),
            (address(2), vec![b"b".to_vec(), b"e".to_vec()]),
        ];
        assert_eq!(collect(&batch, b"abcde"), expected);
    }

    #[test]
    fn many_destinations_are_told_apart() {
        let mut batch = Batch::default();
        for round in 0..2 {
            for number in 0..100 {
                let at = usize::from(number) + round * 100;
                batch.add(&address(number), at..at + 1);
            }
        }
        let plain: Vec<u8> = (0..200).collect();
        let groups = collect(&batch, &plain);
        assert_eq!(groups.len(), 100);
        for (number, (of, packets)) in (0..100).zip(groups) {
            assert_eq!((of, packets), (address(number), vec![vec![number], vec![number + 100]]));
        }
    }

    #[test]
    fn a_forwarded_packet_is_apart_from_one_sent() {
        let mut batch = Batch::default();
        batch.add(&address(1), 0..1);
        batch.add(&Address { forwarded: true, ..address(1) }, 1..2);
        assert_eq!(batch.mail(b"ab").count(), 2);
    }

    #[test]
    fn a_huge_batch_leaves_no_huge_memory() {
        let mut batch = Batch::default();
        for at in 0..10 * KEPT {
            let key = |number: usize| {
                let mut bytes = [0; 32];
                bytes[..8].copy_from_slice(&number.to_le_bytes());
                NodePublic::from_bytes(bytes)
            };
            batch.add(&Address { dst: key(at), ..address(1) }, at..at + 1);
        }
        batch.clear();
        assert!(batch.groups.capacity() <= KEPT && batch.packets.capacity() <= KEPT);
        assert!(batch.index.capacity() <= 2 * KEPT);
    }

    #[test]
    fn nothing_of_a_batch_is_left_in_the_next() {
        let mut batch = Batch::default();
        for number in 0..20 {
            batch.add(&address(number), 0..1);
        }
        batch.clear();
        assert_eq!(batch.mail(b"a").count(), 0);
        batch.add(&address(7), 0..1);
        let mail: Vec<_> = batch.mail(b"a").collect();
        assert_eq!((mail.len(), mail[0].1.bytes()), (1, 1));
    }
}
