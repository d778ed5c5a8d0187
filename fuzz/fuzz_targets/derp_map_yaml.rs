//! The YAML form of a map: what is read is written, and what is written reads back, in both forms.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wherry_wire::derp_map::DerpMap;

fuzz_target!(|text: &[u8]| {
    let Ok(text) = std::str::from_utf8(text) else { return };
    if let Ok(map) = DerpMap::from_yaml(text) {
        let written = map.to_yaml().expect("it was read");
        let again = DerpMap::from_yaml(&written).expect("just written");
        assert_eq!(again, map, "{written}");
        let written = map.to_json().expect("it was read");
        assert_eq!(DerpMap::from_json(written.as_bytes()).expect("just written"), map);
    }
});
