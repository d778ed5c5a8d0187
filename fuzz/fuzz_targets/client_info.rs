//! Both bodies of the handshake: what is read is written, and what is written reads back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wherry_wire::derp::{ClientInfo, ServerInfo};

fuzz_target!(|body: &[u8]| {
    if let Ok(info) = ClientInfo::from_json(body) {
        let written = info.to_json();
        assert_eq!(ClientInfo::from_json(&written), Ok(info));
    }
    if let Ok(info) = ServerInfo::from_json(body) {
        let written = info.to_json();
        assert_eq!(ServerInfo::from_json(&written), Ok(info));
    }
});
