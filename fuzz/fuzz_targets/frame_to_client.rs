//! Walks a stream of frames as a client does.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wherry_wire::derp::{Header, MAX_CLIENT_FRAME, ToClient, handshake};

fuzz_target!(|stream: &[u8]| {
    let mut stream = stream;
    while let Some((header, rest)) = stream.split_first_chunk() {
        let header = Header::decode(header);
        let Ok(len) = ToClient::intake(header) else {
            assert!(header.len as usize > MAX_CLIENT_FRAME);
            return;
        };
        let Some((payload, rest)) = rest.split_at_checked(len) else { return };
        match ToClient::decode(header.frame_type, payload).expect("accepted by its header") {
            Some(ToClient::ServerKey(payload)) => {
                if let Ok(key) = handshake::parse_server_key(payload) {
                    assert!(!key.is_zero());
                    assert_eq!(payload[..40], handshake::server_key_frame(&key)[5..]);
                }
            }
            Some(ToClient::RecvPacket { src, packet }) => {
                assert_eq!([src.as_bytes(), packet].concat(), payload);
            }
            Some(_) | None => {}
        }
        stream = rest;
    }
});
