//! Bytes to meaning and back: DERP frames, handshake, keys, STUN, the DERP map.
#![forbid(unsafe_code)]
