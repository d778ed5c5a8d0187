use super::*;
use crate::annotated_hex::{CLIENT, SERVER, hex, private, public};
use crate::key::KeyError;

/// Layout by hand; X25519 checked against the reference's key pair, the box against NaCl's published vector.
const SERVER_KEY: &str = "
    01  00000028                # ServerKey, 40 bytes
    44455250 f09f9491           # DERP, U+1F511
    07a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7c";

const CLIENT_INFO: &str = "
    02  00000068                # ClientInfo, 104 bytes
    50d20b455ecf12bc453f83c2cfdb2a24925d06cf2598dcaa54e91af82ce9f765
    000102030405060708090a0b0c0d0e0f1011121314151617    # nonce
    05de3f91dd9e9ff5564250f27380ec37                    # tag
    2e5eb0e6d2eea07e1b617e4c4c3126d50913723c3ccf7b3e6bd749317ac7aab2";

const SERVER_INFO: &str = "
    03  00000035                # ServerInfo, 53 bytes
    202122232425262728292a2b2c2d2e2f3031323334353637    # nonce
    73aa57b9108a4f3df40bc5d31c6591e7                    # tag
    b3f27a1fd43b34f19a02fbeffb";

fn nonce(first: u8) -> [u8; NONCE_LEN] {
    std::array::from_fn(|at| first | u8::try_from(at).unwrap())
}

fn payload(frame: &str) -> Vec<u8> {
    hex(frame).split_off(limits::HEADER_LEN)
}

/// A ClientInfo payload from the golden client that holds any body.
fn client_info_with(body: &[u8]) -> Vec<u8> {
    let shared = SharedKey::of(&private(CLIENT).multiply(&public(SERVER)));
    [public(CLIENT).as_bytes().as_slice(), &nonce(0), &shared.seal(&nonce(0), body)].concat()
}

#[test]
fn server_key_frame_matches_the_golden_bytes() {
    assert_eq!(server_key_frame(&public(SERVER)).as_slice(), hex(SERVER_KEY));
    assert_eq!(parse_server_key(&payload(SERVER_KEY)), Ok(public(SERVER)));
}

#[test]
fn client_info_frame_matches_the_golden_bytes() {
    let (frame, _) =
        client_info_frame(&private(CLIENT), &public(SERVER), nonce(0), &ClientInfo::current()).unwrap();
    assert_eq!(frame, hex(CLIENT_INFO));
}

#[test]
fn golden_client_info_opens_and_its_key_seals_the_golden_answer() {
    let (client, info, shared) = open_client_info(&private(SERVER), &payload(CLIENT_INFO)).unwrap();
    assert_eq!(client, public(CLIENT));
    assert_eq!(info, ClientInfo { version: 2, can_ack_pings: true, ..ClientInfo::default() });
    assert_eq!(shared.seal_server_info(nonce(0x20), &ServerInfo::current()), hex(SERVER_INFO));
}

#[test]
fn a_shared_key_of_the_caller_opens_the_same_box() {
    let share = |client: &NodePublic| Some(SharedKey::of(&private(SERVER).multiply(client)));
    let (client, info, shared) = open_client_info_by(share, &payload(CLIENT_INFO)).unwrap();
    assert_eq!((client, info.version), (public(CLIENT), 2));
    assert_eq!(shared.seal_server_info(nonce(0x20), &ServerInfo::current()), hex(SERVER_INFO));
    let refused = open_client_info_by(|_| None, &payload(CLIENT_INFO)).unwrap_err();
    assert_eq!(refused, HandshakeError::Sealed);
}

#[test]
fn golden_server_info_opens() {
    let (_, shared) =
        client_info_frame(&private(CLIENT), &public(SERVER), nonce(0), &ClientInfo::current()).unwrap();
    assert_eq!(shared.open_server_info(&payload(SERVER_INFO)), Ok(ServerInfo::current()));
}

#[test]
fn server_key_may_grow_but_not_beyond_the_limit() {
    let mut payload = payload(SERVER_KEY);
    payload.resize(limits::MAX_SERVER_KEY, 0xee);
    assert_eq!(parse_server_key(&payload), Ok(public(SERVER)));
    payload.push(0);
    let too_long = HandshakeError::WrongLength { frame_type: FrameType::SERVER_KEY, len: 1025 };
    assert_eq!(parse_server_key(&payload), Err(too_long));
    let header = |len| Header { frame_type: FrameType::SERVER_KEY, len };
    assert_eq!(server_key_intake(header(40)), Ok(40));
    assert_eq!(server_key_intake(header(1024)), Ok(1024));
    assert_eq!(server_key_intake(header(1025)), Err(too_long));
    server_key_intake(header(39)).unwrap_err();
}

#[test]
fn server_key_needs_magic_and_a_key() {
    for at in 0..8 {
        let mut payload = payload(SERVER_KEY);
        payload[at] ^= 1;
        assert_eq!(parse_server_key(&payload), Err(HandshakeError::WrongMagic), "byte {at}");
    }
    let zero = [MAGIC.as_slice(), &[0; 32]].concat();
    assert_eq!(parse_server_key(&zero), Err(HandshakeError::ZeroKey));
}

#[test]
fn client_info_is_judged_by_its_header() {
    let header = |frame_type, len| client_info_intake(Header { frame_type, len });
    assert_eq!(header(FrameType::CLIENT_INFO, 56), Ok(56));
    assert_eq!(header(FrameType::CLIENT_INFO, 262_144), Ok(262_144));
    let wrong = |len| HandshakeError::WrongLength { frame_type: FrameType::CLIENT_INFO, len };
    assert_eq!(header(FrameType::CLIENT_INFO, 55), Err(wrong(55)));
    assert_eq!(header(FrameType::CLIENT_INFO, 262_145), Err(wrong(262_145)));
    let frame = HandshakeError::WrongFrame { expected: FrameType::CLIENT_INFO, found: FrameType::PING };
    assert_eq!(header(FrameType::PING, 56), Err(frame));
}

#[test]
fn truncated_handshake_payloads_are_errors_at_every_byte() {
    let (client_info, server_key, server_info) =
        (payload(CLIENT_INFO), payload(SERVER_KEY), payload(SERVER_INFO));
    for end in 0..client_info.len() {
        open_client_info(&private(SERVER), &client_info[..end]).unwrap_err();
    }
    for end in 0..server_key.len() {
        parse_server_key(&server_key[..end]).unwrap_err();
    }
    let shared = SharedKey::of(&private(CLIENT).multiply(&public(SERVER)));
    for end in 0..server_info.len() {
        shared.open_server_info(&server_info[..end]).unwrap_err();
    }
}

#[test]
fn any_flipped_bit_keeps_the_box_shut() {
    let golden = payload(CLIENT_INFO);
    for bit in 0..golden.len() * 8 {
        let mut payload = golden.clone();
        payload[bit / 8] ^= 1 << (bit % 8);
        // X25519 ignores the top bit of a public key: still the same owner, but under another name.
        let ignored = bit == 31 * 8 + 7;
        assert_eq!(open_client_info(&private(SERVER), &payload).is_ok(), ignored, "bit {bit}");
    }
}

#[test]
fn box_for_another_server_stays_shut() {
    let other = NodePrivate::generate([7; 32]);
    let opened = open_client_info(&other, &payload(CLIENT_INFO));
    assert_eq!(opened.unwrap_err(), HandshakeError::Sealed);
}

#[test]
fn zero_keys_are_rejected_on_both_sides() {
    let mut payload = payload(CLIENT_INFO);
    payload[..32].fill(0);
    assert_eq!(open_client_info(&private(SERVER), &payload).unwrap_err(), HandshakeError::ZeroKey);
    let nobody = NodePublic::from_bytes([0; 32]);
    let frame = client_info_frame(&private(CLIENT), &nobody, nonce(0), &ClientInfo::current());
    assert_eq!(frame.unwrap_err(), HandshakeError::ZeroKey);
}

#[test]
fn an_opened_box_with_a_bad_body_is_rejected() {
    let open =
        |body: &[u8]| open_client_info(&private(SERVER), &client_info_with(body)).map(|(_, info, _)| info);
    assert_eq!(open(b"{}"), Ok(ClientInfo::default()));
    assert_eq!(open(b""), Err(HandshakeError::Info(InfoError::NotJson)));
    let bad_key = InfoError::MeshKey { cause: KeyError::WrongLength { len: 0 } };
    assert_eq!(open(br#"{"meshKey":""}"#), Err(HandshakeError::Info(bad_key)));
}

#[test]
fn a_label_too_long_for_any_server_is_refused_by_the_client() {
    let frame = |len: usize| {
        let info = ClientInfo { app_name: "x".repeat(len), ..ClientInfo::default() };
        client_info_frame(&private(CLIENT), &public(SERVER), nonce(0), &info)
    };
    // Key 32, nonce 24, tag 16, and 34 bytes of JSON around the label.
    let longest = MAX_CLIENT_INFO - 32 - 24 - 16 - r#"{"CanAckPings":false,"AppName":""}"#.len();
    let (sent, _) = frame(longest).unwrap();
    assert_eq!(sent.len(), 5 + MAX_CLIENT_INFO);
    let (_, info, _) = open_client_info(&private(SERVER), &sent[5..]).unwrap();
    assert_eq!(info.app_name.len(), longest);
    let too_long = TooLong { len: MAX_CLIENT_INFO + 1, max: MAX_CLIENT_INFO };
    assert_eq!(frame(longest + 1).unwrap_err(), HandshakeError::TooLong(too_long));
}

#[test]
fn shared_key_prints_as_a_mask() {
    let shared = SharedKey::of(&private(CLIENT).multiply(&public(SERVER)));
    assert_eq!(format!("{shared:?}"), "SharedKey(***)");
}
