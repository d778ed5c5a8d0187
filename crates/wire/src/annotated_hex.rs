//! Test aid: bytes written as hex with remarks.

/// Bytes from lines of hex digits; white space and everything from `#` to the end of a line is a remark.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: String = text
        .lines()
        .filter_map(|line| line.split('#').next())
        .flat_map(str::chars)
        .filter(|character| !character.is_whitespace())
        .collect();
    assert_eq!(digits.len() % 2, 0, "odd number of hex digits");
    let pairs = digits.as_bytes().chunks_exact(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// Private key, public key in the golden vectors: the client's is the reference's own test vector.
pub(crate) const CLIENT: [&str; 2] = [
    "40ab1b58e9076c7a4d9d07291f5edf9d1aa017eb949624ba683317f48a640369",
    "50d20b455ecf12bc453f83c2cfdb2a24925d06cf2598dcaa54e91af82ce9f765",
];
/// Private key, public key of the server in the golden vectors.
pub(crate) const SERVER: [&str; 2] = [
    "0002030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f60",
    "07a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7c",
];

pub(crate) fn private([private, _]: [&str; 2]) -> crate::key::NodePrivate {
    format!("privkey:{private}").parse().unwrap()
}

pub(crate) fn public([_, public]: [&str; 2]) -> crate::key::NodePublic {
    crate::key::NodePublic::from_hex(public).unwrap()
}
