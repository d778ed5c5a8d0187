//! Requests as a server reads them, answers as a client does.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wherry_wire::stun::{MAX_RESPONSE_LEN, REQUEST_LEN, parse_request, parse_response, request, response};

fuzz_target!(|datagram: &[u8]| {
    if let Ok(tx) = parse_request(datagram) {
        assert!(datagram.len() >= REQUEST_LEN);
        assert_eq!(tx.0, datagram[8..20]);
        assert_eq!(parse_request(&request(tx)), Ok(tx));
    }
    if let Ok((tx, addr)) = parse_response(datagram) {
        assert_eq!(addr.ip(), addr.ip().to_canonical());
        let mut out = [0; MAX_RESPONSE_LEN];
        let len = response(tx, &addr, &mut out);
        assert_eq!(parse_response(&out[..len]), Ok((tx, addr)));
    }
});
