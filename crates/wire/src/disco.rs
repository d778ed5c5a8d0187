//! Recognising discovery packets, which a relay treats as urgent but cannot read.
//!
//! What lives here: the test a relay makes, and nothing more. It may use nothing.
//! What must stay true: the test looks at six bytes and a length, copies nothing and never fails.

/// First bytes of each discovery packet: `TS` and U+1F4AC (speech balloon) in UTF-8.
///
/// Source: tailscale: disco/disco.go.
pub const MAGIC: [u8; 6] = [0x54, 0x53, 0xf0, 0x9f, 0x92, 0xac];

/// Shortest packet taken for discovery, in bytes: magic 6, sender key 32, nonce 24.
pub const MIN_LEN: usize = 62;

/// Whether a packet looks like discovery: long enough and with the right first bytes.
///
/// A stranger can make any packet look so; nothing but priority may hang on it.
///
/// Source: tailscale: disco/disco.go.
#[inline]
#[must_use]
pub fn looks_like_disco(packet: &[u8]) -> bool {
    packet.len() >= MIN_LEN && packet.first_chunk() == Some(&MAGIC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magic_alone_is_not_enough() {
        let mut packet = [0; MIN_LEN];
        packet[..6].copy_from_slice(&MAGIC);
        assert!(looks_like_disco(&packet));
        for end in 0..MIN_LEN {
            assert!(!looks_like_disco(&packet[..end]), "{end} bytes");
        }
    }

    #[test]
    fn each_byte_of_the_magic_counts() {
        for at in 0..MAGIC.len() {
            let mut packet = [0; 100];
            packet[..6].copy_from_slice(&MAGIC);
            packet[at] ^= 1;
            assert!(!looks_like_disco(&packet), "byte {at}");
        }
    }
}
