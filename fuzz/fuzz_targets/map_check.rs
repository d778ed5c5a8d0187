//! A map that is checked: no text breaks it, each finding names its place and what to do, and JSON that is read without a
//! finding reads equal by the map's own reader.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wherry_tools::map::{Origin, Source, check, load};
use wherry_wire::derp_map::DerpMap;

fuzz_target!(|text: &[u8]| {
    let Ok(text) = String::from_utf8(text.to_vec()) else { return };
    let source = Source { name: "map".to_owned(), origin: Origin::Stdin, text };
    for finding in check(&source, None).findings {
        let lines = source.text.matches(['\n', '\r']).count() + 1;
        assert!(finding.place.at.is_none_or(|at| at.line <= lines && at.column > 0), "{finding:?}");
        assert!(
            !finding.found.is_empty() && !finding.expected.is_empty() && !finding.cure.is_empty(),
            "{finding:?}"
        );
    }
    let loaded = load(&source);
    let is_json = source.text.starts_with('{') && !source.text.to_ascii_lowercase().contains("derpmap");
    if let Some(map) = loaded.map.filter(|_| is_json && loaded.findings.is_empty())
        && let Ok(own) = DerpMap::from_json(source.text.as_bytes())
    {
        assert_eq!(own, map);
    }
});
