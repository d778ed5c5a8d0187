use super::*;
use crate::annotated_hex::hex;
use proptest::prelude::*;

const REGULAR: bool = false;
const MESH: bool = true;

fn judge(frame_type: FrameType, len: u32, mesh: bool) -> Result<Intake, FrameError> {
    Intake::of(Header { frame_type, len }, mesh)
}

const fn wrong_length(frame_type: FrameType, len: usize) -> FrameError {
    FrameError::WrongLength { frame_type, len }
}

fn key(byte: u8) -> NodePublic {
    NodePublic::from_bytes([byte; 32])
}

#[test]
fn send_packet_holds_a_key_and_up_to_64_kib() {
    let send = FrameType::SEND_PACKET;
    for mesh in [REGULAR, MESH] {
        assert_eq!(judge(send, 31, mesh), Err(wrong_length(send, 31)));
        assert_eq!(judge(send, 32, mesh), Ok(Intake::Whole(32)));
        assert_eq!(judge(send, 65_568, mesh), Ok(Intake::Whole(65_568)));
        let too_long = |len| FrameError::PacketTooLong { frame_type: send, len };
        assert_eq!(judge(send, 65_569, mesh), Err(too_long(65_537)));
        assert_eq!(judge(send, u32::MAX, mesh), Err(too_long(4_294_967_263)));
    }
}

#[test]
fn forward_packet_asks_for_the_mesh_key_before_any_size() {
    let forward = FrameType::FORWARD_PACKET;
    for len in [0, 63, 64, 65_600, 65_601, u32::MAX] {
        assert_eq!(judge(forward, len, REGULAR), Err(FrameError::NotMesh { frame_type: forward }));
    }
    assert_eq!(judge(forward, 63, MESH), Err(wrong_length(forward, 63)));
    assert_eq!(judge(forward, 64, MESH), Ok(Intake::Whole(64)));
    assert_eq!(judge(forward, 65_600, MESH), Ok(Intake::Whole(65_600)));
    let too_long = FrameError::PacketTooLong { frame_type: forward, len: 65_537 };
    assert_eq!(judge(forward, 65_601, MESH), Err(too_long));
}

#[test]
fn watch_conns_and_close_peer_check_the_size_before_the_mesh_key() {
    for (frame_type, right, wrong) in [(FrameType::WATCH_CONNS, 0, 1), (FrameType::CLOSE_PEER, 32, 31)] {
        let wrong_len = usize::try_from(wrong).unwrap();
        assert_eq!(judge(frame_type, wrong, REGULAR), Err(wrong_length(frame_type, wrong_len)));
        assert_eq!(judge(frame_type, wrong, MESH), Err(wrong_length(frame_type, wrong_len)));
        assert_eq!(judge(frame_type, right, REGULAR), Err(FrameError::NotMesh { frame_type }));
        assert_eq!(judge(frame_type, right, MESH), Ok(Intake::Whole(usize::try_from(right).unwrap())));
    }
    judge(FrameType::CLOSE_PEER, 33, MESH).unwrap_err();
}

#[test]
fn note_preferred_is_one_byte() {
    let note = FrameType::NOTE_PREFERRED;
    assert_eq!(judge(note, 1, REGULAR), Ok(Intake::Whole(1)));
    for len in [0, 2, u32::MAX] {
        judge(note, len, REGULAR).unwrap_err();
    }
}

#[test]
fn ping_keeps_eight_bytes_of_up_to_a_thousand() {
    let ping = FrameType::PING;
    assert_eq!(judge(ping, 7, REGULAR), Err(wrong_length(ping, 7)));
    assert_eq!(judge(ping, 8, REGULAR), Ok(Intake::Prefix { keep: 8, skip: 0 }));
    assert_eq!(judge(ping, 1000, REGULAR), Ok(Intake::Prefix { keep: 8, skip: 992 }));
    assert_eq!(judge(ping, 1001, REGULAR), Err(wrong_length(ping, 1001)));
}

#[test]
fn all_other_types_are_skipped_whatever_their_length() {
    let meaningful = [0x04, 0x07, 0x0a, 0x10, 0x11, 0x12];
    for byte in (0..=u8::MAX).filter(|byte| !meaningful.contains(byte)) {
        for len in [0, 1, 1 << 20, u32::MAX] {
            let skip = Ok(Intake::Skip(usize::try_from(len).unwrap()));
            assert_eq!(judge(FrameType::from_byte(byte), len, REGULAR), skip, "type 0x{byte:02x}");
        }
        let decoded = ToServer::decode(FrameType::from_byte(byte), &[]);
        assert_eq!(decoded, Err(FrameError::NotExpected { frame_type: FrameType::from_byte(byte) }));
    }
}

#[test]
fn each_frame_decodes_from_its_annotated_bytes() {
    let (two, three) = ("02".repeat(32), "03".repeat(32));
    let cases = [
        (format!("04 00000023 {two} # key\n 616263 # packet"), {
            ToServer::SendPacket { dst: key(2), packet: b"abc" }
        }),
        (format!("0a 00000043 {three} # source\n {two} # destination\n 616263 # packet"), {
            ToServer::ForwardPacket { src: key(3), dst: key(2), packet: b"abc" }
        }),
        ("07 00000001 00".into(), ToServer::NotePreferred(false)),
        ("07 00000001 01".into(), ToServer::NotePreferred(true)),
        ("07 00000001 80 # anything but zero".into(), ToServer::NotePreferred(true)),
        ("10 00000000".into(), ToServer::WatchConns),
        (format!("11 00000020 {two}"), ToServer::ClosePeer(key(2))),
        ("12 00000008 0102030405060708".into(), ToServer::Ping([1, 2, 3, 4, 5, 6, 7, 8])),
    ];
    for (bytes, expected) in cases {
        let bytes = hex(&bytes);
        let header = Header::decode(bytes.first_chunk().unwrap());
        let payload = &bytes[5..];
        assert_eq!(usize::try_from(header.len).unwrap(), payload.len(), "claimed length of {expected:?}");
        assert_eq!(ToServer::decode(header.frame_type, payload), Ok(expected));
    }
}

#[test]
fn truncated_payloads_are_errors_at_every_byte() {
    let cases = [
        (FrameType::SEND_PACKET, 32),
        (FrameType::FORWARD_PACKET, 64),
        (FrameType::NOTE_PREFERRED, 1),
        (FrameType::CLOSE_PEER, 32),
        (FrameType::PING, 8),
    ];
    for (frame_type, shortest) in cases {
        let payload = vec![1; shortest];
        ToServer::decode(frame_type, &payload).unwrap();
        for end in 0..shortest {
            let decoded = ToServer::decode(frame_type, &payload[..end]);
            assert_eq!(decoded, Err(wrong_length(frame_type, end)), "{frame_type} cut to {end}");
        }
    }
}

#[test]
fn overlong_payloads_are_errors_too() {
    let bytes = vec![0; 2 * 32 + limits::MAX_PACKET + 1];
    for (frame_type, longest) in [
        (FrameType::SEND_PACKET, 32 + limits::MAX_PACKET),
        (FrameType::FORWARD_PACKET, 64 + limits::MAX_PACKET),
        (FrameType::NOTE_PREFERRED, 1),
        (FrameType::WATCH_CONNS, 0),
        (FrameType::CLOSE_PEER, 32),
        (FrameType::PING, 8),
    ] {
        ToServer::decode(frame_type, &bytes[..longest]).unwrap();
        ToServer::decode(frame_type, &bytes[..=longest]).unwrap_err();
    }
}

proptest! {
    #[test]
    fn what_intake_keeps_is_what_decode_accepts(byte in 0..0x20_u8, len in 0..70_000_u32, mesh: bool) {
        let frame_type = FrameType::from_byte(byte);
        let decoded = |kept| ToServer::decode(frame_type, &vec![0; kept]).map(|_| ());
        match judge(frame_type, len, mesh) {
            Ok(Intake::Whole(keep)) => {
                prop_assert_eq!(keep, usize::try_from(len).unwrap());
                prop_assert_eq!(decoded(keep), Ok(()));
            }
            Ok(Intake::Prefix { keep, skip }) => {
                prop_assert_eq!(keep.saturating_add(skip), usize::try_from(len).unwrap());
                prop_assert_eq!(decoded(keep), Ok(()));
            }
            Ok(Intake::Skip(skip)) => {
                prop_assert_eq!(skip, usize::try_from(len).unwrap());
                prop_assert_eq!(decoded(0), Err(FrameError::NotExpected { frame_type }));
            }
            Err(FrameError::NotMesh { .. }) => prop_assert!(!mesh),
            Err(refused) => prop_assert_eq!(decoded(usize::try_from(len).unwrap()), Err(refused)),
        }
    }
}
