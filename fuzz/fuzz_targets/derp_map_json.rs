//! The JSON form of a map: what is read is written, and what is written reads back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wherry_wire::derp_map::DerpMap;

fuzz_target!(|text: &[u8]| {
    if let Ok(map) = DerpMap::from_json(text) {
        let written = map.to_json().expect("it was read");
        assert_eq!(DerpMap::from_json(written.as_bytes()).expect("just written"), map);
    }
});
