//! What requests and answers have in common: the header, and attributes of type, length and padded value.
use super::TxId;

/// Length of the header in bytes.
pub(super) const HEADER_LEN: usize = 20;

/// Bytes 4 to 7 of each message.
pub(super) const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// A message split into its parts: type, length of the attributes as it claims, transaction id, the rest.
pub(super) struct Message<'a> {
    pub(super) message_type: [u8; 2],
    pub(super) claimed_len: u16,
    pub(super) tx: TxId,
    pub(super) rest: &'a [u8],
}

/// Splits a datagram; `None` if it is too short, lacks the cookie, or has one of its two top bits set.
pub(super) fn split(datagram: &[u8]) -> Option<Message<'_>> {
    let (message_type, rest) = datagram.split_first_chunk::<2>()?;
    let (len, rest) = rest.split_first_chunk::<2>()?;
    let (cookie, rest) = rest.split_first_chunk::<4>()?;
    let (tx, rest) = rest.split_first_chunk::<12>()?;
    let [first, _] = *message_type;
    (*cookie == COOKIE && first & 0xc0 == 0).then_some(Message {
        message_type: *message_type,
        claimed_len: u16::from_be_bytes(*len),
        tx: TxId(*tx),
        rest,
    })
}

/// Attributes one after another: type and value. Ends after the first that does not fit, which is `None`.
pub(super) struct Attributes<'a>(Option<&'a [u8]>);

impl<'a> Attributes<'a> {
    pub(super) const fn of(bytes: &'a [u8]) -> Self {
        Self(Some(bytes))
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Option<(u16, &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.0.take().filter(|bytes| !bytes.is_empty())?;
        let attribute = first(bytes);
        self.0 = attribute.map(|(_, _, rest)| rest);
        Some(attribute.map(|(number, value, _)| (number, value)))
    }
}

/// Type, value without padding, and what follows the padding.
fn first(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    let (len, rest) = rest.split_first_chunk()?;
    let len = usize::from(u16::from_be_bytes(*len));
    let (padded, rest) = rest.split_at_checked(len.next_multiple_of(4))?;
    Some((u16::from_be_bytes(*number), padded.get(..len)?, rest))
}

/// Fills the front of `out` with the parts one after another.
pub(super) fn put(out: &mut [u8], parts: &[&[u8]]) {
    let bytes = parts.iter().flat_map(|part| part.iter());
    out.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
}
