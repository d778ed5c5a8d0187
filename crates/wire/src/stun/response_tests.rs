use super::*;
use crate::annotated_hex::hex;

const TX: TxId = TxId([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);

const V4: &str = "
    0101 000c 2112a442          # success response, 12 bytes of attributes, cookie
    000102030405060708090a0b    # transaction id
    0020 0008                   # XOR-MAPPED-ADDRESS, 8 bytes
    00 01 f523 e112a645         # family 1, port 54321, 192.0.2.7";

const V6: &str = "
    0101 0018 2112a442
    000102030405060708090a0b
    0020 0014
    00 02 f523 0113a9fa000102030405060708090a0c    # family 2, port 54321, 2001:db8::7";

const MAPPED_V4: &str = "
    0101 0018 2112a442
    000102030405060708090a0b
    0020 0014
    00 02 f523 2112a442000102030405f9f8c809080c    # family 2, port 54321, ::ffff:192.0.2.7";

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn write(source: &str) -> Vec<u8> {
    let mut out = [0xee; MAX_RESPONSE_LEN];
    let len = response(TX, &addr(source), &mut out);
    out[..len].to_vec()
}

/// An answer with these attributes and a right length.
fn answer(attributes: &str) -> Vec<u8> {
    let attributes = hex(attributes);
    let mut datagram = vec![1, 1, 0, u8::try_from(attributes.len()).unwrap()];
    datagram.extend(hex("2112a442 000102030405060708090a0b"));
    datagram.extend(attributes);
    datagram
}

#[test]
fn answers_match_the_golden_bytes() {
    assert_eq!(write("192.0.2.7:54321"), hex(V4));
    assert_eq!(write("[2001:db8::7]:54321"), hex(V6));
    assert_eq!(parse_response(&hex(V4)), Ok((TX, addr("192.0.2.7:54321"))));
    assert_eq!(parse_response(&hex(V6)), Ok((TX, addr("[2001:db8::7]:54321"))));
}

#[test]
fn mapped_address_is_un_mapped_on_both_sides() {
    assert_eq!(write("[::ffff:192.0.2.7]:54321"), hex(V4));
    assert_eq!(parse_response(&hex(MAPPED_V4)), Ok((TX, addr("192.0.2.7:54321"))));
}

#[test]
fn ports_that_share_bits_with_the_cookie_survive() {
    for source in ["1.2.3.4:254", "1.2.3.4:257", "[1::4]:254", "[1::4]:257", "0.0.0.0:0", "[::]:65535"] {
        assert_eq!(parse_response(&write(source)), Ok((TX, addr(source))));
    }
}

#[test]
fn old_number_of_the_xored_address_is_read() {
    assert_eq!(parse_response(&answer("8020 0008 0001f523e112a645")), Ok((TX, addr("192.0.2.7:54321"))));
}

#[test]
fn plain_address_counts_only_without_an_xored_one() {
    let plain = "0001 0008 00 01 d431 c0000208";
    let xored = "0020 0008 00 01 f523 e112a645";
    assert_eq!(parse_response(&answer(plain)), Ok((TX, addr("192.0.2.8:54321"))));
    for both in [format!("{plain} {xored}"), format!("{xored} {plain}")] {
        assert_eq!(parse_response(&answer(&both)), Ok((TX, addr("192.0.2.7:54321"))));
    }
    let plain_mapped = "0001 0014 00 02 d431 00000000000000000000ffffc0000207";
    assert_eq!(parse_response(&answer(plain_mapped)), Ok((TX, addr("192.0.2.7:54321"))));
}

#[test]
fn bytes_after_the_claimed_length_are_ignored() {
    let mut datagram = hex(V4);
    datagram.extend(hex("0020 00ff 00"));
    assert_eq!(parse_response(&datagram), Ok((TX, addr("192.0.2.7:54321"))));
}

#[test]
fn padded_software_attributes_are_stepped_over() {
    for software in ["8022 0001 61 000000", "8022 0003 616263 00", "8022 0004 61626364"] {
        let datagram = answer(&format!("{software} 0020 0008 0001f523e112a645"));
        assert_eq!(parse_response(&datagram), Ok((TX, addr("192.0.2.7:54321"))), "{software}");
    }
}

#[test]
fn each_flaw_has_its_own_error() {
    assert_eq!(parse_response(&answer("")), Err(BadResponse::NoAddress));
    assert_eq!(parse_response(&answer("8022 0004 61626364")), Err(BadResponse::NoAddress));
    assert_eq!(parse_response(&answer("0020 0008 0003f523e112a645")), Err(BadResponse::Malformed), "family");
    assert_eq!(parse_response(&answer("0020 0008 0002f523e112a645")), Err(BadResponse::Malformed), "v6 in 4");
    assert_eq!(parse_response(&answer("0020 0003 0001f5 00")), Err(BadResponse::Malformed), "no port");
    assert_eq!(parse_response(&answer("0020 0008 0001f523")), Err(BadResponse::Malformed), "runs over");
    assert_eq!(parse_response(&super::super::request(TX)), Err(BadResponse::NotSuccess));
    let mut cookie = hex(V4);
    cookie[4] ^= 1;
    assert_eq!(parse_response(&cookie), Err(BadResponse::NotStun));
}

#[test]
fn truncated_answer_is_an_error_at_every_byte() {
    for golden in [V4, V6, MAPPED_V4] {
        let datagram = hex(golden);
        for end in 0..datagram.len() {
            parse_response(&datagram[..end]).unwrap_err();
        }
    }
}
