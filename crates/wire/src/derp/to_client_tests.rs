use super::*;
use crate::annotated_hex::hex;

fn decode(frame_type: FrameType, payload: &[u8]) -> Option<ToClient<'_>> {
    ToClient::decode(frame_type, payload).unwrap()
}

fn key(byte: u8) -> NodePublic {
    NodePublic::from_bytes([byte; 32])
}

#[test]
fn each_frame_decodes_from_its_annotated_bytes() {
    let two = "02".repeat(32);
    let cases = [
        ("01 00000002 6162".to_owned(), ToClient::ServerKey(b"ab")),
        ("03 00000002 6162".into(), ToClient::ServerInfo(b"ab")),
        (format!("05 00000023 {two} 616263"), ToClient::RecvPacket { src: key(2), packet: b"abc" }),
        ("06 00000000".into(), ToClient::KeepAlive),
        (format!("08 00000021 {two} 01"), {
            ToClient::PeerGone { peer: key(2), reason: PeerGoneReason::NOT_HERE }
        }),
        (
            format!(
                "09 00000033 {two} 00000000000000000000ffffc0000207 # address\n d431 # port\n 06 # flags"
            ),
            {
                let flags = PeerFlags::MESH_PEER.with(PeerFlags::PROBER);
                ToClient::PeerPresent { peer: key(2), addr: Some("192.0.2.7:54321".parse().unwrap()), flags }
            },
        ),
        ("12 00000008 0102030405060708".into(), ToClient::Ping([1, 2, 3, 4, 5, 6, 7, 8])),
        ("13 00000008 0102030405060708".into(), ToClient::Pong([1, 2, 3, 4, 5, 6, 7, 8])),
        ("14 00000003 424144 # BAD".into(), ToClient::Health(b"BAD")),
        ("14 00000000".into(), ToClient::Health(b"")),
        ("15 00000008 00000001 00000002".into(), {
            ToClient::Restarting { reconnect_in_ms: 1, try_for_ms: 2 }
        }),
    ];
    for (bytes, expected) in cases {
        let bytes = hex(&bytes);
        let header = Header::decode(bytes.first_chunk().unwrap());
        let payload = &bytes[5..];
        assert_eq!(ToClient::intake(header), Ok(payload.len()), "claimed length of {expected:?}");
        assert_eq!(decode(header.frame_type, payload), Some(expected));
    }
}

#[test]
fn payloads_too_short_for_their_type_are_ignored_at_every_byte() {
    for (frame_type, shortest) in [
        (FrameType::RECV_PACKET, 32),
        (FrameType::PEER_GONE, 32),
        (FrameType::PEER_PRESENT, 32),
        (FrameType::PING, 8),
        (FrameType::PONG, 8),
        (FrameType::RESTARTING, 8),
    ] {
        let payload = vec![1; shortest];
        assert!(decode(frame_type, &payload).is_some(), "{frame_type}");
        for end in 0..shortest {
            assert_eq!(decode(frame_type, &payload[..end]), None, "{frame_type} cut to {end}");
        }
    }
}

#[test]
fn peer_gone_without_reason_means_disconnected() {
    let gone = |reason| Some(ToClient::PeerGone { peer: key(2), reason });
    let mut payload = vec![2; 32];
    assert_eq!(decode(FrameType::PEER_GONE, &payload), gone(PeerGoneReason::DISCONNECTED));
    payload.extend([0xf0, 0xee]);
    assert_eq!(decode(FrameType::PEER_GONE, &payload), gone(PeerGoneReason::from_byte(0xf0)));
}

#[test]
fn peer_present_tells_as_much_as_its_length_holds() {
    let payload = hex(&format!("{} 20010db8000000000000000000000007 d431 08 ee", "02".repeat(32)));
    let present = |len: usize| match decode(FrameType::PEER_PRESENT, &payload[..len]) {
        Some(ToClient::PeerPresent { peer, addr, flags }) if peer == key(2) => (addr, flags.bits()),
        other => panic!("{other:?}"),
    };
    for len in 32..50 {
        assert_eq!(present(len), (None, 0), "{len} bytes");
    }
    let addr = Some("[2001:db8::7]:54321".parse().unwrap());
    assert_eq!(present(50), (addr, 0));
    assert_eq!(present(51), (addr, 8));
    assert_eq!(present(52), (addr, 8));
}

#[test]
fn peer_present_with_zeros_has_no_address() {
    let payload = [[2; 32].as_slice(), &[0; 18], &[1]].concat();
    let expected = ToClient::PeerPresent { peer: key(2), addr: None, flags: PeerFlags::REGULAR };
    assert_eq!(decode(FrameType::PEER_PRESENT, &payload), Some(expected));
}

#[test]
fn longer_pings_pongs_and_restarts_are_read_by_their_front() {
    assert_eq!(decode(FrameType::PING, &[7; 30]), Some(ToClient::Ping([7; 8])));
    assert_eq!(decode(FrameType::PONG, &[7; 30]), Some(ToClient::Pong([7; 8])));
    let restarting = decode(FrameType::RESTARTING, &[0, 0, 0, 1, 0, 0, 0, 2, 9]);
    assert_eq!(restarting, Some(ToClient::Restarting { reconnect_in_ms: 1, try_for_ms: 2 }));
}

#[test]
fn unknown_types_and_those_of_servers_are_ignored() {
    let known = [1, 3, 5, 6, 8, 9, 0x12, 0x13, 0x14, 0x15];
    for byte in (0..=u8::MAX).filter(|byte| !known.contains(byte)) {
        assert_eq!(decode(FrameType::from_byte(byte), &[1; 100]), None, "type 0x{byte:02x}");
    }
}

#[test]
fn a_mebibyte_is_read_and_a_byte_more_is_fatal_whatever_the_type() {
    let longest = vec![0; limits::MAX_CLIENT_FRAME];
    let longer = vec![0; limits::MAX_CLIENT_FRAME.saturating_add(1)];
    for byte in [0x05, 0x14, 0xff] {
        let frame_type = FrameType::from_byte(byte);
        let header = |len| Header { frame_type, len };
        assert_eq!(ToClient::intake(header(1 << 20)), Ok(1 << 20));
        let too_long = FrameError::WrongLength { frame_type, len: 1_048_577 };
        assert_eq!(ToClient::intake(header(1_048_577)), Err(too_long));
        ToClient::decode(frame_type, &longest).unwrap();
        assert_eq!(ToClient::decode(frame_type, &longer), Err(too_long));
    }
}

#[test]
fn flags_are_a_set() {
    let both = PeerFlags::PROBER.with(PeerFlags::NOT_IDEAL);
    assert_eq!(both.bits(), 0x0c);
    assert!(both.has(PeerFlags::PROBER) && !both.has(PeerFlags::REGULAR));
    assert_eq!(PeerFlags::from_bits(0xff).bits(), 0xff, "unknown bits are kept");
}
