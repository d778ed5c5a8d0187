//! Frames out of a run of plaintext.

use wherry_wire::derp::{FrameType, HEADER_LEN, Header};

/// Hands each complete frame to `take` and returns how many bytes they took.
pub(super) fn each_frame(plain: &[u8], mut take: impl FnMut(FrameType, &[u8])) -> usize {
    let mut rest = plain;
    while let Some((head, behind)) = rest.split_first_chunk::<HEADER_LEN>() {
        let header = Header::decode(head);
        let len = usize::try_from(header.len).unwrap_or(usize::MAX);
        let Some((payload, next)) = behind.split_at_checked(len) else { break };
        take(header.frame_type, payload);
        rest = next;
    }
    plain.len() - rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wherry_wire::derp::encode;

    #[test]
    fn a_frame_in_pieces_waits_for_its_rest() {
        let mut plain = Vec::new();
        encode::ping(&mut plain, *b"12345678");
        encode::keep_alive(&mut plain);
        let whole = plain.len();
        encode::ping(&mut plain, *b"abcdefgh");
        let mut seen = Vec::new();
        let used = each_frame(&plain[..plain.len() - 1], |frame_type, payload| {
            seen.push((frame_type, payload.to_vec()));
        });
        assert_eq!(used, whole);
        assert_eq!(seen, [(FrameType::PING, b"12345678".to_vec()), (FrameType::KEEP_ALIVE, Vec::new())]);
    }
}
