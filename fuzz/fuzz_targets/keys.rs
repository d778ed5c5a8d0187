//! Text forms of keys, the meta certificate's fields, and the look at a packet's front.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wherry_wire::{
    derp::meta_cert,
    disco,
    key::{DiscoPublic, MeshKey, NodePrivate, NodePublic},
};

fuzz_target!(|data: &[u8]| {
    if disco::looks_like_disco(data) {
        assert!(data.len() >= disco::MIN_LEN && data.starts_with(&disco::MAGIC));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(key) = text.parse::<NodePublic>() {
        assert_eq!(key.to_string(), text.to_ascii_lowercase());
        assert_eq!(key.short().to_string().len(), if key.is_zero() { 0 } else { 7 });
    }
    if let Ok(key) = text.parse::<DiscoPublic>() {
        assert_eq!(key.to_string(), text.to_ascii_lowercase());
    }
    if let Ok(key) = text.parse::<NodePrivate>() {
        assert_eq!(key.to_text().as_str(), text.to_ascii_lowercase());
    }
    if let Ok(Some(key)) = MeshKey::parse(text) {
        assert_eq!(key.to_text().as_str(), text.trim().to_ascii_lowercase());
    }
    // The serial number stands behind the last line break, if there is one.
    let (name, serial) = text.rsplit_once('\n').unwrap_or((text, "\u{2}"));
    if let Some((key, version)) = meta_cert::parse(name, serial.as_bytes()) {
        assert!(!key.is_zero() && version != 0);
        assert_eq!(meta_cert::common_name(&key), name.to_ascii_lowercase());
    }
});
