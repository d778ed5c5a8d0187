use super::*;
use crate::annotated_hex::hex;

const TX: TxId = TxId([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);

const REQUEST: &str = "
    0001 0014 2112a442          # binding request, 20 bytes of attributes, cookie
    000102030405060708090a0b    # transaction id
    8022 0008 7461696c6e6f6465  # SOFTWARE tailnode
    8028 0004 8aabad90          # FINGERPRINT";

/// A request with these attributes, then a right fingerprint.
fn signed(attributes: &str) -> Vec<u8> {
    let mut datagram = hex("0001 0014 2112a442 000102030405060708090a0b");
    datagram.extend(hex(attributes));
    let sum = fingerprint(&datagram);
    datagram.extend([0x80, 0x28, 0, 4]);
    datagram.extend(sum);
    datagram
}

const NAME: &str = "8022 0008 7461696c6e6f6465";

#[test]
fn request_matches_the_golden_bytes() {
    assert_eq!(request(TX).as_slice(), hex(REQUEST));
    assert_eq!(parse_request(&hex(REQUEST)), Ok(TX));
    assert_eq!(signed(NAME), hex(REQUEST));
}

#[test]
fn length_in_the_header_is_ignored() {
    let mut datagram = request(TX);
    datagram[2..4].copy_from_slice(&[0xff, 0xff]);
    // The checksum covers the length.
    let sum = fingerprint(&datagram[..32]);
    datagram[36..].copy_from_slice(&sum);
    assert_eq!(parse_request(&datagram), Ok(TX));
}

#[test]
fn other_attributes_before_between_and_odd_lengths_are_fine() {
    assert_eq!(parse_request(&signed(&format!("0006 0003 616263 00 {NAME}"))), Ok(TX));
    assert_eq!(parse_request(&signed(&format!("{NAME} 0006 0000"))), Ok(TX));
    assert_eq!(parse_request(&signed(&format!("8022 0001 78 000000 {NAME}"))), Ok(TX), "two names");
}

#[test]
fn each_rule_has_its_own_refusal() {
    let mut cookie = request(TX);
    cookie[7] ^= 1;
    assert_eq!(parse_request(&cookie), Err(NotStun::NotStun));
    let mut top_bits = request(TX);
    top_bits[0] = 0x40;
    assert_eq!(parse_request(&top_bits), Err(NotStun::NotStun));
    let mut response_type = request(TX);
    response_type[..2].copy_from_slice(&[1, 1]);
    assert_eq!(parse_request(&response_type), Err(NotStun::NotRequest));
    assert_eq!(parse_request(&signed("8022 0008 7461696c6e6f6466")), Err(NotStun::WrongSoftware));
    assert_eq!(parse_request(&signed("8022 0007 7461696c6e6f64 00")), Err(NotStun::WrongSoftware));
    assert_eq!(
        parse_request(&signed("0006 0008 7461696c6e6f6465")),
        Err(NotStun::WrongSoftware),
        "a user's name"
    );
    assert_eq!(parse_request(&signed("")), Err(NotStun::WrongSoftware));
    assert_eq!(parse_request(&signed("8022 0009 7461696c6e6f6465")), Err(NotStun::Malformed), "runs over");
    let mut trailing = signed(NAME);
    trailing.extend([0x80, 0x29, 0, 0]);
    assert_eq!(parse_request(&trailing), Err(NotStun::NoFingerprint));
    let mut checksum = request(TX);
    checksum[39] ^= 1;
    assert_eq!(parse_request(&checksum), Err(NotStun::WrongFingerprint));
    let mut empty = hex("0001 0014 2112a442 000102030405060708090a0b");
    empty.extend(hex(&format!("{NAME} 8028 0000")));
    assert_eq!(parse_request(&empty), Err(NotStun::WrongFingerprint), "fingerprint without a value");
}

#[test]
fn truncated_request_gets_no_answer_at_every_byte() {
    for end in 0..REQUEST_LEN {
        parse_request(&request(TX)[..end]).unwrap_err();
    }
}

#[test]
fn any_flipped_bit_gets_no_answer() {
    for bit in 0..REQUEST_LEN * 8 {
        let mut datagram = request(TX);
        datagram[bit / 8] ^= 1 << (bit % 8);
        assert!(parse_request(&datagram).is_err(), "bit {bit}");
    }
}
