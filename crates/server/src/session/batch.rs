//! The packets of one read, grouped by where they go, so that each destination is looked up, locked and written to
//! once per read and not once per packet.

use std::collections::HashMap;
use std::ops::Range;

use wherry_wire::key::NodePublic;

/// Up to this many destinations a linear search beats hashing.
const LINEAR: usize = 8;

/// Packets of one read by destination, as ranges of the buffer they were read into.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Only the first `used` are of this batch; the others keep their memory for the next.
    groups: Vec<Group>,
    used: usize,
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
    packets: Vec<Range<usize>>,
    bytes: usize,
}

impl Batch {
    /// Adds the packet at `range` of the buffer.
    pub(super) fn add(&mut self, address: &Address, range: Range<usize>) {
        let position = self.position(address);
        if let Some(group) = self.groups.get_mut(position) {
            group.bytes += range.len();
            group.packets.push(range);
        }
    }

    /// Where the group of `address` is; made if there is none. A run of packets to one destination is the rule.
    fn position(&mut self, address: &Address) -> usize {
        let used = self.groups.get(..self.used).unwrap_or_default();
        if let Some(last) = used.last()
            && last.address == *address
        {
            return self.used - 1;
        }
        let found = if self.used <= LINEAR {
            used.iter().position(|group| group.address == *address)
        } else {
            self.index.get(address).copied()
        };
        found.unwrap_or_else(|| self.open_group(address))
    }

    fn open_group(&mut self, address: &Address) -> usize {
        let position = self.used;
        self.used += 1;
        match self.groups.get_mut(position) {
            Some(group) => group.address = *address,
            None => self.groups.push(Group { address: *address, packets: Vec::new(), bytes: 0 }),
        }
        if self.used == LINEAR + 1 {
            let all = self.groups.iter().take(self.used).enumerate();
            self.index.extend(all.map(|(position, group)| (group.address, position)));
        } else if self.used > LINEAR {
            self.index.insert(*address, position);
        }
        position
    }

    /// The groups, each as mail out of `plain`, in the order in which their first packets came.
    pub(super) fn mail<'a>(&'a self, plain: &'a [u8]) -> impl Iterator<Item = (Address, Mail<'a>)> {
        self.groups.iter().take(self.used).map(move |group| {
            let mail =
                Mail { src: &group.address.src, plain, packets: group.packets.iter(), bytes: group.bytes };
            (group.address, mail)
        })
    }

    /// Forgets the packets and keeps the memory.
    pub(super) fn clear(&mut self) {
        for group in self.groups.iter_mut().take(self.used) {
            group.packets.clear();
            group.bytes = 0;
        }
        self.used = 0;
        self.index.clear();
    }
}

/// The packets from one peer to another, in order; iterating takes them out.
#[derive(Debug, Clone)]
pub(super) struct Mail<'a> {
    src: &'a NodePublic,
    plain: &'a [u8],
    packets: std::slice::Iter<'a, Range<usize>>,
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

    /// Whether all packets were taken out.
    pub(super) fn is_empty(&self) -> bool {
        self.packets.len() == 0
    }
}

impl<'a> Iterator for Mail<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let packet = self.plain.get(self.packets.next()?.clone()).unwrap_or_default();
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
