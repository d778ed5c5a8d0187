//! What a packet of the load carries: which flow it belongs to, its number, and when it was due.

use wherry_wire::derp::{HEADER_LEN, KEY_LEN, TooLong, encode};
use wherry_wire::disco;
use wherry_wire::key::NodePublic;

/// The shortest packet of a load, in bytes: mark 8, flow 8, number 8, due 8.
pub(crate) const MIN_LEN: usize = 32;

/// The shortest packet of a load that a relay takes for discovery, in bytes.
pub(crate) const MIN_DISCO_LEN: usize = disco::MIN_LEN;

/// First bytes of an ordinary packet.
const MARK: [u8; 8] = *b"wherry\0\0";

/// Where the destination's key lies in a frame.
const KEY_AT: usize = HEADER_LEN;

/// Where the packet lies in a frame.
const PACKET_AT: usize = HEADER_LEN + KEY_LEN;

/// Where the flow's number lies in a packet; the packet's own and its time follow.
const FLOW_AT: usize = 8;

/// What a packet says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) flow: u64,
    pub(super) number: u64,
    /// Nanoseconds since the start of the run's clock.
    pub(super) due: u64,
}

impl Stamp {
    /// Reads it off a packet; none if it is no packet of a load.
    pub(super) fn of(packet: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u64::from_be_bytes(*packet.get(at..)?.first_chunk()?));
        Some(Self { flow: number(FLOW_AT)?, number: number(FLOW_AT + 8)?, due: number(FLOW_AT + 16)? })
    }
}

/// A whole frame that is stamped again for each packet.
#[derive(Debug)]
pub(super) struct Form(Vec<u8>);

impl Form {
    /// A frame with a packet of `size` bytes, at least [`MIN_LEN`].
    pub(super) fn new(size: usize, is_disco: bool) -> Result<Self, TooLong> {
        let mut packet = vec![0x5a; size.max(MIN_LEN)];
        let mut mark = MARK;
        if is_disco {
            mark = [0; 8];
            mark.iter_mut().zip(disco::MAGIC).for_each(|(to, from)| *to = from);
        }
        packet.splice(..mark.len(), mark);
        let mut frame = Vec::new();
        encode::send_packet(&mut frame, &NodePublic::from_bytes([0; KEY_LEN]), &packet)?;
        Ok(Self(frame))
    }

    /// Appends the frame with this stamp, for `to`.
    pub(super) fn append(&mut self, to: &NodePublic, stamp: Stamp, batch: &mut Vec<u8>) {
        self.put(KEY_AT, to.as_bytes());
        self.put(PACKET_AT + FLOW_AT, &stamp.flow.to_be_bytes());
        self.put(PACKET_AT + FLOW_AT + 8, &stamp.number.to_be_bytes());
        self.put(PACKET_AT + FLOW_AT + 16, &stamp.due.to_be_bytes());
        batch.extend_from_slice(&self.0);
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        if let Some(place) = self.0.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_off_the_frame_it_was_put_on() {
        let stamp = Stamp { flow: 7, number: 1 << 40, due: 123_456_789 };
        let to = NodePublic::from_bytes([9; 32]);
        let mut batch = Vec::new();
        Form::new(MIN_LEN, false).unwrap().append(&to, stamp, &mut batch);
        assert_eq!(&batch[KEY_AT..PACKET_AT], to.as_bytes());
        assert_eq!(batch.len(), PACKET_AT + MIN_LEN);
        assert_eq!(Stamp::of(&batch[PACKET_AT..]), Some(stamp));
        assert_eq!(Stamp::of(&batch[PACKET_AT..batch.len() - 1]), None);
    }

    #[test]
    fn only_discovery_packets_look_like_it() {
        let to = NodePublic::from_bytes([9; 32]);
        let stamp = Stamp { flow: 0, number: 0, due: 0 };
        for is_disco in [false, true] {
            let mut batch = Vec::new();
            Form::new(MIN_DISCO_LEN, is_disco).unwrap().append(&to, stamp, &mut batch);
            assert_eq!(disco::looks_like_disco(&batch[PACKET_AT..]), is_disco);
        }
    }
}
