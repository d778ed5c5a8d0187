use super::*;
use crate::annotated_hex::{CLIENT, hex, public};
use crate::derp::{ToClient, ToServer};
use proptest::prelude::*;

const KEY: &str = "50d20b455ecf12bc453f83c2cfdb2a24925d06cf2598dcaa54e91af82ce9f765";

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

#[test]
fn frames_match_the_golden_bytes() {
    let client = public(CLIENT);
    assert_eq!(written(keep_alive), hex("06 00000000"));
    assert_eq!(written(|out| note_preferred(out, true)), hex("07 00000001 01"));
    assert_eq!(written(|out| note_preferred(out, false)), hex("07 00000001 00"));
    let gone = written(|out| peer_gone(out, &client, PeerGoneReason::NOT_HERE));
    assert_eq!(gone, hex(&format!("08 00000021 {KEY} 01")));
    let present = |addr: Option<&str>| {
        let addr = addr.map(|addr| addr.parse().unwrap());
        written(|out| peer_present(out, &client, addr, PeerFlags::REGULAR))
    };
    let v4 = format!("09 00000033 {KEY} 00000000000000000000ffffc0000207 d431 01");
    assert_eq!(present(Some("192.0.2.7:54321")), hex(&v4));
    let v6 = format!("09 00000033 {KEY} 20010db8000000000000000000000007 d431 01");
    assert_eq!(present(Some("[2001:db8::7]:54321")), hex(&v6));
    let unknown = format!("09 00000033 {KEY} {} 0000 01", "00".repeat(16));
    assert_eq!(present(None), hex(&unknown));
}

#[test]
fn ping_and_pong_are_thirteen_bytes() {
    assert_eq!(written(|out| ping(out, *b"abcdefgh")), hex("12 00000008 6162636465666768"));
    assert_eq!(written(|out| pong(out, *b"abcdefgh")), hex("13 00000008 6162636465666768"));
}

#[test]
fn packets_carry_their_keys_in_order() {
    let (src, dst) = (public(CLIENT), NodePublic::from_bytes([2; 32]));
    let two = "02".repeat(32);
    let recv = written(|out| recv_packet(out, &src, b"abc").unwrap());
    assert_eq!(recv, hex(&format!("05 00000023 {KEY} 616263")));
    assert_eq!(recv_packet_header(&src, 3).unwrap().as_slice(), &recv[..37]);
    let send = written(|out| send_packet(out, &dst, b"abc").unwrap());
    assert_eq!(send, hex(&format!("04 00000023 {two} 616263")));
    let forward = written(|out| forward_packet(out, &src, &dst, b"abc").unwrap());
    assert_eq!(forward, hex(&format!("0a 00000043 {KEY} {two} 616263")));
}

#[test]
fn the_rest_matches_its_annotated_bytes() {
    assert_eq!(written(watch_conns), hex("10 00000000"));
    assert_eq!(written(|out| close_peer(out, &public(CLIENT))), hex(&format!("11 00000020 {KEY}")));
    assert_eq!(written(|out| health(out, "BAD").unwrap()), hex("14 00000003 424144"));
    assert_eq!(written(|out| health(out, "").unwrap()), hex("14 00000000"));
    assert_eq!(written(|out| restarting(out, 1, 2)), hex("15 00000008 00000001 00000002"));
}

#[test]
fn what_does_not_fit_is_refused_and_leaves_the_output_alone() {
    let key = public(CLIENT);
    let packet = vec![0; limits::MAX_PACKET.saturating_add(1)];
    let refused = TooLong { len: 65_537, max: 65_536 };
    let mut out = vec![7];
    assert_eq!(recv_packet(&mut out, &key, &packet), Err(refused));
    assert_eq!(send_packet(&mut out, &key, &packet), Err(refused));
    assert_eq!(forward_packet(&mut out, &key, &key, &packet), Err(refused));
    assert_eq!(recv_packet_header(&key, packet.len()), Err(refused));
    let text = "x".repeat(limits::MAX_CLIENT_FRAME.saturating_add(1));
    health(&mut out, &text).unwrap_err();
    assert_eq!(out, [7]);
    let longest = &packet[1..];
    recv_packet(&mut out, &key, longest).unwrap();
    assert_eq!(out.len(), 1 + 37 + longest.len());
}

fn any_key() -> impl Strategy<Value = NodePublic> {
    any::<[u8; 32]>().prop_map(NodePublic::from_bytes)
}

fn any_packet() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![prop::collection::vec(any::<u8>(), 0..2000), Just(vec![0xa5; limits::MAX_PACKET]),]
}

/// The one frame in `bytes`, whose header must claim exactly what follows it.
fn only_frame(bytes: &[u8]) -> (FrameType, &[u8]) {
    let (head, payload) = bytes.split_first_chunk().unwrap();
    let header = Header::decode(head);
    assert_eq!(usize::try_from(header.len).unwrap(), payload.len(), "claimed length is real length");
    (header.frame_type, payload)
}

proptest! {
    #[test]
    fn what_clients_write_servers_read(
        src in any_key(),
        dst in any_key(),
        packet in any_packet(),
        data: [u8; 8],
        home: bool,
    ) {
        let packet = packet.as_slice();
        let frames = [
            (written(|out| send_packet(out, &dst, packet).unwrap()), ToServer::SendPacket { dst, packet }),
            (written(|out| forward_packet(out, &src, &dst, packet).unwrap()), {
                ToServer::ForwardPacket { src, dst, packet }
            }),
            (written(|out| note_preferred(out, home)), ToServer::NotePreferred(home)),
            (written(watch_conns), ToServer::WatchConns),
            (written(|out| close_peer(out, &dst)), ToServer::ClosePeer(dst)),
            (written(|out| ping(out, data)), ToServer::Ping(data)),
        ];
        for (bytes, expected) in &frames {
            let (frame_type, payload) = only_frame(bytes);
            prop_assert_eq!(ToServer::decode(frame_type, payload), Ok(*expected));
        }
    }

    #[test]
    fn what_servers_write_clients_read(
        src in any_key(),
        packet in any_packet(),
        data: [u8; 8],
        reason: u8,
        bits: u8,
        v4: Option<[u8; 4]>,
        port in 1..=u16::MAX,
        text: String,
        times: [u32; 2],
    ) {
        let packet = packet.as_slice();
        let reason = PeerGoneReason::from_byte(reason);
        let flags = PeerFlags::from_bits(bits);
        let addr = v4.map(|ip| SocketAddr::from((ip, port)));
        let [reconnect_in_ms, try_for_ms] = times;
        let frames = [
            (written(|out| recv_packet(out, &src, packet).unwrap()), ToClient::RecvPacket { src, packet }),
            (written(keep_alive), ToClient::KeepAlive),
            (written(|out| peer_gone(out, &src, reason)), ToClient::PeerGone { peer: src, reason }),
            (written(|out| peer_present(out, &src, addr, flags)), {
                ToClient::PeerPresent { peer: src, addr, flags }
            }),
            (written(|out| ping(out, data)), ToClient::Ping(data)),
            (written(|out| pong(out, data)), ToClient::Pong(data)),
            (written(|out| health(out, &text).unwrap()), ToClient::Health(text.as_bytes())),
            (written(|out| restarting(out, reconnect_in_ms, try_for_ms)), {
                ToClient::Restarting { reconnect_in_ms, try_for_ms }
            }),
        ];
        for (bytes, expected) in &frames {
            let (frame_type, payload) = only_frame(bytes);
            prop_assert_eq!(ToClient::decode(frame_type, payload), Ok(Some(*expected)));
        }
    }

    #[test]
    fn ipv6_addresses_survive(ip: [u8; 16], port: u16) {
        let addr = SocketAddr::from((ip, port));
        let bytes = written(|out| peer_present(out, &public(CLIENT), Some(addr), PeerFlags::REGULAR));
        let (frame_type, payload) = only_frame(&bytes);
        let expected = SocketAddr::new(addr.ip().to_canonical(), port);
        match ToClient::decode(frame_type, payload) {
            Ok(Some(ToClient::PeerPresent { addr: Some(found), .. })) => prop_assert_eq!(found, expected),
            Ok(Some(ToClient::PeerPresent { addr: None, .. })) => prop_assert_eq!((ip, port), ([0; 16], 0)),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}
