//! Walks a stream of frames as a server does. The first byte says whether the connection is a sibling's.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wherry_wire::derp::{FrameError, Header, Intake, MAX_PACKET, ToServer};

fuzz_target!(|data: &[u8]| {
    let Some((first, mut stream)) = data.split_first() else { return };
    let mesh = first & 1 == 1;
    while let Some((header, rest)) = stream.split_first_chunk() {
        let header = Header::decode(header);
        assert_eq!(Header::decode(&header.encode()), header);
        let (keep, skip) = match Intake::of(header, mesh) {
            Ok(Intake::Whole(keep)) => (keep, 0),
            Ok(Intake::Prefix { keep, skip }) => (keep, skip),
            Ok(Intake::Skip(skip)) => (0, skip),
            // Whatever is refused by its header must be refused by its payload too, the mesh key apart.
            Err(FrameError::NotMesh { .. }) => return,
            Err(_) => {
                let payload = rest.get(..header.len as usize).unwrap_or(rest);
                if payload.len() == header.len as usize {
                    assert!(ToServer::decode(header.frame_type, payload).is_err());
                }
                return;
            }
        };
        assert_eq!(keep + skip, header.len as usize);
        assert!(keep <= 64 + MAX_PACKET);
        let Some((kept, rest)) = rest.split_at_checked(keep) else { return };
        let decoded = ToServer::decode(header.frame_type, kept);
        match decoded {
            Ok(ToServer::SendPacket { packet, .. }) => assert_eq!(packet.len(), keep - 32),
            Ok(ToServer::ForwardPacket { packet, .. }) => assert_eq!(packet.len(), keep - 64),
            Ok(_) => assert!(keep <= 32),
            Err(FrameError::NotExpected { .. }) => assert_eq!(keep, 0),
            Err(err) => panic!("accepted by its header, then refused: {err}"),
        }
        stream = rest.get(skip..).unwrap_or_default();
    }
});
